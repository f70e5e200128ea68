//! `snapshot create|list|rollback|delete` against the demo host.

use felhom::demo::state::Power;
use serde_json::{Value, json};

use crate::support::{Host, Terminal};

fn names(host: &Host, vmid: u32) -> Vec<String> {
    host.with_state(|state| state.guests[&vmid].snapshots.iter().map(|s| s.name.clone()).collect()).unwrap()
}

fn set(host: &Host, vmid: u32, key: &str, value: Value) {
    host.with_state(|state| state.guests.get_mut(&vmid).unwrap().config.insert(key.to_owned(), value)).unwrap();
}

fn writes(host: &Host) -> usize {
    host.requests().iter().filter(|r| r.method != "GET").count()
}

#[test]
fn a_snapshot_is_taken_and_listed() {
    let host = Host::baseline();
    let run = host.run(["snapshot", "create", "101", "snap1", "--description", "d1", "-o", "json"]).ok();
    let one = &run.json()[0];
    assert_eq!((one["action"].as_str(), one["status"].as_str(), one["snapshot"].as_str()), (Some("snapshot"), Some("ok"), Some("snap1")));
    assert_eq!((one["ram"].as_bool(), one["exitstatus"].as_str()), (Some(false), Some("OK")));
    host.run(["snapshot", "create", "101", "snap2"]).ok();
    let list = host.run(["snapshot", "list", "101", "-o", "json"]).ok().json();
    let seen: Vec<_> = list.as_array().unwrap().iter().map(|s| (s["name"].as_str().unwrap(), s["parent"].as_str())).collect();
    assert_eq!(seen, [("snap1", None), ("snap2", Some("snap1")), ("current", Some("snap2"))]);
    assert_eq!((list[0]["description"].as_str(), list[2]["current"].as_bool()), (Some("d1"), Some(true)));
    let table = host.run(["snapshot", "list", "101"]).ok();
    assert!(table.stdout.contains("└─ snap2") && table.stdout.contains("└──── current"), "{table}");
    assert_eq!(host.run(["snapshot", "list", "101", "-o", "id"]).ok().lines(), ["snap1", "snap2"]);
}

#[test]
fn a_name_that_is_taken_is_refused_before_anything_is_sent() {
    let host = Host::baseline();
    host.run(["snapshot", "create", "101", "snap1"]).ok();
    let before = writes(&host);
    let run = host.run(["snapshot", "create", "101", "snap1", "-o", "json"]).fails(3);
    assert_eq!(run.error()["kind"], "refused");
    assert!(run.error()["message"].as_str().unwrap().contains("snapshot 'snap1'"), "{run}");
    assert_eq!(writes(&host), before);
}

#[test]
fn names_that_the_host_would_not_take_are_mistakes() {
    let host = Host::baseline();
    for name in ["1bad", "current", "a b"] {
        host.run(["snapshot", "create", "101", name]).fails(2);
    }
    host.run(["snapshot", "create", "201", "pending", "-o", "json"]).fails(3).says("for itself");
    host.run(["snapshot", "create", "101", "pending"]).ok();
    host.run(["snapshot", "create", "snap1"]).fails(2).says("its guests and a name");
    assert_eq!(writes(&host), 1);
}

#[test]
fn a_storage_without_snapshots_is_named_before_anything_is_sent() {
    let host = Host::baseline();
    let run = host.run(["snapshot", "create", "102", "snap1", "-o", "json"]).fails(3);
    let message = run.error()["message"].as_str().unwrap().to_owned();
    assert!(message.contains("rootfs is on storage 'dirct' (dir)"), "{run}");
    assert_eq!(run.json()[0]["status"], "refused");
    set(&host, 103, "mp2", json!("/srv/bind,mp=/mnt/bind"));
    let run = host.run(["snapshot", "create", "103", "live", "-o", "json"]).fails(3);
    assert!(run.error()["message"].as_str().unwrap().contains("mp2 is a bind mount of /srv/bind"), "{run}");
    assert_eq!(writes(&host), 0);
}

#[test]
fn many_guests_at_once_and_each_with_its_own_verdict() {
    let host = Host::baseline();
    let run = host.run(["snapshot", "create", "101-103", "nightly", "-o", "json"]).fails(7);
    let seen: Vec<_> = run.json().as_array().unwrap().iter().map(|r| r["status"].as_str().unwrap().to_owned()).collect();
    assert_eq!(seen, ["ok", "refused", "ok"]);
    assert_eq!((names(&host, 101), names(&host, 102), names(&host, 103)), (vec!["nightly".into()], vec![], vec!["nightly".to_owned()]));
    host.run(["snapshot", "create", "--type", "lxc", "--pool", "pool1", "more"]).ok();
    assert_eq!((names(&host, 101).len(), names(&host, 103).len()), (1, 2));
}

#[test]
fn a_running_machine_with_its_memory() {
    let host = Host::demo();
    host.run(["guest", "start", "201"]).ok();
    let run = host.run(["snapshot", "create", "201", "with-memory", "--ram", "-o", "json"]).ok();
    assert_eq!(run.json()[0]["ram"], true, "{run}");
    let plan = host.run(["snapshot", "create", "201", "without", "--plan"]).ok();
    assert!(plan.stdout.contains("its memory is not kept"), "{plan}");
    // Going back to it needs no start: the memory goes on by itself.
    host.run(["snapshot", "rollback", "201", "with-memory", "--confirm", "with-memory"]).ok();
}

#[test]
fn a_rollback_says_what_is_lost_and_asks_for_the_name() {
    let host = Host::baseline();
    host.run(["snapshot", "create", "101", "snap1"]).ok();
    set(&host, 101, "memory", json!(192));
    let plan = host.run(["snapshot", "rollback", "101", "snap1", "--plan"]).ok();
    for text in ["irreversible", "everything that 101 (ct101) wrote since", " ago)", "memory: 192 → ", "--confirm snap1"] {
        assert!(plan.stdout.contains(text), "'{text}' is not in the plan\n{plan}");
    }
    let run = host.run(["snapshot", "rollback", "101", "snap1", "--yes", "-o", "json"]).fails(3);
    assert!(run.error()["hint"].as_str().unwrap().contains("--confirm snap1"), "{run}");
    host.run(["snapshot", "rollback", "101", "snap1", "--confirm", "101"]).fails(3).says("does not match the targets: snap1");
    assert_eq!(host.count("POST", "/rollback"), 0);
    let run = host.run(["snapshot", "rollback", "101", "snap1", "--start", "--confirm", "snap1", "-o", "json"]).ok();
    let one = &run.json()[0];
    assert_eq!((one["action"].as_str(), one["started"].as_bool(), one["snapshot"].as_str()), (Some("rollback"), Some(true), Some("snap1")));
    let (power, memory) = host.with_state(|s| (s.guests[&101].power, s.guests[&101].config["memory"].clone())).unwrap();
    assert_eq!(power, Power::Running);
    assert_ne!(memory, json!(192));
}

#[test]
fn a_running_guest_that_is_rolled_back_stands_still_and_that_is_said() {
    let host = Host::demo();
    host.run(["snapshot", "create", "101", "snap1"]).ok();
    host.run(["snapshot", "rollback", "101", "snap1", "--confirm", "snap1"]).ok().says("felhom guest start 101");
}

#[test]
fn what_is_not_there_is_not_found_with_what_is() {
    let host = Host::baseline();
    host.run(["snapshot", "create", "101", "pending"]).ok();
    for verb in ["rollback", "delete"] {
        let run = host.run(["snapshot", verb, "101", "nosuch", "--confirm", "nosuch", "-o", "json"]).fails(5);
        assert_eq!((run.error()["kind"].as_str(), run.error()["hint"].as_str()), (Some("not_found"), Some("choose from pending")));
    }
    assert_eq!(host.count("DELETE", "/snapshot/nosuch"), 0);
}

#[test]
fn a_snapshot_is_deleted_by_its_name_typed() {
    let host = Host::baseline();
    host.run(["snapshot", "create", "101", "snap1"]).ok();
    host.run(["snapshot", "create", "101", "snap2"]).ok();
    host.run(["snapshot", "delete", "101", "snap1", "--yes"]).fails(3).says("--confirm snap1");
    host.run(["snapshot", "delete", "101", "snap1", "--confirm", "snap1", "--plan"]).ok().shows("snap2 stand on it, and stay");
    let run = host.run(["snapshot", "delete", "101", "snap1", "--confirm", "snap1", "-o", "json"]).ok();
    assert_eq!((run.json()[0]["action"].as_str(), run.json()[0]["status"].as_str()), (Some("snapshot-delete"), Some("ok")));
    assert_eq!(names(&host, 101), ["snap2"]);
}

#[test]
fn tags_guard_against_rolling_back_and_templates_against_snapshots() {
    let host = Host::baseline();
    host.run(["snapshot", "create", "101", "snap1"]).ok();
    set(&host, 101, "tags", json!("production"));
    host.run(["snapshot", "rollback", "101", "snap1", "--confirm", "snap1"]).fails(3).says("it is tagged 'production'");
    host.run(["snapshot", "rollback", "101", "snap1", "--confirm", "snap1", "--force"]).ok();
    set(&host, 103, "template", json!(1));
    host.run(["snapshot", "create", "103", "snap1"]).fails(3).says("is a template");
}

#[test]
fn a_locked_guest_is_refused_with_its_lock() {
    let host = Host::baseline();
    host.run(["snapshot", "create", "101", "snap1"]).ok();
    set(&host, 101, "lock", json!("backup"));
    for args in [vec!["create", "101", "snap2"], vec!["rollback", "101", "snap1"], vec!["delete", "101", "snap1"]] {
        let mut all = vec!["snapshot"];
        all.extend(args);
        all.extend(["--confirm", "snap1", "-o", "json"]);
        let run = host.run(all).fails(3);
        assert_eq!((run.error()["kind"].as_str(), run.json()[0]["status"].as_str()), (Some("locked"), Some("refused")));
    }
}

#[test]
fn a_token_without_the_right_is_denied_with_path_and_privilege() {
    let host = Host::demo();
    host.with_state(|state| {
        let role = state.access.roles.get_mut("FelhomAgent").unwrap();
        role.remove("VM.Snapshot");
    })
    .unwrap();
    let run = host.run(["snapshot", "create", "101", "fs1", "-o", "json"]).fails(4);
    assert_eq!((run.error()["path"].as_str(), run.error()["privilege"].as_str()), (Some("/vms/101"), Some("VM.Snapshot")), "{run}");
    let plan = host.run(["snapshot", "create", "101", "fs1", "--plan"]).ok();
    assert!(plan.stdout.contains("VM.Snapshot on /vms/101 (MISSING)"), "{plan}");
}

#[test]
fn plans_and_closed_gates_send_nothing() {
    let host = Host::baseline();
    host.run(["snapshot", "create", "101", "snap1"]).ok();
    let before = writes(&host);
    for args in [["create", "101", "snap2"], ["rollback", "101", "snap1"], ["delete", "101", "snap1"]] {
        host.run(["snapshot"].iter().chain(&args).chain(&["--plan"])).ok().shows("nothing was changed");
        host.run(["snapshot"].iter().chain(&args).chain(&["--confirm", "snap1", "--read-only"])).fails(3).says("read-only mode");
    }
    assert_eq!(writes(&host), before);
}

#[test]
fn a_person_picks_a_snapshot_and_types_its_name() {
    let host = Host::baseline();
    host.run(["snapshot", "create", "101", "snap1"]).ok();
    let mut env = host.home.env();
    env.extend(host.env());
    let Some(terminal) = Terminal::start(140, 40, &env, &["snapshot", "rollback", "101"]) else { return };
    terminal.until("Which snapshot?");
    terminal.press("Enter");
    let screen = terminal.until("type snap1 to go on");
    assert!(screen.contains("loses: everything that 101 (ct101) wrote since"), "{screen}");
    terminal.types("snap1");
    terminal.press("Enter");
    assert_eq!(terminal.end().0, 0);
    assert_eq!(host.count("POST", "/rollback"), 1);
}

#[test]
fn a_lock_that_a_failed_snapshot_leaves_is_told_with_the_way_out() {
    let host = Host::with(&felhom::demo::Options { baseline: true, speed: 1.0, ..felhom::demo::Options::default() });
    let running = host.start(["snapshot", "create", "201", "q1", "-o", "json"]);
    let locked = || host.with_state(|state| state.guests[&201].lock() == Some("snapshot")).unwrap();
    crate::support::eventually("the guest is locked", locked);
    // The task dies as a real one did, and takes nothing back.
    host.with_state(|state| {
        let task = state.tasks.iter_mut().find(|task| task.kind == "qmsnapshot").unwrap();
        task.effects.clear();
        task.exit = "VM 201 qmp command 'query-savevm' failed".into();
    })
    .unwrap();
    let run = running.end().fails(6).says("still locked (snapshot); remove the stale lock with `qm unlock 201` as root on pve1");
    assert!(run.error()["message"].as_str().unwrap().contains("query-savevm"), "{run}");
    let run = host.run(["guest", "start", "201", "-o", "json"]).fails(3);
    assert_eq!(run.error()["kind"], "locked", "{run}");
}
