//! `backup run`: successful backups.

use felhom::demo::Options;
use felhom::demo::faults::{Fault, Trouble};
use serde_json::json;

use super::{add_storage, archive, ids, power_on, set, text};
use crate::support::{Host, Terminal, demo_options, eventually};

#[test]
fn each_guest_has_its_own_task_result_and_backup() {
    let host = Host::baseline();
    let run = host.run(["backup", "run", "101", "ct102", "--notes", "{{guestname}} by hand", "--protect", "-o", "json"]).ok();
    let results = run.json();
    assert_eq!(results.as_array().unwrap().len(), 2);
    for (result, vmid) in results.as_array().unwrap().iter().zip([101, 102]) {
        for key in ["context", "node", "vmid", "name", "kind", "action", "status", "upid", "exitstatus", "started_at", "duration_s"] {
            assert!(!result[key].is_null(), "{key} is missing: {result}");
        }
        assert_eq!((result["vmid"].as_u64(), text(result, "status"), text(result, "action")), (Some(vmid), "ok", "backup"));
        assert_eq!((text(result, "storage"), text(result, "mode"), text(result, "consistency")), ("local", "stop", "stopped"));
        assert!(text(result, "archive").starts_with(&format!("local:backup/vzdump-lxc-{vmid}-")), "{result}");
        assert!(result["size_bytes"].as_u64().unwrap() > 0);
        assert_eq!((&result["included"], &result["excluded"]), (&json!(["rootfs"]), &json!([])));
        assert_eq!((result["protected"].as_bool(), text(result, "notes")), (Some(true), format!("ct{vmid} by hand").as_str()));
    }
    assert_eq!(host.count("POST", "/vzdump"), 2, "one call per guest");
    assert_eq!(ids(&host).len(), 2);
}

#[test]
fn only_failures_are_notified_by_default() {
    let host = Host::baseline();
    for notify in [&[][..], &["--notify", "always"], &["--notify", "never"]] {
        host.run(["backup", "run", "101"].iter().chain(notify)).ok();
    }
    let sent: Vec<_> = host.requests().into_iter().filter(|r| r.path.ends_with("/vzdump")).map(|r| r.params).collect();
    let keys = ["notification-mode", "mailnotification", "mailto"];
    let notified: Vec<Vec<Option<&str>>> = sent.iter().map(|p| keys.iter().map(|k| p.get(*k).and_then(|v| v.as_str())).collect()).collect();
    assert_eq!(notified[0], [Some("legacy-sendmail"), Some("failure"), Some("root")]);
    assert_eq!(notified[1], [Some("notification-system"), None, None]);
    assert_eq!(notified[2], [Some("legacy-sendmail"), None, None]);
}

#[test]
fn a_lost_answer_is_followed_without_a_second_backup() {
    let host = Host::baseline();
    host.inject(Fault::new("POST", "/nodes/pve1/vzdump", Trouble::LostAnswer).times(1));
    let run = host.run(["backup", "run", "101", "-o", "json"]).ok().says("looking for the task");
    assert_eq!((text(&run.json()[0], "status"), run.json()[0]["upid"].is_string()), ("ok", true), "{run}");
    assert_eq!((host.count("POST", "/vzdump"), ids(&host).len()), (1, 1));
}

#[test]
fn nodes_work_in_parallel_with_one_backup_each() {
    let host = Host::demo();
    let run = host.run(["backup", "run", "101-103,201", "--storage", "local", "--jobs", "3", "-o", "json"]).ok();
    let nodes: Vec<String> = run.json().as_array().unwrap().iter().map(|r| text(r, "node").to_owned()).collect();
    assert_eq!(nodes, ["pve1", "pve1", "pve2", "pve2"], "in the order of the guests: {run}");
    // On a node, the next backup starts after the previous one: no task waits for the node's lock.
    let waited = host.with_state(|s| serde_json::to_string(&s.tasks).unwrap().contains("trying to get global lock")).unwrap();
    assert!(!waited);
}

#[test]
fn excluded_volumes_are_named_before_and_in_the_result() {
    let host = Host::baseline();
    set(&host, 103, "mp0", "local-lvm:103/vm-103-disk-1.raw,mp=/mnt/data,backup=1,size=1G");
    set(&host, 103, "mp1", "local-lvm:103/vm-103-disk-2.raw,mp=/mnt/bulk,backup=0,size=1G");
    set(&host, 103, "mp2", "/srv/bind,mp=/mnt/bind");
    let run = host
        .run(["backup", "run", "103", "-o", "json"])
        .ok()
        .says("not in the backup: mp1 (/mnt/bulk): no backup=1, mp2 (/mnt/bind): bind mount");
    assert_eq!(run.json()[0]["included"], json!(["rootfs", "mp0 (/mnt/data)"]));
    assert_eq!(run.json()[0]["excluded"], json!(["mp1 (/mnt/bulk)", "mp2 (/mnt/bind)"]));
    let scope = host.run(["backup", "scope", "103", "-o", "json"]).ok().says("Docker").says("felhom guest disk add 103").json();
    let reasons: Vec<&str> = scope.as_array().unwrap().iter().map(|part| text(part, "reason")).collect();
    assert_eq!(reasons, ["root", "enabled", "not_enabled", "bind"]);
}

#[test]
fn stop_mode_needs_a_confirmation_and_starts_the_guest_again() {
    let host = Host::baseline();
    power_on(&host, 101);
    let run = host.run(["backup", "run", "101", "--mode", "stop"]).fails(3).says("--yes");
    assert_eq!((run.stdout.as_str(), host.count("POST", "/vzdump")), ("", 0));
    let run = host.run(["backup", "run", "101", "--mode", "stop", "--yes", "-o", "json"]).ok();
    assert_eq!(text(&run.json()[0], "consistency"), "stopped");
    let running = host.with_state(|state| state.guests[&101].power.is_on()).unwrap();
    assert!(running);
    let run = host.run(["backup", "run", "101", "-o", "json"]).ok();
    assert_eq!((text(&run.json()[0], "mode"), text(&run.json()[0], "consistency")), ("snapshot", "crash"));
}

#[test]
fn a_volume_without_snapshots_falls_back_to_suspend_mode() {
    let host = Host::baseline();
    power_on(&host, 102);
    let run = host.run(["backup", "run", "102", "-o", "json"]).ok().says("suspended during the backup");
    assert_eq!(text(&run.json()[0], "mode"), "suspend");
}

#[test]
fn an_answering_guest_agent_freezes_the_file_systems() {
    let host = Host::baseline();
    power_on(&host, 201);
    let consistency = |host: &Host| text(&host.run(["backup", "run", "201", "-o", "json"]).ok().json()[0], "consistency").to_owned();
    assert_eq!(consistency(&host), "crash");
    set(&host, 201, "agent", "1");
    host.with_state(|state| state.guests.get_mut(&201).unwrap().agent = true).unwrap();
    assert_eq!(consistency(&host), "fsfreeze");
    set(&host, 201, "agent", "1,freeze-fs-on-backup=0");
    assert_eq!(consistency(&host), "crash");
}

#[test]
fn detached_it_prints_the_upid_and_does_not_wait() {
    let host = Host::baseline();
    let run = host.run(["backup", "run", "101", "--detach"]).ok();
    assert!(run.stdout.starts_with("UPID:pve1:") && run.stdout.contains(":vzdump:101:"), "{run}");
}

#[test]
fn a_plan_sends_nothing() {
    let host = Host::baseline();
    let run = host.run(["backup", "run", "101", "--keep", "last=2", "--plan"]).ok();
    assert!(run.stdout.contains("prune-backups=keep-last=2") && run.stdout.contains("nothing was changed"), "{run}");
    assert_eq!(host.count("POST", "/vzdump"), 0);
}

#[test]
fn a_proxmox_backup_server_works_like_any_storage() {
    let host = Host::baseline();
    add_storage(&host, "pbs", "pbs", "backup");
    let run = host.run(["backup", "run", "101", "--storage", "pbs", "-o", "json"]).ok();
    let volid = text(&run.json()[0], "archive").to_owned();
    assert!(volid.starts_with("pbs:backup/ct/101/"), "{run}");
    let sent = host.requests().into_iter().find(|r| r.path.ends_with("/vzdump")).unwrap();
    assert!(!sent.params.contains_key("compress"), "a Proxmox Backup Server compresses by itself");
    let shown = host.run(["backup", "show", &volid, "-o", "json"]).ok().says("stores only what no other snapshot has").json();
    assert_eq!((text(&shown, "namespace"), shown["verification"].is_null()), ("lab", true));
    host.run(["backup", "verify", &volid]).fails(1).says("has not verified it yet");
    host.with_state(|state| {
        let volume = state.storages.get_mut("pbs").unwrap().volumes.first_mut().unwrap();
        volume.extra.insert("verification".into(), json!({ "state": "ok", "upid": "UPID:pbs" }));
    })
    .unwrap();
    host.run(["backup", "verify", &volid]).ok();
    let restored = host.run(["guest", "restore", &volid, "-o", "json"]).ok().json();
    assert_eq!((text(&restored[0], "status"), text(&restored[0], "archive")), ("ok", volid.as_str()));
    // Two storages allow backups now.
    host.run(["backup", "run", "101"]).fails(2).says("--storage").says("local, pbs");
}

#[test]
fn an_interrupt_keeps_the_task_by_default() {
    let host = Host::with(&Options { baseline: true, speed: 0.05, ..demo_options() });
    let mut run = host.start(["backup", "run", "101", "--progress", "plain", "-o", "json"]);
    run.until_said("started (UPID:");
    run.interrupt();
    let run = run.end();
    assert_eq!((run.code, text(&run.json()[0], "status")), (130, "interrupted"), "{run}");
    assert_eq!(host.count("DELETE", ":"), 0);
    assert!(run.stderr.contains("felhom task wait "), "{run}");
    let mut run = host.start(["backup", "run", "102", "--cancel-on-interrupt", "--progress", "plain", "-o", "json"]);
    run.until_said("started (UPID:");
    run.interrupt();
    assert_eq!(run.end().code, 130);
    eventually("no backup is left", || ids(&host).is_empty());
}

#[test]
fn a_guest_can_be_chosen_at_a_terminal() {
    let host = Host::baseline();
    let mut env = host.home.env();
    env.extend(host.env());
    let Some(terminal) = Terminal::start(110, 24, &env, &["backup", "run"]) else { return };
    terminal.until("ct101");
    terminal.press("Enter");
    let (code, screen) = terminal.end();
    assert_eq!(code, 0, "{screen}");
    assert!(ids(&host)[0].contains("vzdump-lxc-101-"), "{screen}");
    drop(archive(&host, "101"));
}
