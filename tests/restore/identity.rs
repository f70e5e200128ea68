//! MAC addresses and name of a restored guest.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::backup::{archive, power_on, set, text};
use crate::support::Host;

const MAC: &str = "BC:24:11:4D:7B:E5";

/// Removes a guest from the host; its backups stay.
fn remove_guest(host: &Host, vmid: u32) {
    host.with_state(|state| state.guests.remove(&vmid)).unwrap();
}

fn config(host: &Host, vmid: u64) -> Value {
    host.with_state(|state| serde_json::to_value(&state.guests[&u32::try_from(vmid).unwrap()].config).unwrap()).unwrap()
}

#[test]
fn next_to_its_source_a_guest_gets_new_macs() {
    let host = Host::baseline();
    set(&host, 101, "features", "nesting=1,keyctl=1");
    power_on(&host, 101);
    let volid = archive(&host, "101");
    let run = host.run(["guest", "restore", &volid, "-o", "json"]).ok().says("10.10.10.101").says("ct101-restored");
    let result = &run.json()[0];
    for key in [
        "context",
        "node",
        "vmid",
        "name",
        "kind",
        "action",
        "status",
        "upid",
        "exitstatus",
        "started_at",
        "duration_s",
        "archive",
        "source_vmid",
        "storage",
        "identity",
        "macs",
        "hostname",
        "features",
        "unprivileged",
        "started",
        "not_in_archive",
        "root_level",
        "warnings",
    ] {
        assert!(!result[key].is_null(), "{key} is missing: {result}");
    }
    assert_eq!((text(result, "identity"), text(result, "hostname"), text(result, "action")), ("fresh", "ct101-restored", "restore"));
    assert_eq!((text(result, "features"), result["unprivileged"].as_bool()), ("nesting=1,keyctl=1", Some(true)));
    assert_eq!((result["source_vmid"].as_u64(), result["vmid"].as_u64(), text(result, "storage")), (Some(101), Some(100), "local-lvm"));
    assert_ne!(result["macs"], json!([MAC]));
    assert!(!text(&config(&host, 100), "net0").contains(MAC));
    assert!(text(&config(&host, 101), "net0").contains(MAC), "the source is unchanged");
    let sent = host.requests().into_iter().find(|r| r.method == "POST" && r.path.ends_with("/lxc")).unwrap();
    let keys: BTreeSet<&str> = sent.params.keys().map(String::as_str).collect();
    assert_eq!(keys, ["hostname", "ostemplate", "restore", "storage", "unique", "vmid"].into(), "no features are sent");
}

#[test]
fn without_its_source_a_guest_keeps_its_macs() {
    let host = Host::baseline();
    archive(&host, "101");
    remove_guest(&host, 101);
    let run = host.run(["guest", "restore", "--from", "101", "--vmid", "101", "-o", "json"]).ok();
    let result = &run.json()[0];
    assert_eq!((text(result, "identity"), &result["macs"], text(result, "hostname")), ("kept", &json!([MAC]), "ct101"));
    assert_eq!(result["vmid"].as_u64(), Some(101));
}

#[test]
fn the_identity_option_overrides_the_default() {
    let host = Host::baseline();
    archive(&host, "101");
    let run = host.run(["guest", "restore", "--from", "101", "--identity", "keep", "-o", "json"]).fails(3);
    assert!(run.stderr.contains("--yes"), "sharing a MAC address needs a confirmation: {run}");
    assert_eq!(host.count("POST", "/lxc"), 0);
    let run = host.run(["guest", "restore", "--from", "101", "--identity", "keep", "--yes", "-o", "json"]).ok();
    assert_eq!((text(&run.json()[0], "identity"), &run.json()[0]["macs"]), ("kept", &json!([MAC])));
    remove_guest(&host, 101);
    remove_guest(&host, 100);
    let run = host.run(["guest", "restore", "--from", "101", "--identity", "fresh", "--hostname", "copy", "-o", "json"]).ok();
    assert_eq!((text(&run.json()[0], "identity"), text(&run.json()[0], "hostname")), ("fresh", "copy"));
    assert_ne!(run.json()[0]["macs"], json!([MAC]));
}

#[test]
fn vms_are_restored_too() {
    let host = Host::baseline();
    let volid = archive(&host, "201");
    let run = host.run(["guest", "restore", &volid, "-o", "json"]).ok();
    let result = &run.json()[0];
    assert_eq!((text(result, "kind"), text(result, "identity"), text(result, "hostname")), ("qemu", "fresh", "vm201-restored"));
    assert_ne!(result["macs"], json!(["BC:24:11:15:20:44"]));
    let sent = host.requests().into_iter().find(|r| r.method == "POST" && r.path.ends_with("/qemu")).unwrap();
    assert_eq!(sent.params["archive"], json!(volid));
}

#[test]
fn a_guest_is_started_only_if_its_address_is_free() {
    let host = Host::baseline();
    archive(&host, "101");
    power_on(&host, 101);
    host.run(["guest", "restore", "--from", "101", "--start"]).fails(3).says("101 (ct101)").says("10.10.10.101");
    assert_eq!(host.count("POST", "/lxc"), 0, "refused before anything is sent");
    remove_guest(&host, 101);
    let run = host.run(["guest", "restore", "--from", "101", "--start", "--wait-ip", "-o", "json"]).ok();
    let result = &run.json()[0];
    assert_eq!((result["started"].as_bool(), &result["ip"]), (Some(true), &json!(["10.10.10.101"])), "{run}");
    host.run(["guest", "restore", "--from", "101", "--start", "--detach"]).fails(2);
}

#[test]
fn the_latest_backup_before_a_time_is_used() {
    let host = Host::baseline();
    let (first, second) = (archive(&host, "101"), archive(&host, "101"));
    host.with_state(|state| state.volume_mut(&first).unwrap().ctime = Some(1_795_161_600)).unwrap();
    let chosen = |at: &str| {
        let run = host.run(["guest", "restore", "--from", "ct101", "--at", at, "--plan", "-o", "json"]);
        run.stdout
    };
    assert!(chosen("2026-11-20T08:00").contains(&first), "exactly at that local time");
    assert!(chosen("2099-01-01").contains(&second));
    host.run(["guest", "restore", "--from", "101", "--at", "2020-01-01"]).fails(5).says("or before");
    host.run(["guest", "restore", "--from", "102"]).fails(5).says("no backup of 102");
    host.run(["guest", "restore", "--from", "101", "--at", "yesterday"]).fails(2);
}
