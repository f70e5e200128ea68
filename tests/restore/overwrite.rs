//! Restoring over a guest.

use serde_json::json;

use crate::backup::{archive, power_on, set, text};
use crate::support::Host;

#[test]
fn it_needs_the_vmid_as_confirmation_and_a_stopped_guest() {
    let host = Host::baseline();
    archive(&host, "101");
    set(&host, 101, "memory", "999");
    host.run(["guest", "restore", "--from", "101", "--overwrite"]).fails(3).says("--confirm 101");
    host.run(["guest", "restore", "--from", "101", "--overwrite", "--yes"]).fails(3);
    host.run(["guest", "restore", "--from", "101", "--overwrite", "--confirm", "102"]).fails(3);
    power_on(&host, 101);
    host.run(["guest", "restore", "--from", "101", "--overwrite", "--confirm", "101"]).fails(3).says("it is running");
    assert_eq!(host.count("POST", "/lxc"), 0);
    host.run(["guest", "stop", "101", "--yes"]).ok();
    let run = host.run(["guest", "restore", "--from", "101", "--overwrite", "--confirm", "101", "-o", "json"]).ok();
    let result = &run.json()[0];
    assert_eq!((result["vmid"].as_u64(), text(result, "identity"), &result["macs"]), (Some(101), "kept", &json!(["BC:24:11:4D:7B:E5"])));
    let sent = host.requests().into_iter().find(|r| r.method == "POST" && r.path.ends_with("/lxc")).unwrap();
    assert_eq!(sent.params["force"], json!("1"));
    let memory = host.with_state(|state| state.guests[&101].config["memory"].clone()).unwrap();
    assert_ne!(memory, json!("999"), "the backup's configuration is restored");
}

#[test]
fn the_plan_says_what_is_lost() {
    let host = Host::baseline();
    archive(&host, "101");
    host.run(["guest", "start", "103"]).ok();
    let plan = host.run(["guest", "restore", "--from", "101", "--overwrite", "--plan"]).ok();
    assert!(plan.stdout.contains("loses: the disks of 101 (ct101)") && plan.stdout.contains("confirm with: --confirm 101"), "{plan}");
    assert_eq!(host.count("POST", "/lxc"), 0);
}

#[test]
fn a_protected_guest_or_another_kind_is_refused() {
    let host = Host::baseline();
    archive(&host, "101");
    set(&host, 102, "tags", "production");
    host.run(["guest", "restore", "--from", "101", "--vmid", "102", "--overwrite", "--confirm", "102"])
        .fails(3)
        .says("tagged 'production'");
    host.run(["guest", "restore", "--from", "101", "--vmid", "201", "--overwrite", "--confirm", "201"])
        .fails(3)
        .says("cannot overwrite 201");
    assert_eq!(host.count("POST", "/lxc"), 0);
}
