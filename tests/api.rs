//! `felhom api …`: any call, by its path.

use serde_json::json;

use crate::support::{Demo, Host};

#[test]
fn a_call_answers_what_the_host_answers() {
    let host = Host::baseline();
    let version = host.run(["api", "get", "/version", "-o", "json"]).ok();
    assert_eq!(version.json(), json!({ "release": "9.2", "repoid": "14a22df35955d97d", "version": "9.2.11" }));
    assert_eq!(version.stderr, "");
}

#[test]
fn the_demo_answers_too() {
    let demo = Demo::new();
    let version = demo.run(["api", "get", "/version", "--jq", ".version"]).ok();
    assert_eq!(version.stdout, "9.2.11\n");
    assert_eq!(demo.requests().len(), 1);
}

#[test]
fn a_get_changes_nothing_and_asks_nothing() {
    let host = Host::demo();
    let rows = host.run(["api", "get", "/cluster/resources", "type=vm", "--jq", ".[].vmid", "--read-only"]).ok();
    assert_eq!(rows.lines().len(), 13);
    let query = host.run(["api", "get", "/api2/json/cluster/resources?type=node", "--jq", "length"]).ok();
    assert_eq!(query.stdout, "3\n");
}

#[test]
fn a_write_goes_through_the_guard() {
    let host = Host::demo();
    let stop = ["api", "post", "/nodes/pve1/lxc/101/status/stop"];
    let all = |more: &[&'static str]| host.run([&stop[..], more].concat());
    all(&["--read-only", "--yes"]).fails(3).says("read-only");
    all(&[]).fails(3).says("--yes");
    let plan = all(&["--plan", "-o", "json"]).ok();
    assert!(plan.stdout.contains("/nodes/pve1/lxc/101/status/stop"), "{plan}");
    assert_eq!(host.count("POST", "/stop"), 0, "nothing was sent so far");
    all(&["--yes"]).ok();
    assert_eq!(host.count("POST", "/stop"), 1);
}

#[test]
fn an_irreversible_call_wants_its_word() {
    let host = Host::demo();
    let delete = ["api", "delete", "/nodes/pve1/lxc/900", "--yes"];
    host.run(delete).fails(3).says("--confirm 900");
    host.run(delete.iter().chain(&["--confirm", "901"])).fails(3);
    assert_eq!(host.count("DELETE", "/900"), 0);
    host.run(delete.iter().chain(&["--confirm", "900"])).ok();
    host.run(["guest", "show", "900"]).fails(5);
}

#[test]
fn a_call_that_felhom_does_not_know_counts_as_irreversible() {
    let host = Host::demo();
    let call = ["api", "put", "/nodes/pve1/disks/wipedisk", "disk=/dev/sda", "--yes"];
    host.run(call).fails(3).says("/nodes/pve1/disks/wipedisk");
    assert_eq!(host.count("PUT", "/wipedisk"), 0);
}

#[test]
fn what_is_no_path_is_exit_2() {
    let host = Host::demo();
    host.run(["api", "get", "version"]).fails(2).says("with a slash");
    host.run(["api", "get", "/version", "nonsense"]).fails(2).says("KEY=VALUE");
    assert!(host.requests().is_empty());
}

#[test]
fn every_change_stands_in_the_journal_three_times() {
    let host = Host::demo();
    host.run(["api", "post", "/nodes/pve1/lxc/101/status/stop", "--yes"]).ok();
    let folder = std::fs::read_dir(host.home.state()).unwrap();
    let journal: Vec<_> =
        folder.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|end| end == "jsonl")).collect();
    let text = std::fs::read_to_string(&journal[0]).unwrap();
    assert_eq!(text.lines().count(), 3, "{text}");
    assert!(text.contains("UPID:pve1:") && text.contains("felhom@pve!agent"), "{text}");
}

#[test]
fn a_raw_answer_shows_no_secret() {
    let host = Host::demo().with_token("root@pam!demo");
    host.with_state(|state| drop(state.guests.get_mut(&202).unwrap().config.insert("args".into(), "-object secret,data=hunter2".into())))
        .unwrap();
    let seen = host.run(["api", "get", "/nodes/pve3/qemu/202/config"]).ok();
    assert!(!seen.stdout.contains("hunter2") && seen.stdout.contains("***"), "{seen}");
}
