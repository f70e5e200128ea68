//! `guest migrate`, `node drain` and `node undrain` against the demo host.

use felhom::demo::faults::{Fault, Trouble};
use serde_json::Value;

use crate::support::Host;

fn root() -> Host {
    Host::demo().with_token("root@pam!demo")
}

fn node_of(host: &Host, guest: u32) -> String {
    let all = host.run(["guest", "list", "-o", "json"]).ok().json();
    let one = all.as_array().unwrap().iter().find(|one| one["vmid"] == guest).unwrap();
    one["node"].as_str().unwrap().to_owned()
}

#[test]
fn a_running_vm_migrates_online_and_is_looked_for_afterwards() {
    let host = root();
    let plan = host.run(["guest", "migrate", "203", "pve1", "--plan"]).ok();
    assert!(plan.stdout.contains("pve3 → pve1") && plan.stdout.contains("1 local disk"), "{plan}");
    assert_eq!(host.count("POST", "/migrate"), 0);
    let done = host.run(["guest", "migrate", "203", "pve1", "-o", "json"]).ok().json();
    assert_eq!((&done[0]["status"], &done[0]["from"], &done[0]["to"]), (&"ok".into(), &"pve3".into(), &"pve1".into()));
    assert_eq!((&done[0]["mode"], &done[0]["node"]), (&"online".into(), &"pve1".into()));
    assert_eq!(host.run(["guest", "show", "203", "--jq", ".status"]).ok().stdout.trim(), "running");
    let again = host.run(["guest", "migrate", "203", "pve1", "-o", "json"]).ok().json();
    assert_eq!(again[0]["status"], "unchanged");
    host.run(["guest", "migrate", "202", "203", "pve2", "-o", "json"]).ok();
    assert_eq!((node_of(&host, 202), node_of(&host, 203)), ("pve2".into(), "pve2".into()));
}

#[test]
fn a_running_container_is_restarted_only_on_request() {
    let host = root();
    host.run(["guest", "migrate", "101", "pve2", "--yes"]).fails(3).says("--restart");
    assert_eq!(host.count("POST", "/migrate"), 0);
    let done = host.run(["guest", "migrate", "101", "pve2", "--restart", "--yes", "-o", "json"]).ok().json();
    assert_eq!((&done[0]["mode"], &done[0]["status"]), (&"restart".into(), &"ok".into()));
    assert_eq!(host.run(["guest", "show", "101", "--jq", ".status"]).ok().stdout.trim(), "running");
    host.run(["guest", "tag", "add", "101", "production"]).ok();
    host.run(["guest", "migrate", "101", "pve1", "--restart", "--yes"]).fails(3).says("production");
}

#[test]
fn what_the_host_does_not_allow_is_said_before_anything_is_sent() {
    let host = root();
    host.with_state(|state| state.storages.get_mut("local-lvm").unwrap().config.insert("nodes".into(), "pve1,pve3".into())).unwrap();
    host.run(["guest", "migrate", "203", "pve2"]).fails(3).says("local-lvm").says("--target-storage");
    host.run(["guest", "migrate", "203", "nosuch"]).fails(5).says("nosuch");
    host.run(["guest", "migrate", "203"]).fails(2);
    let body = r#"{"data":{"allowed_nodes":[],"running":1,"local_disks":[],"local_resources":["hostpci0"],"not_allowed_nodes":{}}}"#;
    host.inject(Fault::new("GET", "/nodes/pve3/qemu/203/migrate", Trouble::Ignored { body: body.into() }));
    host.run(["guest", "migrate", "203", "pve1"]).fails(3).says("hostpci0");
    assert_eq!(host.count("POST", "/migrate"), 0);
}

#[test]
fn a_task_that_moved_nothing_is_a_failure() {
    let host = root();
    let upid = host.run(["guest", "start", "202", "--jq", ".[0].upid"]).ok().stdout.trim().to_owned();
    host.inject(Fault::new("POST", "/nodes/pve3/qemu/203/migrate", Trouble::Ignored { body: format!(r#"{{"data":"{upid}"}}"#) }));
    host.run(["guest", "migrate", "203", "pve1"]).fails(1).says("task succeeded, but 203 (k3s-1) is on pve3");
}

#[test]
fn a_guest_under_ha_moves_through_its_manager() {
    let host = root();
    host.run(["ha", "resource", "add", "vm:203"]).ok();
    let done = host.run(["guest", "migrate", "203", "pve1", "-o", "json"]).ok().json();
    assert_eq!((&done[0]["ha"], &done[0]["node"]), (&true.into(), &"pve1".into()));
    assert!(done[0]["upid"].as_str().unwrap().contains(":hamigrate:"), "{done}");
}

#[test]
fn a_node_is_drained_by_memory_and_filled_again() {
    let host = root();
    let on = |host: &Host, node: &str| -> Vec<i64> {
        let all = host.run(["guest", "list", "--node", node, "--status", "running", "-o", "json"]).ok().json();
        let mut ids: Vec<i64> = all.as_array().into_iter().flatten().map(|one| one["vmid"].as_i64().unwrap()).collect();
        ids.sort_unstable();
        ids
    };
    let before = on(&host, "pve3");
    assert_eq!(before, [111, 203, 204]);
    // The container cannot move without a restart: it is named first, and the others move.
    let plan = host.run(["node", "drain", "pve3", "--plan", "-o", "json"]).ok().json();
    assert_eq!((&plan["items"][0]["vmid"], &plan["items"][0]["status"]), (&111.into(), &"refused".into()), "{plan}");
    assert_eq!(host.count("POST", "/migrate"), 0);
    let part = host.run(["node", "drain", "pve3", "--to", "pve1", "-o", "json"]).fails(7);
    assert_eq!(part.json().as_array().unwrap().iter().filter(|one| one["node"] == "pve1").count(), 2);
    // The next run continues.
    host.run(["node", "drain", "pve3", "--restart", "--yes"]).ok();
    assert!(on(&host, "pve3").is_empty());
    let moved = host.count("POST", "/migrate");
    host.run(["node", "undrain", "pve3", "--restart", "--read-only"]).fails(3).says("read-only");
    assert!(host.run(["node", "undrain", "pve3", "--restart", "--plan"]).ok().stdout.contains("→ pve3"));
    assert_eq!(host.count("POST", "/migrate"), moved);
    let back = host.run(["node", "undrain", "pve3", "--restart", "--yes", "-o", "json"]).ok().json();
    assert_eq!(back.as_array().unwrap().len(), 3);
    assert_eq!(on(&host, "pve3"), before);
    assert_eq!(host.run(["node", "undrain", "pve3", "-o", "json"]).ok().json(), Value::Array(Vec::new()));
}

#[test]
fn a_guest_that_no_node_has_memory_for_stays() {
    let host = root();
    host.with_state(|state| state.guests.get_mut(&203).unwrap().config.insert("memory".into(), 9_000_000.into())).unwrap();
    let run = host.run(["node", "drain", "pve3", "--restart", "--yes"]).fails(7);
    assert!(run.stderr.contains("no node can take 203 (k3s-1)") && run.stderr.contains("pve1: "), "{run}");
    assert_eq!(node_of(&host, 203), "pve3");
    host.run(["node", "drain", "pve3", "--to", "pve3"]).fails(2);
    host.run(["node", "drain", "pve3", "--to", "nosuch"]).fails(5);
}
