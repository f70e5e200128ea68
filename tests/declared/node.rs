//! Disks, repositories and files of a node.

use felhom::api::Method;

use crate::support::Host;

#[test]
fn a_volume_group_from_creation_to_deletion() {
    let host = Host::demo().with_token("root@pam!demo");
    host.run(["node", "lvm", "create", "vmdata", "--device", "/dev/sdc", "--node", "pve2", "--yes"]).ok();
    let groups = host.run(["node", "lvm", "list", "--node", "pve2", "-o", "json"]).ok().json();
    let group = groups.as_array().unwrap().iter().find(|group| group["name"] == "vmdata").unwrap();
    assert!(group["size"].as_u64() > Some(0) && group["node"] == "pve2", "{group}");
    host.run(["node", "lvm", "create", "vmdata", "--device", "/dev/sdc", "--node", "pve2", "--yes"]).fails(3).says("exists already");
    host.run(["node", "lvm", "delete", "vmdata", "--node", "pve2", "--yes"]).fails(3).says("--confirm vmdata");
    host.run(["node", "lvm", "delete", "vmdata", "--node", "pve2", "--confirm", "vmdata"]).ok();
    assert!(!host.run(["node", "lvm", "list", "--node", "pve2"]).ok().stdout.contains("vmdata"));
}

#[test]
fn a_disk_is_wiped_by_root_alone() {
    let host = Host::demo().with_token("root@pam!demo");
    host.run(["node", "disk", "wipe", "/dev/sdc", "--node", "pve1", "--yes"]).fails(4).says("root@pam");
    assert_eq!(host.count("PUT", "/nodes/pve1/disks/wipedisk"), 0);
}

#[test]
fn repositories_are_listed_by_file_and_changed_with_their_digest() {
    let host = Host::demo().with_token("root@pam!demo");
    let list = || host.run(["node", "repository", "list", "--node", "pve1", "-o", "json"]).ok().json();
    let rows = list();
    assert_eq!((rows[1]["path"].as_str(), rows[1]["index"].as_u64()), (Some("/etc/apt/sources.list"), Some(1)), "{rows}");
    host.run(["node", "repository", "disable", "/etc/apt/sources.list", "1", "--node", "pve1"]).ok();
    assert_eq!(list()[1]["Enabled"], 0);
    let sent = host.requests().into_iter().find(|request| request.method == Method::Post.word()).unwrap();
    assert!(sent.params.iter().any(|(key, _)| key == "digest"), "{:?}", sent.params);
    host.run(["node", "repository", "add", "no-subscription", "--node", "pve1"]).ok();
    let standard = host.run(["node", "repository", "standard", "--node", "pve1", "-o", "json"]).ok().json();
    let row = standard.as_array().unwrap().iter().find(|row| row["handle"] == "no-subscription").unwrap();
    assert_eq!(row["status"], 1);
    host.run(["node", "repository", "add", "nosuch", "--node", "pve1"]).fails(1);
}

#[test]
fn the_hosts_file_comes_from_a_file_or_from_stdin() {
    let host = Host::demo().with_token("root@pam!demo");
    let file = host.home.path().join("hosts");
    std::fs::write(&file, "127.0.0.1 localhost\n192.0.2.11 pve1\n").unwrap();
    let set = |name: &str| host.felhom(["node", "hosts", "set", "--node", "pve1", "--file", name]);
    crate::support::run(&mut set(file.to_str().unwrap())).ok();
    assert_eq!(host.with_state(|state| state.nodes["pve1"].hosts.clone()).unwrap(), "127.0.0.1 localhost\n192.0.2.11 pve1\n");
    crate::support::run(set("-").write_stdin("127.0.0.1 localhost\n")).ok();
    assert_eq!(host.with_state(|state| state.nodes["pve1"].hosts.clone()).unwrap(), "127.0.0.1 localhost\n");
    crate::support::run(&mut set("/nosuch")).fails(1).says("/nosuch");
}
