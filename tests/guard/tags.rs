//! Managed guests: those without the tag are not ours to stop, and what is made from here gets it.

use crate::support::{Host, Run};

fn managing(host: &Host, args: &[&str]) -> Run {
    host.run_in_context("managed_tag = \"felhom\"", args)
}

#[test]
fn what_is_not_managed_is_left_alone() {
    let host = Host::demo();
    managing(&host, &["guest", "stop", "110", "--yes"]).fails(3).says("felhom").says("--force");
    managing(&host, &["guest", "stop", "110", "--yes", "--force"]).ok();
    assert_eq!(host.count("POST", "/lxc/110/status/stop"), 1);
}

#[test]
fn proxmoxs_own_protection_is_shown_and_respected() {
    let host = Host::demo();
    host.run(["guest", "stop", "101", "--yes"]).ok();
    host.with_state(|state| state.guests.get_mut(&101).unwrap().config.insert("protection".into(), 1.into())).unwrap();
    host.run(["guest", "show", "101"]).ok().shows("Protection  yes");
    assert_eq!(host.run(["guest", "show", "103", "--jq", ".protection"]).ok().stdout, "false\n");
    let overwrite = ["guest", "restore", "--from", "101", "--latest", "--overwrite", "--confirm", "101"];
    host.run(overwrite).fails(3).says("protection=0");
    // The host would refuse it all the same.
    host.run(overwrite.iter().chain(&["--force"])).fails(3).says("protection=0 --force");
    host.run(["guest", "set", "101", "protection=0"]).fails(3).says("--force");
    host.run(["guest", "set", "101", "protection=0", "--force"]).ok();
    host.run(overwrite).ok();
}

#[test]
fn what_is_restored_or_made_here_is_managed() {
    let host = Host::demo();
    managing(&host, &["guest", "restore", "--from", "101", "--latest", "--vmid", "150", "--storage", "local-lvm", "--yes"]).ok();
    let config = managing(&host, &["guest", "config", "150", "--jq", ".tags"]).ok();
    assert_eq!(config.stdout.trim(), "felhom;prod;web");
    let template = "local:vztmpl/debian-13-standard_13.1-2_amd64.tar.zst";
    let plan =
        managing(&host, &["guest", "create", "lxc", template, "--node", "pve1", "--hostname", "x", "--storage", "local-lvm", "--plan"])
            .ok();
    assert!(plan.stdout.contains("tags=felhom"), "{plan}");
}
