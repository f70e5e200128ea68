//! `backup run`: refusals, permission errors and failed tasks.

use felhom::demo::faults::{Fault, Trouble};

use super::{add_storage, archive, grant, ids, set, text};
use crate::support::Host;

const TOKEN: &str = "felhom@pve!rig";

/// A host with a token that may back up 101 only.
fn limited() -> Host {
    let host = Host::baseline().with_token(TOKEN);
    grant(&host, "/vms", TOKEN, &["VM.Audit"]);
    grant(&host, "/vms/101", TOKEN, &["VM.Audit", "VM.Backup"]);
    grant(&host, "/storage/local", TOKEN, &["Datastore.AllocateSpace", "Datastore.Audit"]);
    host
}

#[test]
fn a_guest_without_privileges_is_denied_and_has_no_backup() {
    let host = limited();
    let run = host.run(["backup", "run", "101", "102", "-o", "json"]).fails(7);
    let results = run.json();
    assert_eq!((text(&results[0], "status"), text(&results[1], "status")), ("ok", "denied"), "{run}");
    assert!(text(&results[0], "archive").contains("vzdump-lxc-101-"));
    assert!(results[1]["archive"].is_null() && results[1]["size_bytes"].is_null());
    let error = &results[1]["error"];
    assert_eq!((text(error, "path"), text(error, "privilege"), error["exit"].as_u64()), ("/vms/102", "VM.Backup", Some(4)));
    assert!(text(error, "message").contains("no backup was created"), "{error}");
    assert_eq!(text(&results[1], "exitstatus"), "403 Permission check failed (/vms/102, VM.Backup)");
    assert_eq!(run.error()["kind"], "partial");
    let table = host.run(["backup", "run", "102"]).fails(4).says("no backup was created").says("lacks VM.Backup on /vms/102");
    assert!(table.stdout.contains("denied"), "{table}");
}

#[test]
fn an_unusable_storage_is_refused_with_usable_ones() {
    let host = Host::baseline();
    host.run(["backup", "run", "101", "--storage", "local-lvm"]).fails(3).says("does not allow backup").says(": local");
    host.run(["backup", "run", "101", "--storage", "nosuch"]).fails(5).says("use one of: local");
    add_storage(&host, "block", "lvmthin", "rootdir,images");
    host.run(["backup", "run", "101", "--storage", "block"]).fails(3).says("block storage (lvmthin)");
    add_storage(&host, "usb", "dir", "backup");
    host.with_state(|state| state.storages.get_mut("usb").unwrap().inactive = true).unwrap();
    host.run(["backup", "run", "101", "--storage", "usb"]).fails(3).says("is not active");
    host.with_state(|state| state.storages.get_mut("usb").unwrap().config.insert("disable".into(), 1.into())).unwrap();
    host.run(["backup", "run", "101", "--storage", "usb"]).fails(3).says("is disabled");
    assert_eq!(host.count("POST", "/vzdump"), 0, "nothing was sent");
}

#[test]
fn an_invisible_backup_storage_names_the_privilege() {
    let host = Host::baseline().with_token(TOKEN);
    grant(&host, "/vms", TOKEN, &["VM.Audit", "VM.Backup"]);
    host.run(["backup", "run", "101"]).fails(5).says("Datastore.AllocateSpace");
}

#[test]
fn a_visible_storage_without_write_privilege_is_denied_at_once() {
    let host = Host::baseline().with_token(TOKEN);
    grant(&host, "/vms", TOKEN, &["VM.Audit", "VM.Backup"]);
    grant(&host, "/storage/local", TOKEN, &["Datastore.Audit"]);
    let run = host.run(["backup", "run", "101", "-o", "json"]).fails(4);
    assert_eq!((text(&run.error(), "path"), text(&run.error(), "privilege")), ("/storage/local", "Datastore.AllocateSpace"));
    assert!(run.json()[0]["upid"].is_null() && run.json()[0]["archive"].is_null(), "{run}");
}

#[test]
fn job_errors_are_explained_from_the_log() {
    let host = Host::baseline();
    host.with_state(|state| {
        let local = state.storages.get_mut("local").unwrap();
        local.total = local.used + 22_000_000;
    })
    .unwrap();
    let run = host.run(["backup", "run", "101", "--compress", "none", "-o", "json"]).fails(6).says("may be needed");
    let result = &run.json()[0];
    assert_eq!((text(result, "status"), text(result, "exitstatus")), ("failed", "job errors"));
    let message = text(&result["error"], "message");
    assert!(message.contains("exit code 70") && message.contains("no backup was created") && !message.contains("job errors"), "{message}");
    assert!(ids(&host).is_empty());
}

#[test]
fn a_missing_backup_after_a_successful_task_is_a_failure() {
    let host = Host::baseline();
    // The first listing is for the size estimate, the second verifies the backup.
    host.inject(Fault::new("GET", "/nodes/pve1/storage/local/content", Trouble::Status { code: 500, reason: "gone".into() }).after(1));
    let run = host.run(["backup", "run", "101", "-o", "json"]);
    assert_ne!(run.code, 0, "{run}");
    assert_eq!(text(&run.json()[0], "status"), "failed");
}

#[test]
fn a_bandwidth_limit_needs_its_privilege() {
    let host = limited();
    let run = host.run(["backup", "run", "101", "--bwlimit", "1000", "-o", "json"]).fails(4);
    let error = run.error();
    assert_eq!((text(&error, "path"), text(&error, "privilege")), ("/", "Sys.Modify"));
    assert_eq!(host.count("POST", "/vzdump"), 0, "nothing was sent");
    Host::baseline().run(["backup", "run", "101", "--bwlimit", "1000000"]).ok();
}

#[test]
fn pruning_without_the_privilege_is_denied_at_once() {
    let host = limited();
    let run = host.run(["backup", "run", "101", "--keep", "last=1", "-o", "json"]).fails(4);
    let result = &run.json()[0];
    assert_eq!((text(&result["error"], "privilege"), result["upid"].is_null()), ("Datastore.Allocate", true));
    assert!(text(&result["error"], "message").contains("no backup was created"), "{run}");
}

#[test]
fn a_locked_guest_fails_or_waits() {
    let host = Host::baseline();
    set(&host, 101, "lock", "snapshot");
    host.run(["backup", "run", "101"]).fails(3).says("is locked (snapshot)").says("--wait-lock");
    assert_eq!(host.count("POST", "/vzdump"), 0);
    let mut run = host.start(["backup", "run", "101", "--wait-lock", "30s", "-o", "json"]);
    run.until_said("waiting up to 30 s");
    host.with_state(|state| state.guests.get_mut(&101).unwrap().config.shift_remove("lock")).unwrap();
    let run = run.end();
    assert_eq!((run.code, text(&run.json()[0], "status")), (0, "ok"), "{run}");
}

#[test]
fn an_offline_node_fails_only_for_its_guests() {
    let options = felhom::demo::Options { offline: vec!["pve2".into()], ..crate::support::demo_options() };
    let host = Host::with(&options);
    let run = host.run(["backup", "run", "--all", "--storage", "local", "-o", "json"]).fails(7);
    let status: Vec<(u64, String)> =
        run.json().as_array().unwrap().iter().map(|r| (r["vmid"].as_u64().unwrap(), text(r, "status").to_owned())).collect();
    let word = |vmid: u64| status.iter().find(|(id, _)| *id == vmid).map(|(_, word)| word.as_str());
    assert_eq!((word(101), word(102), word(103)), (Some("ok"), Some("ok"), Some("failed")), "{run}");
}

#[test]
fn a_missing_guest() {
    let host = Host::baseline();
    host.run(["backup", "run", "999"]).fails(5);
    host.run(["backup", "run"]).fails(2);
    host.run(["backup", "run", "101", "--keep", "often=3"]).fails(2).says("'often'");
}

#[test]
fn a_read_only_run_writes_nothing() {
    let host = Host::baseline();
    host.run(["backup", "run", "101", "--read-only"]).fails(3).says("read-only mode");
    drop(archive(&host, "101"));
    assert_eq!(host.count("POST", "/vzdump"), 1);
}
