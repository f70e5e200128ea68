//! Whose MACs and whose name a restored guest has.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::backup::{archive, set, switch_on, text};
use crate::support::Host;

const MAC: &str = "BC:24:11:4D:7B:E5";

/// 101 is gone from the host; its archives stay.
fn forget(host: &Host, vmid: u32) {
    host.with_state(|state| state.guests.remove(&vmid)).unwrap();
}

fn config(host: &Host, vmid: u64) -> Value {
    host.with_state(|state| serde_json::to_value(&state.guests[&u32::try_from(vmid).unwrap()].config).unwrap()).unwrap()
}

#[test]
fn beside_the_running_source_it_gets_fresh_macs_without_any_flag() {
    let host = Host::baseline();
    set(&host, 101, "features", "nesting=1,keyctl=1");
    switch_on(&host, 101);
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
    assert!(text(&config(&host, 101), "net0").contains(MAC), "the source is as it was");
    let sent = host.requests().into_iter().find(|r| r.method == "POST" && r.path.ends_with("/lxc")).unwrap();
    let keys: BTreeSet<&str> = sent.params.keys().map(String::as_str).collect();
    assert_eq!(keys, ["hostname", "ostemplate", "restore", "storage", "unique", "vmid"].into(), "no features are sent");
}

#[test]
fn where_the_source_is_gone_it_keeps_them() {
    let host = Host::baseline();
    archive(&host, "101");
    forget(&host, 101);
    let run = host.run(["guest", "restore", "--from", "101", "--vmid", "101", "-o", "json"]).ok();
    let result = &run.json()[0];
    assert_eq!((text(result, "identity"), &result["macs"], text(result, "hostname")), ("kept", &json!([MAC]), "ct101"));
    assert_eq!(result["vmid"].as_u64(), Some(101));
}

#[test]
fn a_person_may_want_it_otherwise() {
    let host = Host::baseline();
    archive(&host, "101");
    let run = host.run(["guest", "restore", "--from", "101", "--identity", "keep", "-o", "json"]).fails(3);
    assert!(run.stderr.contains("--yes"), "sharing a MAC is asked about: {run}");
    assert_eq!(host.count("POST", "/lxc"), 0);
    let run = host.run(["guest", "restore", "--from", "101", "--identity", "keep", "--yes", "-o", "json"]).ok();
    assert_eq!((text(&run.json()[0], "identity"), &run.json()[0]["macs"]), ("kept", &json!([MAC])));
    forget(&host, 101);
    forget(&host, 100);
    let run = host.run(["guest", "restore", "--from", "101", "--identity", "fresh", "--hostname", "copy", "-o", "json"]).ok();
    assert_eq!((text(&run.json()[0], "identity"), text(&run.json()[0], "hostname")), ("fresh", "copy"));
    assert_ne!(run.json()[0]["macs"], json!([MAC]));
}

#[test]
fn virtual_machines_go_by_the_same_verb() {
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
fn it_is_started_and_waited_for_but_never_beside_its_own_address() {
    let host = Host::baseline();
    archive(&host, "101");
    switch_on(&host, 101);
    host.run(["guest", "restore", "--from", "101", "--start"]).fails(3).says("101 (ct101) runs with its address 10.10.10.101");
    assert_eq!(host.count("POST", "/lxc"), 0, "refused before anything is sent");
    forget(&host, 101);
    let run = host.run(["guest", "restore", "--from", "101", "--start", "--wait-ip", "-o", "json"]).ok();
    let result = &run.json()[0];
    assert_eq!((result["started"].as_bool(), &result["ip"]), (Some(true), &json!(["10.10.10.101"])), "{run}");
    host.run(["guest", "restore", "--from", "101", "--start", "--detach"]).fails(2);
}

#[test]
fn the_newest_before_a_time_is_taken() {
    let host = Host::baseline();
    let (first, second) = (archive(&host, "101"), archive(&host, "101"));
    host.with_state(|state| state.volume_mut(&first).unwrap().ctime = Some(1_795_161_600)).unwrap();
    let chosen = |at: &str| {
        let run = host.run(["guest", "restore", "--from", "ct101", "--at", at, "--plan", "-o", "json"]);
        run.stdout
    };
    assert!(chosen("2026-11-20T08:00").contains(&first), "at that very time, in local time");
    assert!(chosen("2099-01-01").contains(&second));
    host.run(["guest", "restore", "--from", "101", "--at", "2020-01-01"]).fails(5).says("or before");
    host.run(["guest", "restore", "--from", "102"]).fails(5).says("there is no archive of 102");
    host.run(["guest", "restore", "--from", "101", "--at", "yesterday"]).fails(2);
}
