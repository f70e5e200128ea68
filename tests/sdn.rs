//! `sdn pending`, `sdn apply`: who can be cut off is said before.

use crate::support::Host;

fn root() -> Host {
    let host = Host::demo().with_token("root@pam!demo");
    for args in [
        &["api", "post", "/cluster/sdn/zones", "zone=lab", "type=simple"][..],
        &["api", "post", "/cluster/sdn/vnets", "vnet=labnet", "zone=lab"],
    ] {
        host.run(args.iter().copied().chain(["--confirm", args[2]])).ok();
    }
    host
}

#[test]
fn what_is_new_disturbs_nobody_and_is_applied() {
    let host = root();
    let waiting = host.run(["sdn", "pending", "-o", "json"]).ok().json();
    let words: Vec<String> = waiting
        .as_array()
        .unwrap()
        .iter()
        .map(|one| format!("{} {}", one["state"].as_str().unwrap(), one["id"].as_str().unwrap()))
        .collect();
    assert_eq!(words, ["new lab", "new labnet"]);
    let plan = host.run(["sdn", "apply", "--plan"]).ok();
    assert!(plan.stdout.contains("vnet labnet new: zone=lab") && !plan.stdout.contains("lose their connection"), "{plan}");
    assert!(plan.stdout.contains("every node is reloaded"), "{plan}");
    host.run(["sdn", "apply"]).fails(3).says("--yes");
    let done = host.run(["sdn", "apply", "--yes", "-o", "json"]).ok().json();
    assert_eq!((&done[0]["status"], done[0]["applied"].as_array().unwrap().len()), (&"ok".into(), 2));
    assert!(host.run(["sdn", "pending", "-o", "json"]).ok().json().as_array().unwrap().is_empty());
    assert_eq!(host.run(["sdn", "apply", "--yes", "-o", "json"]).ok().json()[0]["status"], "unchanged");
    assert_eq!(host.count("PUT", "/cluster/sdn"), 1);
}

#[test]
fn guests_on_what_goes_are_named_for_raw_calls_too() {
    let host = root();
    host.run(["sdn", "apply", "--yes"]).ok();
    host.with_state(|state| {
        let card = "name=eth0,bridge=labnet,hwaddr=BC:24:11:00:01:10,ip=dhcp,type=veth";
        state.guests.get_mut(&110).unwrap().config.insert("net0".into(), card.into());
    })
    .unwrap();
    host.run(["api", "put", "/cluster/sdn/vnets/labnet", "alias=x", "--confirm", "labnet"]).ok();
    for verb in [&["sdn", "apply"][..], &["api", "put", "/cluster/sdn"]] {
        let plan = host.run(verb.iter().copied().chain(["--plan"])).ok();
        assert!(plan.stdout.contains("connection: 110 (paperless) on labnet"), "{plan}");
    }
    host.run(["api", "delete", "/cluster/sdn/vnets/labnet", "--confirm", "labnet", "--force"]).ok();
    let plan = host.run(["sdn", "apply", "--plan"]).ok();
    assert!(plan.stdout.contains("vnet labnet deleted") && plan.stdout.contains("110 (paperless) on labnet"), "{plan}");
}

#[test]
fn a_token_that_may_not_see_is_not_told_that_nothing_waits() {
    let host = Host::demo();
    let error = host.run(["sdn", "apply", "--yes", "-o", "json"]).fails(4).error();
    assert_eq!((error["privilege"].as_str(), error["path"].as_str()), (Some("SDN.Allocate"), Some("/sdn")));
}

/// What a real host logged where its network could not be reloaded.
const CANNOT: &str = "incompatible 'ifupdown2' package version '3.0.0-1.3'! Did you install from Proxmox repositories?";

fn breaks(host: &Host, nodes: &[&str]) {
    host.with_state(|state| {
        for node in nodes {
            state.nodes.get_mut(*node).unwrap().reload_error = Some(CANNOT.into());
        }
    })
    .unwrap();
}

#[test]
fn a_node_that_does_not_reload_is_a_failure_although_the_task_ends_well() {
    let host = root();
    breaks(&host, &["pve2"]);
    let error = host.run(["sdn", "apply", "--yes", "-o", "json"]).fails(6).error();
    assert_eq!(error["kind"], "task_failed");
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("pve2: zone 'lab' is pending (local sdn network configuration is not yet generated"), "{message}");
    assert!(!message.contains("pve1") && !message.contains("pve3"), "{message}");
    let log = error["log"].as_array().unwrap();
    assert_eq!(log.len(), 2, "{log:?}");
    assert!(log.iter().any(|line| line.as_str().unwrap().contains("'pvesh set /nodes/pve2/network")), "{log:?}");
    let upid = error["upid"].as_str().unwrap();
    host.run(["task", "wait", upid]).fails(6).says("/nodes/pve2/network");
}

#[test]
fn raw_calls_and_deleted_zones_are_checked_too() {
    let host = root();
    breaks(&host, &["pve1", "pve2", "pve3"]);
    let raw = host.run(["api", "put", "/cluster/sdn", "--yes"]).fails(6);
    raw.says("pve1: zone 'lab' is pending").says("pve3: zone 'lab' is pending").says("failed: exit code 255");
    for gone in ["/cluster/sdn/vnets/labnet", "/cluster/sdn/zones/lab"] {
        host.run(["api", "delete", gone, "--confirm", gone.rsplit('/').next().unwrap()]).ok();
    }
    // No zone is left to look at: the log alone tells.
    host.run(["sdn", "apply", "--yes"]).fails(6).says("'pvesh set /nodes/pve1/network");
}

#[test]
fn an_offline_node_has_not_applied_it() {
    let host = root();
    host.with_state(|state| state.nodes.get_mut("pve3").unwrap().online = false).unwrap();
    host.run(["sdn", "apply", "--yes"]).fails(6).says("node 'pve3' is offline");
}
