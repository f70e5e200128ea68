//! `node reboot`, `node shutdown`: what goes down with a node is said before it does.

use crate::support::Host;

fn root() -> Host {
    Host::demo().with_token("root@pam!demo")
}

#[test]
fn it_counts_the_guests_and_wants_the_nodes_name() {
    let host = root();
    let plan = host.run(["node", "reboot", "pve1", "--plan"]).ok();
    assert!(plan.stdout.contains("3 running guests on pve1: 101 (web), 102 (db), 110 (paperless)"), "{plan}");
    assert!(plan.stdout.contains("--confirm pve1"), "{plan}");
    host.run(["node", "reboot", "pve1", "--yes"]).fails(3).says("--confirm pve1");
    host.run(["node", "reboot", "pve1", "--confirm", "pve2"]).fails(3);
    assert_eq!(host.count("POST", "/nodes/pve1/status"), 0);
    let done = host.run(["node", "reboot", "pve1", "--confirm", "pve1", "-o", "json"]).ok().json();
    assert_eq!((&done[0]["node"], &done[0]["action"], &done[0]["status"]), (&"pve1".into(), &"reboot".into(), &"ok".into()));
    assert_eq!(done[0]["guests"], serde_json::json!([101, 102, 110]));
    assert_eq!(host.count("POST", "/nodes/pve1/status"), 1);
}

#[test]
fn the_last_nodes_and_what_they_work_on_are_pointed_out() {
    let host = root();
    host.with_state(|state| state.nodes.get_mut("pve3").unwrap().online = false).unwrap();
    let running = host.run(["api", "post", "/nodes/pve2/vzdump", "vmid=103", "storage=local", "--detach"]).ok();
    assert!(running.stdout.starts_with("UPID:"));
    let plan = host.run(["node", "shutdown", "pve2", "--plan"]).ok();
    assert!(plan.stdout.contains("1 of 3 nodes would be left: the cluster loses its quorum"), "{plan}");
    host.run(["node", "shutdown", "pve3", "--confirm", "pve3"]).fails(9).says("pve3");
    host.run(["node", "reboot", "nosuch", "--confirm", "nosuch"]).fails(5);
}

#[test]
fn a_protected_guest_keeps_its_node_up() {
    let host = root();
    host.run(["guest", "tag", "add", "101", "production"]).ok();
    host.run(["node", "reboot", "pve1", "--confirm", "pve1"]).fails(3).says("101 (web)").says("--force");
    // By another name it is the same.
    host.run(["api", "post", "/nodes/pve1/status", "command=reboot", "--confirm", "pve1"]).fails(3).says("101 (web)");
    host.run(["api", "post", "/nodes/pve1/stopall", "--yes"]).fails(3).says("101 (web)");
    host.run(["api", "post", "/cluster/bulk-action/guest/shutdown", "--yes"]).fails(3).says("101 (web)");
    assert!(host.requests().iter().all(|request| request.method != "POST"));
    host.run(["node", "reboot", "pve1", "--confirm", "pve1", "--force"]).ok();
}

#[test]
fn without_the_right_it_says_what_is_missing() {
    let host = Host::demo();
    let error = host.run(["node", "reboot", "pve1", "--confirm", "pve1", "-o", "json"]).fails(4).error();
    assert_eq!((error["privilege"].as_str(), error["path"].as_str()), (Some("Sys.PowerMgmt"), Some("/nodes/pve1")));
}
