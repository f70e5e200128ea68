//! Waiting for a task: its end, its warnings, contact lost and found again, signals, and answers that never arrived.

use std::time::{SystemTime, UNIX_EPOCH};

use felhom::demo::Options;
use felhom::demo::faults::{Fault, Trouble};

use crate::support::{Host, Run, Server, demo_options, run};

/// A backup by its call: long enough to be waited for.
const BACKUP: [&str; 6] = ["api", "post", "/nodes/pve1/vzdump", "vmid=101", "storage=local", "mode=snapshot"];

/// A host whose backups take some seconds.
fn slow() -> Host {
    Host::with(&Options { speed: 10.0, ..demo_options() })
}

/// A host whose backups take longer than any of these tests.
fn slower() -> Host {
    Host::with(&Options { speed: 1.0, ..demo_options() })
}

fn with(more: &[&'static str]) -> Vec<&'static str> {
    BACKUP.iter().chain(more).copied().collect()
}

/// The task's id, as the last task of the host tells it.
fn last_task(host: &Host) -> String {
    let tasks = host.run(["task", "list", "--type", "vzdump", "--node", "pve1", "--limit", "1", "-o", "id"]).ok();
    tasks.stdout.trim().to_owned()
}

#[track_caller]
fn names(run: &Run, upid: &str) {
    assert!(upid.starts_with("UPID:pve1:"), "{upid}");
    assert!(run.stderr.contains(upid), "stderr does not name {upid}\n{run}");
}

#[test]
fn a_task_is_waited_for_and_its_exit_status_counts() {
    let host = Host::demo();
    let done = host.run(BACKUP).ok();
    assert!(done.stdout.starts_with("UPID:pve1:"), "{done}");
    let shown = host.run(["task", "show", done.stdout.trim(), "-o", "json"]).ok().json();
    assert_eq!((&shown["status"], &shown["exitstatus"], &shown["type"]), (&"ok".into(), &"OK".into(), &"vzdump".into()));
}

#[test]
fn off_a_terminal_progress_is_a_few_lines() {
    let host = slow();
    let done = host.run(BACKUP).ok();
    let lines = done.stderr.lines().count();
    assert!((2..=14).contains(&lines), "{done}");
    assert!(!done.stderr.contains('\x1b') && !done.stderr.contains('\r'), "{done}");
    assert!(host.run(with(&["--progress", "none"])).ok().stderr.is_empty());
}

#[test]
fn progress_as_json_is_an_object_a_line() {
    let host = slow();
    let done = host.run(with(&["--progress", "json"])).ok();
    let lines: Vec<serde_json::Value> = done.stderr.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    assert!(lines.len() >= 2, "{done}");
}

#[test]
fn a_denial_inside_the_task_is_a_denial() {
    let host = Host::demo();
    host.leave("/vms/110", "PVEAuditor");
    let call = ["api", "post", "/nodes/pve1/vzdump", "vmid=110", "storage=local", "mode=snapshot"];
    let denied = host.run(call).fails(4);
    assert_eq!(denied.stdout, "");
    names(&denied, &last_task(&host));
    denied.says("VM.Backup").says("/vms/110").says("felhom@pve!agent and its user lack").says("felhom role bootstrap");
    assert_eq!(host.count("POST", "/vzdump"), 1, "the call itself went through");

    let error = host.run(call.iter().chain(&["-o", "json"])).fails(4).error();
    assert_eq!((&error["kind"], &error["path"], &error["privilege"]), (&"denied".into(), &"/vms/110".into(), &"VM.Backup".into()));
}

#[test]
fn a_path_on_which_everything_was_taken_away_inherits_nothing() {
    let host = Host::demo();
    host.deny("/vms/102");
    let denied = host.run(["api", "post", "/nodes/pve1/vzdump", "vmid=102", "storage=local", "mode=snapshot"]).fails(4);
    denied.says("VM.Backup").says("/vms/102").says("NoAccess");
}

#[test]
fn a_task_that_fails_is_exit_6_with_the_end_of_its_log() {
    let host = Host::demo();
    let locked = "vmid=120";
    let failed = host.run(["api", "post", "/nodes/pve2/vzdump", locked, "storage=local", "mode=snapshot"]).fails(6);
    assert_eq!(failed.stdout, "");
    failed.says("job errors").says("CT is locked (backup)").says("felhom task log 'UPID:pve2:");

    let failed = host.run(["api", "post", "/nodes/pve2/vzdump", locked, "storage=local", "mode=snapshot", "-o", "json"]).fails(6);
    let error = failed.error();
    assert_eq!(error["kind"], "task_failed");
    assert!(error["log"].as_array().unwrap().iter().any(|line| line.as_str().unwrap().contains("CT is locked")), "{error}");
}

#[test]
fn warnings_are_done_unless_they_shall_not_be() {
    let host = Host::demo();
    // The seed holds a start that ended with a warning.
    let tasks = host.run(["task", "list", "--type", "qmstart", "--jq", ".[] | select(.status == \"warnings\") | .upid"]).ok();
    let upid = tasks.lines()[0].to_owned();
    host.run(["task", "wait", &upid]).ok().shows("WARNINGS: 1");
    let failed = host.run(["task", "wait", &upid, "--fail-on-warnings"]).fails(6);
    failed.says("WARNINGS: 1").says("felhom task log");
}

#[test]
fn detached_it_prints_the_upid_and_does_not_wait() {
    let host = slow();
    let done = host.run(with(&["--detach"])).ok();
    let upid = done.stdout.trim();
    assert_eq!(done.lines().len(), 1);
    assert_eq!(upid, last_task(&host));
    let shown = host.run(["task", "show", upid, "--jq", ".status"]).ok();
    assert_eq!(shown.stdout, "running\n");
    host.run(["task", "wait", upid]).ok().shows("ok");
}

#[test]
fn a_time_out_is_exit_8_with_the_upid() {
    let host = slow();
    let unseen = host.run(with(&["--timeout", "1s"])).fails(8);
    assert_eq!(unseen.stdout, "");
    names(&unseen, &last_task(&host));
    unseen.says("felhom task wait");

    let other = ["api", "post", "/nodes/pve1/vzdump", "vmid=102", "storage=local", "mode=snapshot"];
    let error = host.run(other.iter().chain(&["--timeout", "1s", "-o", "json"])).fails(8).error();
    assert_eq!((&error["kind"], error["upid"].as_str().unwrap()), (&"unfinished".into(), last_task(&host).as_str()));
}

#[test]
fn ctrl_c_stops_the_waiting_and_names_the_task() {
    let host = slower();
    let mut waiting = host.start(BACKUP);
    waiting.until_said("start");
    waiting.interrupt();
    let stopped = waiting.end().fails(130);
    let upid = last_task(&host);
    names(&stopped, &upid);
    stopped.says("felhom task stop");
    assert_eq!(host.run(["task", "show", &upid, "--jq", ".status"]).ok().stdout, "running\n", "the task continues");
    assert_eq!(host.count("DELETE", &upid), 0);
}

#[test]
fn a_termination_stops_the_waiting_too() {
    let host = slower();
    let mut waiting = host.start(BACKUP);
    waiting.until_said("start");
    waiting.terminate();
    let stopped = waiting.end().fails(143);
    names(&stopped, &last_task(&host));
}

#[test]
fn ctrl_c_stops_the_task_where_that_was_asked_for() {
    let host = slow();
    let mut waiting = host.start(with(&["--cancel-on-interrupt"]));
    waiting.until_said("start");
    waiting.interrupt();
    let stopped = waiting.end().fails(130);
    let upid = last_task(&host);
    names(&stopped, &upid);
    let shown = host.run(["task", "show", &upid, "-o", "json"]).ok().json();
    assert_eq!(shown["status"], "failed", "{shown}");
    assert_ne!(shown["exitstatus"], "OK");
}

#[test]
fn a_lost_answer_is_found_again_and_not_sent_twice() {
    let host = Host::demo();
    host.inject(Fault::new("POST", "/nodes/*/vzdump", Trouble::LostAnswer).times(1));
    let done = host.run(BACKUP).ok();
    assert_eq!(done.stdout.trim(), last_task(&host));
    assert_eq!(host.count("POST", "/vzdump"), 1);
    done.says("looking for the task");
}

#[test]
fn a_lost_answer_is_found_on_a_host_whose_clock_is_wrong() {
    for skew_ms in [-7_200_000, 7_200_000] {
        let host = Host::with(&Options { skew_ms, ..demo_options() });
        host.inject(Fault::new("POST", "/nodes/*/vzdump", Trouble::LostAnswer).times(1));
        let done = host.run(BACKUP).ok();
        assert!(done.stdout.starts_with("UPID:pve1:"), "{done}");
        assert_eq!(host.count("POST", "/vzdump"), 1);
    }
}

#[test]
fn an_answer_lost_for_good_is_exit_10_and_not_sent_twice() {
    let host = Host::demo();
    host.inject(Fault::new("POST", "/nodes/*/vzdump", Trouble::Reset));
    let unknown = host.run(BACKUP).fails(10);
    assert_eq!(unknown.stdout, "");
    assert_eq!(host.count("POST", "/vzdump"), 1);
    unknown.says("unknown").says("felhom task list");

    let error = host.run(with(&["-o", "json"])).fails(10).error();
    assert_eq!(error["kind"], "outcome_unknown");
}

#[test]
fn a_node_that_stops_answering_its_cluster_is_exit_10_for_a_change() {
    let host = Host::demo();
    host.inject(Fault::new("POST", "/nodes/*/vzdump", Trouble::Status { code: 596, reason: "Connection timed out".into() }));
    host.run(BACKUP).fails(10);
    assert_eq!(host.count("POST", "/vzdump"), 1);
}

#[test]
fn a_host_that_dies_and_comes_back_within_the_grace_ends_well() {
    let mut server = Server::start(&["--speed", "20"]);
    let mut waiting = server.running(&BACKUP);
    waiting.until_said("start");
    server.kill();
    waiting.until_said("connection lost");
    server.again();
    let done = waiting.end().ok();
    assert!(done.stdout.starts_with("UPID:pve1:"), "{done}");
    done.says("connected to the host again");
}

#[test]
fn a_host_that_stays_away_is_exit_8_with_the_upid() {
    let mut server = Server::start(&["--speed", "20"]);
    let mut waiting = server.running(&with(&["--grace", "1s"]));
    waiting.until_said("start");
    server.kill();
    let unseen = waiting.end().fails(8);
    assert_eq!(unseen.stdout, "");
    assert!(unseen.stderr.contains("UPID:pve1:"), "{unseen}");
    unseen.says("connection lost for 1 s").says("felhom task wait");
    server.again();
    let upid = run(&mut server.felhom(&["task", "list", "--type", "vzdump", "--limit", "1", "--node", "pve1", "-o", "id"])).ok();
    run(&mut server.felhom(&["task", "wait", upid.stdout.trim()])).ok();
}

#[test]
fn some_polls_that_fail_do_not_matter() {
    let host = slow();
    for trouble in
        [Trouble::Reset, Trouble::Status { code: 500, reason: "boom".into() }, Trouble::Status { code: 596, reason: "gone".into() }]
    {
        host.inject(Fault::new("GET", "/nodes/*/tasks/*/status", trouble).times(2).after(2));
    }
    host.run(BACKUP).ok();
}

#[test]
fn the_end_of_a_task_is_noticed_within_200_ms_with_at_most_five_requests_a_second() {
    let host = Host::with(&Options { speed: 5.0, ..demo_options() });
    let noticed = |call: &[&str]| {
        let before = host.requests().len();
        let run = host.run(["api", "post"].iter().chain(call)).ok();
        let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
        let tasks = host.with_state(|state| state.tasks.clone()).unwrap();
        let task = tasks.iter().find(|task| task.upid() == run.stdout.trim()).unwrap();
        let about = host.requests()[before..].iter().filter(|request| request.path.contains("/tasks/UPID")).count();
        let seconds = (task.end_ms - task.start_ms) as f64 / 1000.0;
        // The log is read to its end afterwards, and once more to look for guests that were left out.
        assert!(about as f64 <= 5.0 * seconds + 4.0, "{about} requests for a task of {seconds} s");
        now - task.end_ms
    };
    let stop = |vmid: u32| noticed(&[&format!("/nodes/pve1/lxc/{vmid}/status/stop"), "--yes"]);
    // A busy machine delays everything; the quickest of some counts.
    let late = [stop(101), stop(102), noticed(&["/nodes/pve1/vzdump", "vmid=101", "storage=local", "mode=stop"])];
    assert!(late.iter().any(|ms| (0..=200).contains(ms)), "noticed so many ms after the end: {late:?}");
}
