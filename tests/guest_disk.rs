//! `guest disk` against the demo host.

use serde_json::Value;

use crate::support::Host;

fn disks(host: &Host, guest: &str) -> Vec<Value> {
    host.run(["guest", "disk", "list", guest, "-o", "json"]).ok().json().as_array().unwrap().clone()
}

fn disk(host: &Host, guest: &str, key: &str) -> Value {
    disks(host, guest).into_iter().find(|disk| disk["disk"] == key).unwrap_or_default()
}

#[test]
fn a_disk_of_a_vm_is_added_grown_moved_detached_attached_and_deleted() {
    let host = Host::baseline();
    let added = host.run(["guest", "disk", "add", "201", "--volume", "local-lvm:1", "--option", "ssd=1", "--no-backup", "-o", "json"]);
    let added = added.ok().json();
    assert_eq!((&added[0]["action"], &added[0]["disk"], &added[0]["size"]), (&"disk-add".into(), &"scsi1".into(), &"1G".into()));
    let one = disk(&host, "201", "scsi1");
    assert_eq!((&one["type"], &one["size_bytes"], &one["storage"]), (&"disk".into(), &(1u64 << 30).into(), &"local-lvm".into()));
    assert_eq!((&one["options"]["ssd"], &one["options"]["backup"]), (&"1".into(), &"0".into()));

    let grown = host.run(["guest", "disk", "resize", "201", "scsi1", "+1G", "-o", "json"]).ok().json();
    assert_eq!(grown[0]["size_bytes"], 2u64 << 30);
    let again = host.run(["guest", "disk", "resize", "201", "scsi1", "2G", "-o", "json"]).ok().json();
    assert_eq!(again[0]["status"], "unchanged");
    host.run(["guest", "disk", "resize", "201", "scsi1", "1G"]).fails(3).says("scsi1 of 201").says("2 GiB");

    let moved = host.run(["guest", "disk", "move", "201", "scsi1", "dirct", "-o", "json"]).ok().json();
    assert!(moved[0]["volume"].as_str().unwrap().starts_with("dirct:"), "{moved}");
    assert_eq!(disk(&host, "201", "unused0")["type"], "unused", "the source stays");
    host.run(["guest", "disk", "move", "201", "scsi1", "local-lvm", "--delete-source"]).ok();
    assert_eq!(disks(&host, "201").iter().filter(|disk| disk["type"] == "unused").count(), 1);

    host.run(["guest", "disk", "delete", "201", "scsi1", "--confirm", "201"]).fails(3).says("felhom guest disk detach 201 scsi1");
    host.run(["guest", "disk", "detach", "201", "scsi1", "--yes"]).ok();
    let volume = disk(&host, "201", "unused1")["volume"].as_str().unwrap().to_owned();
    host.run(["guest", "disk", "attach", "201", &volume, "--key", "virtio3"]).ok();
    assert_eq!(disk(&host, "201", "virtio3")["volume"], volume);
    host.run(["guest", "disk", "delete", "201", "unused0"]).fails(3);
    host.run(["guest", "disk", "delete", "201", "unused0", "--confirm", "201"]).ok();
    assert!(!disks(&host, "201").iter().any(|disk| disk["type"] == "unused"));
}

#[test]
fn a_volume_of_a_container_takes_the_same_words() {
    let host = Host::baseline();
    host.run(["guest", "disk", "add", "101", "--volume", "local-lvm:1"]).fails(2).says("--path");
    host.run(["guest", "disk", "add", "101", "--volume", "local-lvm:1", "--path", "/mnt/data"]).ok();
    let grown = host.run(["guest", "mountpoint", "resize", "101", "/mnt/data", "2G", "-o", "json"]).ok().json();
    assert_eq!((&grown[0]["disk"], &grown[0]["size_bytes"]), (&"mp0".into(), &(2u64 << 30).into()));
    host.run(["guest", "disk", "move", "101", "mp0", "dirct", "--delete-source"]).ok();
    assert_eq!(disk(&host, "101", "mp0")["storage"], "dirct");
    host.run(["guest", "disk", "detach", "101", "mp0", "--yes"]).ok();
    host.run(["guest", "disk", "attach", "101", "unused0", "--path", "/srv"]).ok();
    assert_eq!(disk(&host, "101", "mp0")["mount"], "/srv");
    let table = host.run(["guest", "disk", "list", "101"]).ok();
    assert!(table.stdout.contains("mountpoint") && table.stdout.contains("2 GiB") && table.stdout.contains("rootfs"), "{table}");
}

#[test]
fn a_disk_is_handed_over_to_another_guest_of_its_node() {
    let host = Host::demo().with_token("root@pam!demo");
    let before = disk(&host, "202", "scsi0")["size_bytes"].clone();
    let plan = host.run(["guest", "disk", "move", "202", "scsi0", "--to-guest", "203", "--plan"]).ok();
    assert!(plan.stdout.contains("scsi1 of 203"), "{plan}");
    let done = host.run(["guest", "disk", "move", "202", "scsi0", "--to-guest", "203", "--yes", "-o", "json"]).ok().json();
    assert_eq!((&done[0]["to_guest"], &done[0]["to_disk"]), (&203.into(), &"scsi1".into()));
    assert_eq!(disk(&host, "202", "scsi0"), Value::Null);
    assert_eq!(disk(&host, "203", "scsi1")["size_bytes"], before);
    host.run(["guest", "disk", "move", "203", "scsi1", "--to-guest", "204", "--yes"]).fails(3).says("while 203 (k3s-1) is running");
    host.run(["guest", "disk", "move", "202", "ide2", "--to-guest", "204", "--yes"]).fails(3).says("cdrom");
    host.run(["guest", "disk", "move", "9000", "scsi0", "--to-guest", "202", "--yes"]).fails(3).says("on pve1").says("on pve3");
}

#[test]
fn wrong_input_sends_nothing() {
    let host = Host::baseline();
    for (words, code, fact) in [
        (&["resize", "201", "scsi0", "8X"][..], 2, "'8X'"),
        (&["resize", "201", "scsi9", "8G"], 5, "scsi0"),
        (&["move", "201", "scsi0"], 2, "STORAGE"),
        (&["move", "201", "scsi0", "nosuch"], 5, "'nosuch'"),
        (&["move", "201", "scsi0", "local"], 3, "images"),
        (&["add", "201", "--volume", "local-lvm:1", "--path", "/x"], 2, "--path"),
        (&["add", "201", "--volume", "local-lvm:1", "--key", "net0"], 2, "'net0'"),
        (&["add", "201", "--volume", "local-lvm:1", "--import", "local:import/a.qcow2"], 2, "--volume"),
        (&["add", "101", "--volume", "local-lvm", "--import", "local:import/a.qcow2", "--path", "/x"], 2, "--import"),
        (&["attach", "201", "unused3"], 5, "'unused3'"),
    ] {
        let run = host.run(["guest", "disk"].iter().chain(words)).fails(code);
        assert!(run.stderr.contains(fact), "{words:?}: {run}");
    }
    assert!(host.requests().iter().all(|request| request.method == "GET"));
}

#[test]
fn a_size_that_did_not_change_is_a_failure() {
    use felhom::demo::faults::{Fault, Trouble};
    let host = Host::baseline();
    let upid = host.run(["guest", "start", "201", "--jq", ".[0].upid"]).ok().stdout.trim().to_owned();
    let body = format!(r#"{{"data":"{upid}"}}"#);
    host.inject(Fault::new("PUT", "/nodes/pve1/qemu/201/resize", Trouble::Ignored { body }));
    host.run(["guest", "disk", "resize", "201", "scsi0", "+1G"]).fails(1).says("task succeeded, but the size of scsi0");
}
