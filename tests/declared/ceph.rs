//! Ceph, from a pool's creation to its deletion, and hosts without it.

use crate::support::Host;

#[test]
fn a_pool_from_creation_to_deletion() {
    let host = Host::demo().with_token("root@pam!demo");
    host.run(["ceph", "pool", "create", "data", "--pg-num", "32", "-o", "json"]).ok();
    assert!(host.run(["ceph", "pool", "list"]).ok().stdout.contains("data"));
    host.run(["ceph", "pool", "create", "data"]).fails(3).says("felhom ceph pool set data");
    host.run(["ceph", "pool", "set", "data", "--size", "2"]).ok();
    assert_eq!(host.run(["ceph", "pool", "show", "data", "-o", "json"]).ok().json()["size"], 2);
    let again = host.run(["ceph", "pool", "set", "data", "--size", "2", "-o", "json"]).ok();
    assert_eq!(again.json()[0]["status"], "unchanged");
    host.run(["ceph", "pool", "delete", "data", "--yes"]).fails(3).says("--confirm data");
    host.run(["ceph", "pool", "delete", "data", "--confirm", "data"]).ok();
    host.run(["ceph", "pool", "show", "data"]).fails(5);
    host.run(["ceph", "pool", "set", "data", "--size", "3"]).fails(5).says("felhom ceph pool list");
}

#[test]
fn status_and_lists_show_what_is_nested_in_the_answers() {
    let host = Host::demo().with_token("root@pam!demo");
    let status = host.run(["ceph", "status"]).ok();
    assert!(status.lines().iter().any(|line| line.starts_with("Health  ")), "{status}");
    let json = host.run(["ceph", "status", "-o", "json"]).ok().json();
    assert_eq!(json["osdmap"]["num_osds"], 3, "the host's own form");
    let versions = host.run(["ceph", "versions"]).ok();
    assert!(versions.lines().iter().any(|line| line.starts_with("pve2") && line.contains("19.2")), "{versions}");
    let osds = host.run(["ceph", "osd", "list", "-o", "json"]).ok().json();
    let hosts: Vec<&str> = osds.as_array().unwrap().iter().filter_map(|osd| osd["host"].as_str()).collect();
    assert_eq!(hosts, ["pve1", "pve2", "pve3"]);
    assert_eq!(host.run(["ceph", "flag", "show", "noout", "-o", "json"]).ok().json()["value"], 0);
    host.run(["ceph", "flag", "set", "noout", "--yes"]).ok();
    assert_eq!(host.run(["ceph", "flag", "show", "noout", "-o", "json"]).ok().json()["value"], 1);
    // Options of one node's restart are none of the cluster's.
    host.run(["ceph", "restart-bulk", "--service-type", "mon", "--resume", "--yes"]).fails(2).says("--resume").says("--cluster");
    assert_eq!(host.count("POST", "/cluster/ceph/restart-bulk"), 0);
}

#[test]
fn a_host_without_ceph_says_so_in_one_line() {
    let host = Host::demo().with_token("root@pam!demo");
    host.with_state(|state| state.sections.remove("ceph-installed")).unwrap();
    for words in [&["ceph", "status"][..], &["ceph", "osd", "list"], &["ceph", "pool", "show", "vms"], &["ceph", "log"]] {
        let run = host.run(words.iter().copied()).fails(5).says("Ceph is not installed on the node that answers").says("pveceph install");
        assert_eq!(run.stderr.lines().count(), 2, "a line and a hint: {run}");
    }
    host.run(["ceph", "mon", "list", "--node", "pve2"]).fails(5).says("pve2");
}
