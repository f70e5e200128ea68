//! `felhom doctor` against hosts that are well, and not.

use felhom::demo::Options;
use felhom::demo::state::{AclEntry, Subject};
use serde_json::{Value, json};

use crate::support::{Demo, Host, demo_options};

/// The demo site without the lock that it begins with.
fn well(options: &Options) -> Host {
    let host = Host::with(options);
    host.with_state(|state| state.guests.values_mut().for_each(|guest| drop(guest.config.shift_remove("lock")))).unwrap();
    host
}

fn findings(host: &Host, code: i32) -> Vec<Value> {
    let run = host.run(["doctor", "-o", "json"]);
    assert_eq!(run.code, code, "{run}");
    run.json().as_array().unwrap().clone()
}

fn of<'a>(findings: &'a [Value], area: &str, state: &str) -> Vec<&'a str> {
    let fits = |f: &&Value| f["area"] == area && f["state"] == state;
    findings.iter().filter(fits).map(|f| f["message"].as_str().unwrap()).collect()
}

#[test]
fn a_host_that_is_well_has_no_problem() {
    let demo = Demo::new();
    let run = demo.run(["doctor", "-o", "json"]).fails(1);
    let all = run.json().as_array().unwrap().clone();
    // The demo has one guest that somebody must look after.
    let problems: Vec<&str> = all.iter().filter(|f| f["state"] == "problem").map(|f| f["message"].as_str().unwrap()).collect();
    assert_eq!(problems, ["120 (build) is locked (backup), but no task works on it"], "{run}");
    for area in ["reach", "certificate", "clock", "version", "login", "rights", "storage", "archives", "locks", "secret"] {
        assert!(all.iter().any(|f| f["area"] == area), "{area}: {run}");
    }
    assert!(of(&all, "storage", "ok")[0].contains("(local-lvm cannot"), "{run}");
    let table = demo.run(["doctor"]).fails(1);
    assert!(table.stdout.contains("the cluster's CA is pinned"), "{table}");
}

#[test]
fn what_is_wrong_is_named_with_its_fix() {
    let host = well(&demo_options());
    host.with_state(|state| {
        state.guests.get_mut(&102).unwrap().config.insert("lock".into(), json!("backup"));
        for storage in state.storages.values_mut() {
            storage.config.insert("content".into(), json!("images"));
        }
    })
    .unwrap();
    let all = findings(&host, 1);
    assert!(
        of(&all, "locks", "problem").len() == 1
            && of(&all, "locks", "problem")[0].contains("102 (db) is locked (backup), but no task works on it"),
        "{all:?}"
    );
    assert!(of(&all, "storage", "problem")[0].contains("no visible storage takes backups"), "{all:?}");
    assert!(all.iter().filter(|f| f["state"] == "problem").all(|f| !f["fix"].as_str().unwrap().is_empty()));
}

#[test]
fn a_missing_privilege_and_unseen_archives_are_said() {
    let host = well(&demo_options());
    host.with_state(|state| {
        state.access.roles.insert("Thin".into(), ["VM.Audit", "Datastore.AllocateSpace"].map(str::to_owned).into());
        let entry = |subject| AclEntry { subject, role: "Thin".into(), propagate: true };
        let both = vec![entry(Subject::User("felhom@pve".into())), entry(Subject::Token("felhom@pve!agent".into()))];
        state.access.acl.insert("/".into(), both);
    })
    .unwrap();
    // The environment's context knows no preset: what it can do is counted.
    let all = findings(&host, 0);
    assert!(of(&all, "rights", "ok")[0].starts_with("2 different privileges"), "{all:?}");
    assert!(of(&all, "archives", "note")[0].contains("left") || of(&all, "archives", "note")[0].contains("leaves"), "{all:?}");
    host.with_state(|state| state.access.acl.clear()).unwrap();
    let none = findings(&host, 1);
    assert!(of(&none, "rights", "problem")[0].contains("no effective privilege"), "{none:?}");
}

#[test]
fn a_clock_that_is_off_and_a_token_that_is_not_known() {
    let host = well(&Options { skew_ms: 3_600_000, ..demo_options() });
    let all = findings(&host, 1);
    assert!(of(&all, "clock", "problem")[0].contains("off"), "{all:?}");
    host.with_state(|state| state.access.users.get_mut("felhom@pve").unwrap().tokens.clear()).unwrap();
    let out = findings(&host, 1);
    assert_eq!(of(&out, "login", "problem").len(), 1, "{out:?}");
}
