//! `felhom task list | show | log | wait | stop`.

use felhom::demo::Options;

use crate::support::{Host, demo_options};

fn backup(host: &Host, vmid: &str) -> String {
    let started = host.run(["api", "post", "/nodes/pve1/vzdump", &format!("vmid={vmid}"), "storage=local", "mode=snapshot", "--detach"]);
    started.ok().stdout.trim().to_owned()
}

fn slow() -> Host {
    Host::with(&Options { speed: 10.0, ..demo_options() })
}

#[test]
fn tasks_are_listed_newest_first_and_filtered() {
    let host = slow();
    let upid = backup(&host, "101");
    let list = host.run(["task", "list", "-o", "json"]).ok().json();
    assert_eq!((list[0]["upid"].as_str(), list[0]["status"].as_str()), (Some(upid.as_str()), Some("running")));
    assert_eq!(list[0]["user"], "felhom@pve!agent");
    assert_eq!(host.run(["task", "list", "--running", "--guest", "web", "-o", "id"]).ok().lines(), [upid.as_str()]);
    let failed = host.run(["task", "list", "--errors", "--jq", ".[].status"]).ok();
    assert!(!failed.stdout.is_empty() && failed.lines().iter().all(|status| ["failed", "warnings"].contains(status)), "{failed}");
    let recent = host.run(["task", "list", "--since", "1h", "-o", "id"]).ok();
    assert_eq!(recent.lines()[0], upid);
}

#[test]
fn a_log_is_shown_and_followed_to_the_end() {
    let host = slow();
    let upid = backup(&host, "101");
    let log = host.run(["task", "log", "-f", &upid]).ok();
    assert!(log.lines()[0].contains("starting new backup job"), "{log}");
    assert_eq!(log.lines().last(), Some(&"TASK OK"));
    assert_eq!(host.run(["task", "log", &upid]).ok().stdout, log.stdout, "the same, once it has ended");
}

#[test]
fn a_followed_log_ends_as_its_task_does() {
    let host = Host::demo();
    let started = host.run(["api", "post", "/nodes/pve2/vzdump", "vmid=120", "storage=local", "mode=snapshot", "--detach"]).ok();
    host.run(["task", "log", "-f", started.stdout.trim()]).fails(6).shows("CT is locked (backup)");
}

#[test]
fn several_tasks_are_waited_for_together() {
    let host = slow();
    let (one, two) = (backup(&host, "101"), backup(&host, "102"));
    let ended = host.run(["task", "wait", &one, &two, "-o", "json"]).ok().json();
    assert_eq!((&ended[0]["upid"], &ended[1]["upid"]), (&one.as_str().into(), &two.as_str().into()));
    assert!(ended.as_array().unwrap().iter().all(|task| task["exitstatus"] == "OK"), "{ended}");
}

#[test]
fn of_several_one_fails_is_exit_7() {
    let host = Host::demo();
    let good = backup(&host, "101");
    let bad = host.run(["api", "post", "/nodes/pve2/vzdump", "vmid=120", "storage=local", "mode=snapshot", "--detach"]).ok();
    let ended = host.run(["task", "wait", &good, bad.stdout.trim(), "-o", "json"]).fails(7);
    let rows = ended.json();
    assert_eq!((&rows[0]["status"], &rows[1]["status"]), (&"ok".into(), &"failed".into()));
    host.run(["task", "wait", bad.stdout.trim(), bad.stdout.trim()]).fails(6);
}

#[test]
fn a_task_is_stopped_and_that_is_seen() {
    let host = slow();
    let upid = backup(&host, "101");
    host.run(["task", "stop", &upid, "--yes"]).ok();
    let shown = host.run(["task", "show", &upid, "-o", "json"]).ok().json();
    assert_eq!(shown["status"], "failed");
    host.run(["task", "stop", &upid, "--yes", "--jq", ".[].status"]).ok().shows("unchanged");
}

#[test]
fn what_is_no_upid_is_exit_2_and_an_unknown_one_is_not_found() {
    let host = Host::demo();
    host.run(["task", "show", "nonsense"]).fails(2);
    let gone = "UPID:pve1:00000001:00000001:6B0036A8:vzdump:101:root@pam:";
    let unknown = host.run(["task", "show", gone]).fails(5);
    assert_eq!(unknown.stdout, "");
}

#[test]
fn a_task_that_vanished_was_not_seen_to_end() {
    let host = Host::demo();
    let gone = "UPID:pve1:00000001:00000001:6B0036A8:vzdump:101:root@pam:";
    host.run(["task", "wait", gone]).fails(8).says("was not seen");
}
