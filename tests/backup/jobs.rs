//! `backup job …`: the cluster's scheduler.

use super::{ids, text};
use crate::support::Host;

#[test]
fn a_job_is_created_changed_run_and_deleted() {
    let host = Host::baseline();
    let create = [
        "backup",
        "job",
        "create",
        "nightly",
        "--schedule",
        "02:00",
        "--guest",
        "101,103",
        "--storage",
        "local",
        "--keep",
        "last=2",
        "-o",
        "json",
    ];
    let made = host.run(create).ok().json();
    assert_eq!((text(&made[0], "status"), text(&made[0], "id")), ("ok", "nightly"));
    host.run(create).fails(3).says("'nightly'");
    let list = host.run(["backup", "job", "list", "-o", "json"]).ok().json();
    assert_eq!((text(&list[0], "guests"), text(&list[0], "keep"), list[0]["enabled"].as_bool()), ("101,103", "last=2", Some(true)));
    host.run(["backup", "job", "set", "nightly", "--enabled", "false", "--schedule", "03:00"]).ok();
    let shown = host.run(["backup", "job", "show", "-o", "json"]).ok().json();
    assert_eq!((text(&shown, "schedule"), shown["enabled"].as_bool()), ("03:00", Some(false)));
    let run = host.run(["backup", "job", "run", "nightly", "-o", "json"]).ok().json();
    assert_eq!(run.as_array().unwrap().iter().map(|r| r["vmid"].as_u64().unwrap()).collect::<Vec<_>>(), [101, 103]);
    assert_eq!(ids(&host).len(), 2);
    host.run(["backup", "job", "set", "nightly", "--all", "--exclude", "101"]).ok();
    assert_eq!(text(&host.run(["backup", "job", "show", "nightly", "-o", "json"]).ok().json(), "guests"), "all but 101");
    host.run(["backup", "job", "delete", "nightly"]).fails(3).says("--yes");
    host.run(["backup", "job", "delete", "nightly", "--yes"]).ok();
    host.run(["backup", "job", "show", "nightly"]).fails(5).says("'nightly'");
}

#[test]
fn a_job_needs_guests_and_privileges() {
    let host = Host::baseline();
    host.run(["backup", "job", "create", "--schedule", "daily"]).fails(2).says("--all");
    host.run(["backup", "job", "run", "nosuch"]).fails(5);
    let agent = Host::demo();
    agent.run(["backup", "job", "list"]).ok();
    let run = agent.run(["backup", "job", "create", "--schedule", "daily", "--all", "-o", "json"]).fails(4);
    assert_eq!((text(&run.error(), "path"), text(&run.error(), "privilege")), ("/", "Sys.Modify"));
}
