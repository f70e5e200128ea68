//! `backup list|show|verify|delete|protect|unprotect|notes|prune|age`.

use serde_json::json;

use super::{archive, file, grant, ids, text};
use crate::support::Host;

#[test]
fn a_list_has_the_latest_first_and_can_be_filtered() {
    let host = Host::baseline();
    let (first, second, other) = (archive(&host, "101"), archive(&host, "101"), archive(&host, "201"));
    let list = host.run(["backup", "list", "101", "-o", "json"]).ok().json();
    let listed: Vec<&str> = list.as_array().unwrap().iter().map(|a| text(a, "archive")).collect();
    assert_eq!(listed, [&second, &first]);
    assert_eq!((text(&list[0], "kind"), list[0]["vmid"].as_u64(), list[0]["protected"].as_bool()), ("lxc", Some(101), Some(false)));
    assert!(ids(&host).contains(&other));
    assert_eq!(host.run(["backup", "list", "vm201", "-o", "id"]).ok().stdout.trim(), other);
    host.run(["backup", "list", "--storage", "local-lvm"]).fails(5).says("local-lvm");
}

#[test]
fn show_prints_the_configuration_in_a_backup() {
    let host = Host::baseline();
    super::set(&host, 201, "cipassword", "hunter2");
    let volid = archive(&host, "201");
    let shown = host.run(["backup", "show", file(&volid), "-o", "json"]).ok();
    let json = shown.json();
    assert_eq!((text(&json, "archive"), text(&json["config"], "name"), &json["included"]), (volid.as_str(), "vm201", &json!(["scsi0"])));
    assert!(!shown.stdout.contains("hunter2"), "secrets are masked: {shown}");
    let table = host.run(["backup", "show", &volid]).ok();
    assert!(table.stdout.contains("name: vm201"), "{table}");
    host.run(["backup", "show", "vzdump-lxc-101-2020_01_01-00_00_00.tar.zst"]).fails(5).says("felhom backup list");
    host.run(["backup", "show"]).fails(2).says("felhom backup list -o id");
}

#[test]
fn verify_checks_size_and_configuration() {
    let host = Host::baseline();
    let volid = archive(&host, "101");
    let checks = host.run(["backup", "verify", &volid, "-o", "json"]).ok().json();
    assert_eq!(checks.as_array().unwrap().iter().map(|c| text(c, "check")).collect::<Vec<_>>(), ["size", "config"]);
    host.with_state(|state| state.volume_mut(&volid).unwrap().size = 3).unwrap();
    host.run(["backup", "verify", &volid]).fails(1).says("holds nothing");
}

#[test]
fn protection_notes_and_deletion() {
    let host = Host::baseline();
    let volid = archive(&host, "101");
    host.run(["backup", "protect", &volid]).ok();
    let again = host.run(["backup", "protect", &volid, "-o", "json"]).ok().json();
    assert_eq!(text(&again[0], "status"), "unchanged");
    host.run(["backup", "delete", &volid, "--confirm", file(&volid)]).fails(3).says("backup unprotect");
    host.run(["backup", "notes", &volid, "before; a=b & c%2\nsecond line"]).ok();
    let shown = host.run(["backup", "show", &volid, "-o", "json"]).ok().json();
    assert_eq!((text(&shown, "notes"), shown["protected"].as_bool()), ("before; a=b & c%2\nsecond line", Some(true)));
    host.run(["backup", "unprotect", &volid]).ok();
    host.run(["backup", "delete", &volid]).fails(3).says(&format!("--confirm {}", file(&volid)));
    host.run(["backup", "delete", &volid, "--yes"]).fails(3);
    host.run(["backup", "delete", &volid, "--confirm", "another"]).fails(3);
    assert_eq!(host.count("DELETE", "tar.zst"), 0);
    let gone = host.run(["backup", "delete", file(&volid), "--confirm", file(&volid), "-o", "json"]).ok().json();
    assert_eq!((text(&gone[0], "status"), text(&gone[0], "archive")), ("ok", volid.as_str()));
    assert!(ids(&host).is_empty());
    host.run(["backup", "delete", &volid, "--confirm", file(&volid)]).fails(5);
}

#[test]
fn pruning_deletes_what_the_preview_says() {
    let host = Host::baseline();
    let (first, second, third) = (archive(&host, "101"), archive(&host, "101"), archive(&host, "101"));
    let other = archive(&host, "102");
    host.run(["backup", "protect", &first]).ok();
    let preview = host.run(["backup", "prune", "--keep", "last=1", "--preview", "-o", "json"]).ok().json();
    let mark = |volid: &str| preview.as_array().unwrap().iter().find(|p| text(p, "archive") == volid).map(|p| text(p, "mark").to_owned());
    let marks = [&first, &second, &third, &other].map(|volid| mark(volid).unwrap());
    assert_eq!(marks, ["protected", "remove", "keep", "keep"]);
    host.run(["backup", "prune", "--keep", "last=1"]).fails(3).says("--confirm local");
    assert_eq!(ids(&host).len(), 4, "nothing was deleted");
    let run = host.run(["backup", "prune", "--keep", "last=1", "--confirm", "local", "-o", "json"]).ok().json();
    assert_eq!((text(&run[0], "status"), &run[0]["removed"]), ("ok", &json!([second])));
    assert_eq!(text(&run[1], "status"), "unchanged");
    let mut left = ids(&host);
    left.sort();
    let mut wanted = vec![first, third, other];
    wanted.sort();
    assert_eq!(left, wanted);
    host.run(["backup", "prune", "999", "--keep", "last=1"]).fails(5);
    host.run(["backup", "prune", "--keep", "last=0"]).fails(2);
}

#[test]
fn ages_distinguish_never_old_and_unknown() {
    let host = Host::baseline();
    let volid = archive(&host, "101");
    let ages = host.run(["backup", "age", "-o", "json"]).fails(7);
    let verdict = |run: &crate::support::Run, vmid: u64| {
        run.json().as_array().unwrap().iter().find(|a| a["vmid"].as_u64() == Some(vmid)).map(|a| text(a, "verdict").to_owned()).unwrap()
    };
    assert_eq!((verdict(&ages, 101), verdict(&ages, 102)), ("ok".to_owned(), "never".to_owned()));
    host.with_state(|state| {
        let ctime = &mut state.volume_mut(&volid).unwrap().ctime;
        *ctime = ctime.map(|t| t - 100_000);
    })
    .unwrap();
    let ages = host.run(["backup", "age", "-o", "json"]).fails(1);
    assert_eq!(verdict(&ages, 101), "old");
    assert_eq!(verdict(&host.run(["backup", "age", "--max-age", "2d", "-o", "json"]), 101), "ok");
    // A template does not change, so its backup is never too old.
    super::set(&host, 101, "template", "1");
    assert_eq!(verdict(&host.run(["backup", "age", "-o", "json"]), 101), "ok");
    // A token that sees guests and storage, but not the backups: the host omits them without an error.
    let token = "felhom@pve!rig";
    grant(&host, "/vms", token, &["VM.Audit"]);
    grant(&host, "/storage/local", token, &["Datastore.Audit"]);
    let host = host.with_token(token);
    let hidden = host.run(["backup", "age", "-o", "json"]).fails(1);
    assert_eq!(verdict(&hidden, 101), "unknown");
    assert!(
        hidden.stdout.contains("VM.Backup on /vms/101") && hidden.stdout.contains("Datastore.AllocateSpace on /storage/local"),
        "{hidden}"
    );
}
