//! `guest set`, `guest config` and `guest mountpoint add` against the demo host.

use felhom::demo::faults::{Fault, Trouble};
use serde_json::{Value, json};

use crate::support::{Host, run_with};

fn set(host: &Host, vmid: u32, key: &str, value: Value) {
    host.with_state(|state| state.guests.get_mut(&vmid).unwrap().config.insert(key.to_owned(), value)).unwrap();
}

fn get(host: &Host, vmid: u32, key: &str) -> Value {
    host.with_state(|state| state.guests[&vmid].config.get(key).cloned().unwrap_or_default()).unwrap()
}

fn puts(host: &Host) -> usize {
    host.requests().iter().filter(|r| r.method == "PUT" || r.method == "POST").count()
}

/// `key: old → new` of each change, `!` where it waits.
fn changed(run: &crate::support::Run) -> Vec<String> {
    let show = |v: &Value| v.as_str().unwrap_or("-").to_owned();
    let row = |c: &Value| {
        let wait = if c["pending"] == true { "!" } else { "" };
        format!("{}: {} → {}{wait}", show(&c["key"]), show(&c["old"]), show(&c["new"]))
    };
    run.json()[0]["changed"].as_array().unwrap_or_else(|| panic!("no changes\n{run}")).iter().map(row).collect()
}

#[test]
fn values_are_set_whole_and_the_difference_is_told() {
    let host = Host::baseline();
    let run = host.run(["guest", "set", "101", "description=hello", "tags=a;b", "onboot=0", "memory=192", "-o", "json"]).ok();
    assert_eq!(changed(&run), ["description: - → hello\n", "memory: 128 → 192", "onboot: - → 0", "tags: - → a;b"]);
    assert_eq!((run.json()[0]["action"].as_str(), run.json()[0]["status"].as_str()), (Some("set"), Some("ok")));
    assert_eq!((get(&host, 101, "tags"), get(&host, 101, "memory")), (json!("a;b"), json!(192)));
    let sent = host.requests().into_iter().find(|r| r.method == "PUT").unwrap();
    assert!(sent.params.contains_key("digest"), "the digest goes along: {:?}", sent.params);
    let again = host.run(["guest", "set", "101", "description=hello", "tags=b;a", "memory=192", "-o", "json"]).ok();
    assert_eq!((again.json()[0]["status"].as_str(), puts(&host)), (Some("unchanged"), 1));
    let table = host.run(["guest", "set", "101", "memory=256"]).ok();
    assert!(table.stderr.contains("memory: 192 → 256"), "{table}");
}

#[test]
fn a_change_by_somebody_else_in_between_is_a_conflict() {
    let host = Host::baseline();
    host.inject(Fault::new("GET", "/nodes/pve1/lxc/101/status/current", Trouble::Slow { ms: 1500 }).times(1));
    let running = host.start(["guest", "set", "101", "memory=192", "-o", "json"]);
    let seen = || host.requests().iter().any(|r| r.path.ends_with("/lxc/101/config"));
    crate::support::eventually("the configuration was read", seen);
    set(&host, 101, "description", json!("by somebody else\n"));
    let run = running.end().fails(3);
    let error = run.error();
    assert_eq!(error["kind"], "conflict", "{run}");
    assert!(error["hint"].as_str().unwrap().contains("run the command again"), "{run}");
    assert_eq!(get(&host, 101, "memory"), json!(128));
}

#[test]
fn settings_go_and_names_that_are_none_are_told() {
    let host = Host::baseline();
    host.run(["guest", "set", "101", "tags=a;b"]).ok();
    assert_eq!(changed(&host.run(["guest", "set", "101", "--delete", "tags", "-o", "json"]).ok()), ["tags: a;b → -"]);
    let again = host.run(["guest", "set", "101", "--delete", "tags", "-o", "json"]).ok();
    assert_eq!(again.json()[0]["status"], "unchanged");
    let run = host.run(["guest", "set", "101", "--delete", "tags,nosuch", "-o", "json"]).fails(1);
    let error = run.error();
    assert_eq!(error["kind"], "bad_parameter");
    assert!(error["errors"]["delete"].as_str().unwrap().contains("unknown option 'nosuch'"), "{run}");
    host.forgive("PUT /nodes/pve1/lxc/101/config");
    for wrong in [&["memory"][..], &["digest=0"], &[], &["memory.x=1"]] {
        host.run(["guest", "set", "101"].iter().chain(wrong)).fails(2);
    }
}

#[test]
fn a_part_is_changed_and_the_rest_stays() {
    let host = Host::baseline();
    let before = get(&host, 101, "net0").as_str().unwrap().to_owned();
    let run = host.run(["guest", "set", "101", "net0.firewall=1", "net0.tag=5", "-o", "json"]).ok();
    assert_eq!(changed(&run).len(), 1);
    let after = get(&host, 101, "net0").as_str().unwrap().to_owned();
    for part in before.split(',').chain(["firewall=1", "tag=5"]) {
        assert!(after.split(',').any(|p| p == part), "{part} is not in {after}");
    }
    host.run(["guest", "set", "101", "--delete", "net0.tag"]).ok();
    assert!(!get(&host, 101, "net0").as_str().unwrap().contains("tag="));
    let run = host.run(["guest", "set", "201", "net0.bridge=vmbr0", "net0.firewall=1", "-o", "json"]).ok();
    assert!(changed(&run)[0].contains("virtio=BC:24:11:15:20:44,bridge=vmbr0,firewall=1"), "{run}");
    host.run(["guest", "set", "101", "mp7.backup=0"]).fails(5).says("101 (ct101) has no 'mp7'");
}

#[test]
fn what_waits_for_the_next_start_is_pointed_out() {
    let host = Host::demo();
    host.run(["guest", "start", "201"]).ok();
    let run = host.run(["guest", "set", "201", "cores=4", "name=win2", "-o", "json"]).ok();
    assert_eq!(changed(&run), ["cores: 2 → 4!", "name: homeassistant → win2"]);
    assert!(run.stderr.contains("cores: 2 → 4 (pending until the next start)"), "{run}");
    let pending = host.run(["guest", "config", "201", "--pending", "-o", "json"]).ok().json();
    assert_eq!(pending, json!([{"key": "cores", "value": "2", "pending": "4", "delete": false}]));
    host.run(["guest", "config", "201", "--pending"]).ok().shows("cores");
}

#[test]
fn a_running_guests_network_is_changed_only_when_that_is_said() {
    let host = Host::demo();
    let run = host.run(["guest", "set", "101", "net0.firewall=1", "-o", "json"]).fails(3);
    assert!(run.error()["hint"].as_str().unwrap().contains("--yes"), "{run}");
    host.run(["guest", "set", "101", "net0.firewall=1", "--yes"]).ok();
}

#[test]
fn what_only_root_may_is_refused_with_the_way_to_do_it() {
    let host = Host::baseline();
    set(&host, 103, "features", json!("nesting=1"));
    for (setting, what, hint) in [
        ("features=nesting=1,keyctl=1", "keyctl", "felhom guest create lxc --golden"),
        ("features.keyctl=1", "keyctl", "pct set 103 --features 'nesting=1,keyctl=1'"),
        ("mp0=/srv,mp=/srv", "(mp0)", "pct set 103 --mp0 '/srv,mp=/srv'"),
        ("hookscript=local:snippets/x.sh", "hookscript", "pct set 103 --hookscript"),
        ("dev0=/dev/null", "(dev0)", "as root on"),
    ] {
        let run = host.run(["guest", "set", "103", setting, "-o", "json"]).fails(4);
        let error = run.error();
        assert_eq!(error["kind"], "denied", "{run}");
        assert!(error["message"].as_str().unwrap().contains(what), "{run}");
        assert!(error["message"].as_str().unwrap().contains("root@pam"), "{run}");
        assert!(error["hint"].as_str().unwrap().contains(hint), "{run}");
        assert_eq!(run.json()[0]["status"], "denied");
    }
    let run = host.run(["guest", "set", "202", "args=-foo", "-o", "json"]).fails(4);
    assert!(run.error()["hint"].as_str().unwrap().contains("qm set 202 --args '-foo'"), "{run}");
    let run = host.run(["guest", "set", "103", "features.fuse=1", "-o", "json"]).fails(4);
    assert!(!run.error()["hint"].as_str().unwrap().contains("fence"), "the fence has no way to that: {run}");
    assert_eq!(puts(&host), 0);
    // What a token may: nesting alone, and volumes.
    host.run(["guest", "set", "103", "features=nesting=0"]).ok();
    host.run(["guest", "set", "103", "mp0=local-lvm:1,mp=/data"]).ok();
    host.run(["guest", "set", "202", "memory=96", "description=q"]).ok();
}

#[test]
fn a_locked_guest_is_not_changed() {
    let host = Host::baseline();
    host.run(["guest", "set", "101", "lock=backup"]).ok();
    for args in [["description=x"], ["--delete=lock"]] {
        let run = host.run(["guest", "set", "101", "-o", "json"].iter().chain(&args)).fails(3);
        assert_eq!(run.error()["kind"], "locked", "{run}");
        assert!(run.error()["hint"].as_str().unwrap().contains("pct unlock 101"), "{run}");
    }
    // The lock stands in the configuration: after waiting for it, the digest is another one.
    let mut waiting = host.start(["guest", "set", "101", "memory=192", "--wait-lock", "30s"]);
    waiting.until_said("waiting up to 30 s");
    host.with_state(|state| state.guests.get_mut(&101).unwrap().config.shift_remove("lock")).unwrap();
    waiting.end().ok();
    assert_eq!(get(&host, 101, "memory"), json!(192));
}

#[test]
fn guards_are_not_taken_off_by_the_way() {
    let host = Host::baseline();
    host.run(["guest", "set", "101", "tags=protected;a", "protection=1"]).ok();
    for args in [&["tags=a"][..], &["--delete", "tags"], &["protection=0"], &["--delete", "protection"]] {
        let run = host.run(["guest", "set", "101", "-o", "json"].iter().chain(args)).fails(3);
        assert_eq!(run.error()["kind"], "refused", "{run}");
        assert!(run.error()["hint"].as_str().unwrap().contains("--force"), "{run}");
    }
    host.run(["guest", "set", "101", "tags=protected;b"]).ok();
    host.run(["guest", "set", "101", "tags=b", "protection=0", "--force"]).ok();
    assert_eq!(get(&host, 101, "tags"), json!("b"));
}

#[test]
fn a_disk_that_goes_is_asked_about_and_an_unused_one_needs_the_word() {
    let host = Host::baseline();
    host.run(["guest", "set", "101", "mp0=local-lvm:1,mp=/data"]).ok();
    host.run(["guest", "set", "101", "--delete", "mp0"]).fails(3).says("--yes");
    let run = host.run(["guest", "set", "101", "--delete", "mp0", "--yes", "-o", "json"]).ok();
    assert!(changed(&run).iter().any(|c| c.starts_with("unused0: - → local-lvm:")), "the volume stays, and is shown: {run}");
    host.run(["guest", "set", "101", "--delete", "unused0", "--yes"]).fails(3).says("--confirm 101");
    let plan = host.run(["guest", "set", "101", "--delete", "unused0", "--plan"]).ok();
    assert!(plan.stdout.contains("loses: volume local-lvm:"), "{plan}");
    host.run(["guest", "set", "101", "--delete", "unused0", "--confirm", "101"]).ok();
    assert_eq!(get(&host, 101, "unused0"), Value::Null);
}

#[test]
fn a_password_never_stands_on_the_command_line_nor_in_what_is_shown() {
    let host = Host::baseline().with_token("root@pam!rig");
    host.run(["guest", "set", "201", "cipassword=hunter2"]).fails(2).says("cipassword=@-");
    let run = run_with(&mut host.felhom(["guest", "set", "201", "cipassword=@-", "ciuser=admin", "-o", "json", "-vv"]), "hunter2\n").ok();
    assert_eq!(get(&host, 201, "cipassword"), json!("hunter2"));
    assert!(changed(&run).contains(&"cipassword: - → ***".to_owned()), "{run}");
    assert!(!format!("{run}").contains("hunter2"), "{run}");
    let shown = host.run(["guest", "config", "201", "-o", "json"]).ok();
    assert_eq!((shown.json()["cipassword"].as_str(), shown.json()["ciuser"].as_str()), (Some("***"), Some("admin")));
    let plan = run_with(&mut host.felhom(["guest", "set", "201", "cipassword=@-", "--plan"]), "hunter3\n").ok();
    assert!(plan.stdout.contains("cipassword=***") && !plan.stdout.contains("hunter3"), "{plan}");
}

#[test]
fn a_machines_new_disk_is_made_in_a_task() {
    let host = Host::demo();
    let run = host.run(["guest", "set", "201", "scsi1=local-lvm:4", "-o", "json"]).ok();
    assert!(run.json()[0]["upid"].as_str().unwrap().contains(":qmconfig:201:"), "{run}");
    assert!(changed(&run)[0].starts_with("scsi1: - → local-lvm:"), "{run}");
}

#[test]
fn a_mount_point_is_added_and_looked_at() {
    let host = Host::baseline();
    let run =
        host.run(["guest", "mountpoint", "add", "101", "--volume", "local-lvm:1", "--path", "/mnt/bulk", "--no-backup", "-o", "json"]).ok();
    let one = &run.json()[0];
    assert_eq!((one["mp"].as_str(), one["path"].as_str(), one["backup"].as_bool()), (Some("mp0"), Some("/mnt/bulk"), Some(false)), "{run}");
    assert!(one["volume"].as_str().unwrap().starts_with("local-lvm:") && one["size"] == "1G", "{run}");
    assert!(get(&host, 101, "mp0").as_str().unwrap().contains("backup=0"));
    assert!(run.stderr.contains("mp=/mnt/bulk"), "{run}");
    let run = host.run(["guest", "mountpoint", "add", "101", "--volume", "local-lvm:512M", "--path", "/mnt/data", "-o", "json"]).ok();
    assert_eq!(run.json()[0]["mp"], "mp1", "the next free one");
    assert!(get(&host, 101, "mp1").as_str().unwrap().contains("backup=1"));
    host.run(["guest", "mountpoint", "add", "101", "--volume", "local-lvm:1", "--path", "/mnt/data"])
        .fails(3)
        .says("already has mp1 at /mnt/data");
    host.run(["guest", "mountpoint", "add", "101", "--volume", "local-lvm:1", "--path", "/x", "--mp", "mp0"])
        .fails(3)
        .says("already has mp0");
    host.run(["guest", "mountpoint", "add", "101", "--volume", "local-lvm:1", "--path", "/x", "--mp", "mp7"]).ok();
}

#[test]
fn a_storage_that_takes_no_container_volumes_is_named_with_those_that_do() {
    let host = Host::baseline();
    let run = host.run(["guest", "mountpoint", "add", "101", "--volume", "local:1", "--path", "/x", "-o", "json"]).fails(3);
    assert!(run.error()["message"].as_str().unwrap().contains("'local' on pve1 does not allow rootdir"), "{run}");
    assert!(run.error()["hint"].as_str().unwrap().ends_with("dirct, local-lvm"), "{run}");
    host.run(["guest", "mountpoint", "add", "101", "--volume", "nosuch:1", "--path", "/x"]).fails(5).says("no storage 'nosuch'");
    host.run(["guest", "mountpoint", "add", "201", "--volume", "local-lvm:1", "--path", "/x"]).fails(2).says("needs a container");
    for (volume, path) in [("local-lvm", "/x"), ("local-lvm:x", "/x"), ("local-lvm:1", "x"), ("local-lvm:1", "/")] {
        host.run(["guest", "mountpoint", "add", "101", "--volume", volume, "--path", path]).fails(2);
    }
    assert_eq!(puts(&host), 0);
}

#[test]
fn a_token_without_the_right_is_denied_with_path_and_privilege() {
    let host = Host::demo();
    host.with_state(|state| state.access.roles.get_mut("FelhomAgent").unwrap().remove("VM.Config.Memory")).unwrap();
    let run = host.run(["guest", "set", "101", "memory=192", "-o", "json"]).fails(4);
    assert_eq!((run.error()["path"].as_str(), run.error()["privilege"].as_str()), (Some("/vms/101"), Some("VM.Config.Memory")), "{run}");
    let plan = host.run(["guest", "set", "101", "memory=192", "cores=1", "--plan"]).ok();
    assert!(plan.stdout.contains("VM.Config.Memory on /vms/101 (MISSING)"), "{plan}");
    assert!(plan.stdout.contains("VM.Config.CPU on /vms/101 (held)"), "{plan}");
}

#[test]
fn plans_and_closed_gates_send_nothing() {
    let host = Host::baseline();
    let add = ["guest", "mountpoint", "add", "101", "--volume", "local-lvm:1", "--path", "/mnt/bulk"];
    let set = ["guest", "set", "101", "memory=192"];
    for args in [&add[..], &set[..]] {
        host.run(args.iter().chain(&["--plan"])).ok().shows("nothing was changed");
        host.run(args.iter().chain(&["--read-only"])).fails(3).says("read-only mode");
    }
    assert_eq!(puts(&host), 0);
}

#[test]
fn a_value_that_the_host_did_not_apply_is_a_failure() {
    let host = Host::demo();
    host.inject(Fault::new("PUT", "/nodes/pve1/lxc/110/config", Trouble::Ignored { body: r#"{"data":null}"#.into() }));
    host.run(["guest", "set", "110", "memory=1500"]).fails(1).says("memory").says("'1500'");
    host.clear_faults();
    let set = host.run(["guest", "set", "110", "memory=1500", "-o", "json"]).ok().json();
    assert_eq!(set[0]["status"], "ok");
    let again = host.run(["guest", "set", "110", "memory=1500", "-o", "json"]).ok().json();
    assert_eq!(again[0]["status"], "unchanged");
}
