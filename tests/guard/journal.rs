//! The journal: on the disk before anything is sent, and able to tell how an interrupted change ended.

use std::io::Write as _;
use std::path::PathBuf;

use assert_cmd::Command;
use felhom::demo::Options;
use serde_json::{Value, json};

use crate::support::{Host, demo_options, eventually, need_tool};

fn file(host: &Host) -> PathBuf {
    host.home.state().join("journal.jsonl")
}

fn lines(host: &Host) -> Vec<Value> {
    let text = std::fs::read_to_string(file(host)).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Puts these records in the place of the journal.
fn rewrite(host: &Host, records: &[Value]) {
    let text: String = records.iter().map(|record| format!("{record}\n")).collect();
    std::fs::write(file(host), text).unwrap();
}

fn words(records: &[Value]) -> Vec<&str> {
    records.iter().map(|record| record["record"].as_str().unwrap()).collect()
}

#[test]
fn a_change_leaves_its_three_records() {
    let host = Host::demo();
    host.run(["guest", "stop", "110", "--yes"]).ok();
    let records = lines(&host);
    assert_eq!(words(&records), ["intent", "upid", "verdict"]);
    assert!(records.iter().all(|record| record["id"] == records[0]["id"]));
    assert_eq!((&records[0]["verb"], &records[2]["status"]), (&"guest stop".into(), &"ok".into()));
    let step = &records[0]["plan"]["items"][0]["steps"][0];
    assert_eq!((&step["method"], &step["path"]), (&"POST".into(), &"/nodes/pve1/lxc/110/status/stop".into()));
    assert!(records[0]["user"].is_string() && records[0]["who"] == "felhom@pve!agent" && records[2]["duration_s"].is_number());
    let shown = host.run(["history", "show", records[0]["id"].as_str().unwrap(), "-o", "json"]).ok().json();
    assert_eq!((&shown["status"], &shown["targets"][0]["upid"]), (&"ok".into(), &records[1]["upid"]));
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(std::fs::metadata(file(&host)).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn each_record_is_on_the_disk_before_the_next_thing_happens() {
    let Some(strace) = need_tool("strace") else { return };
    let host = Host::demo();
    let trace = host.home.path().join("trace");
    let mut command = Command::new(strace);
    command.env_clear().envs(host.home.env()).envs(host.env());
    command.args(["-f", "-y", "-s", "200", "-e", "trace=write,fdatasync,fsync", "-o"]).arg(&trace);
    command.args([env!("CARGO_BIN_EXE_felhom"), "guest", "stop", "110", "--yes", "-o", "json"]);
    command.assert().success();
    let calls = std::fs::read_to_string(&trace).unwrap();
    let seen: Vec<&str> = calls
        .lines()
        .filter_map(|line| match line {
            line if line.contains("/journal.jsonl>") && line.contains(" write(") => {
                ["intent", "upid", "verdict"].into_iter().find(|word| line.contains(&format!("\"{{\\\"record\\\":\\\"{word}")))
            }
            line if line.contains("/journal.jsonl>") && line.contains(" fdatasync(") => Some("synced"),
            line if line.contains("/state/felhom>)") && line.contains(" fsync(") => Some("named"),
            line if line.contains(" write(1<") => Some("shown"),
            _ => None,
        })
        .collect();
    assert_eq!(seen, ["named", "intent", "synced", "upid", "synced", "verdict", "synced", "shown"], "{calls}");
}

#[test]
fn a_killed_run_is_found_again_and_its_end_is_asked_for() {
    let host = Host::with(&Options { speed: 3.0, ..demo_options() });
    let running = host.start(["backup", "run", "110", "--storage", "local"]);
    eventually("the UPID is written down", || lines(&host).iter().any(|record| record["record"] == "upid"));
    // Dropped, it is killed.
    drop(running);
    let before = lines(&host);
    assert!(!before.iter().any(|record| record["record"] == "verdict"), "{before:?}");
    let mut shown = Value::Null;
    eventually("the task ends", || {
        shown = host.run(["history", "-o", "json"]).ok().json();
        let status = shown[0]["status"].as_str().unwrap_or_default();
        assert!(status == "ok" || (status == "unfinished" && shown[0]["targets"][0]["message"] == "still running on the host"), "{shown}");
        status == "ok"
    });
    assert_eq!(shown[0]["targets"][0]["upid"], before.iter().find(|record| record["record"] == "upid").unwrap()["upid"]);
    // It is written down now: nobody has to ask again.
    assert_eq!(words(&lines(&host)), ["intent", "upid", "verdict"]);
}

#[test]
fn a_run_that_was_killed_before_it_heard_of_its_task_is_found_again_too() {
    let host = Host::demo();
    host.run(["backup", "run", "110", "--storage", "local"]).ok();
    let whole = lines(&host);
    rewrite(&host, &whole[..1]);
    let shown = host.run(["history", "-o", "json"]).ok().json();
    assert_eq!((&shown[0]["status"], &shown[0]["targets"][0]["upid"]), (&"ok".into(), &whole[1]["upid"]), "{shown}");
    // Where the task failed, that is how it ended.
    host.with_state(|state| state.tasks.last_mut().unwrap().exit = "job errors".into()).unwrap();
    rewrite(&host, &whole[..1]);
    let shown = host.run(["history", "--status", "failed", "-o", "json"]).ok().json();
    assert_eq!(shown[0]["targets"][0]["message"], "job errors", "{shown}");
}

#[test]
fn a_run_that_was_killed_between_two_steps_has_not_done_the_second() {
    let host = Host::demo();
    let template = "local:vztmpl/debian-13-standard_13.1-2_amd64.tar.zst";
    host.run(["guest", "create", "lxc", template, "--node", "pve1", "--hostname", "two", "--storage", "local-lvm", "--start"]).ok();
    let mut cut = lines(&host)[..2].to_vec();
    assert_eq!(words(&cut), ["intent", "upid"]);
    // While the one that began it may be there, nobody judges it.
    cut[0]["pid"] = std::process::id().into();
    rewrite(&host, &cut);
    let shown = host.run(["history", "-o", "json"]).ok().json();
    assert_eq!((&shown[0]["status"], &shown[0]["targets"][0]["message"]), (&"unfinished".into(), &"still in progress".into()));
    cut[0]["pid"] = json!(0x3fff_fff0);
    rewrite(&host, &cut);
    let shown = host.run(["history", "-o", "json"]).ok().json();
    assert_eq!(shown[0]["status"], "interrupted", "{shown}");
    assert!(shown[0]["targets"][0]["message"].as_str().unwrap().contains("before step 'start'"), "{shown}");
}

#[test]
fn without_a_journal_nothing_is_changed() {
    let host = Host::demo();
    std::fs::create_dir_all(host.home.state()).unwrap();
    std::fs::create_dir(file(&host)).unwrap();
    host.run(["guest", "stop", "110", "--yes"]).fails(1).says("--no-journal");
    assert_eq!(host.count("POST", "/status/stop"), 0);
    host.run(["guest", "stop", "110", "--yes", "--no-journal"]).ok();
}

#[test]
fn refusals_are_there_too() {
    let host = Host::demo();
    host.run(["guest", "stop", "110"]).fails(3);
    host.run(["guest", "stop", "110", "--read-only", "--yes"]).fails(3);
    let records = lines(&host);
    let blocked: Vec<String> =
        records.iter().map(|record| format!("{} {}", record["record"].as_str().unwrap(), record["by"].as_str().unwrap())).collect();
    assert_eq!(blocked, ["blocked confirmation", "blocked read-only"]);
    assert_eq!(records[1]["plan"]["items"][0]["steps"][0]["path"], "/nodes/pve1/lxc/110/status/stop", "what would have been sent");
    host.run(["history", "--status", "blocked", "-o", "id"]).ok();
    // What is refused before there is anything to be planned is no exception.
    host.run(["guest", "restore", "--from", "101", "--latest", "--overwrite", "--confirm", "101"]).fails(3).says("101 (web)");
    host.run(["guest", "restore", "--from", "101", "--latest", "--overwrite", "--plan"]).fails(3);
    let records = lines(&host);
    assert_eq!(records.len(), 3, "a plan is no refusal");
    assert_eq!((&records[2]["by"], &records[2]["verb"], &records[2]["context"]), (&"verb".into(), &"guest restore".into(), &"env".into()));
}

#[test]
fn history_is_filtered() {
    let host = Host::demo();
    host.run(["guest", "stop", "999"]).fails(5);
    host.run(["guest", "stop", "110", "--read-only"]).fails(3);
    for memory in ["1100", "1200", "1300"] {
        host.run(["guest", "set", "111", &format!("memory={memory}")]).ok();
    }
    let count = |args: &[&str]| host.run(["history", "-o", "id"].iter().chain(args)).ok().lines().len();
    assert_eq!(count(&[]), 4, "what was never found was no change");
    assert_eq!((count(&["--guest", "110"]), count(&["--guest", "paperless"]), count(&["--guest", "111"])), (1, 1, 3));
    assert_eq!((count(&["--verb", "guest set"]), count(&["--verb", "guest stop"])), (3, 1));
    assert_eq!((count(&["--limit", "2"]), count(&["--status", "blocked", "--limit", "2"])), (2, 1), "the limit counts what is shown");
    assert_eq!((count(&["--since", "1h"]), count(&["-c", "env"]), count(&["-c", "other"])), (4, 4, 0));
    let mut old = lines(&host);
    old[0]["time"] = "2020-01-01T00:00:00Z".into();
    rewrite(&host, &old);
    assert_eq!((count(&["--since", "1h"]), count(&["--since", "2020-06-01"]), count(&[])), (3, 3, 4));
}

#[test]
fn a_line_that_was_cut_off_spoils_no_other() {
    let host = Host::demo();
    host.run(["guest", "set", "110", "memory=1100"]).ok();
    // The power went in the middle of a line; and a sector came back as rubbish.
    let mut journal = std::fs::OpenOptions::new().append(true).open(file(&host)).unwrap();
    journal.write_all(b"\xff\xfe\x00rubbish\n{\"record\":\"verdict\",\"id\":\"2026").unwrap();
    drop(journal);
    host.run(["guest", "set", "110", "memory=1200"]).ok();
    let shown = host.run(["history", "-o", "json"]).ok().json();
    let statuses: Vec<&Value> = shown.as_array().unwrap().iter().map(|entry| &entry["status"]).collect();
    assert_eq!(statuses, ["ok", "ok"], "{shown}");
}

/// A record like those of old, some hundred bytes long.
fn old_record(number: usize) -> String {
    let id = format!("20200101-000000-{number:06x}");
    let message = "read-only mode: --read-only or FELHOM_READ_ONLY=1 is set ".repeat(16);
    json!({"record": "blocked", "id": id, "time": "2020-01-01T00:00:00Z", "context": "env", "user": "me", "pid": 1,
        "verb": "guest stop", "command": ["felhom", "guest", "stop", "110"], "by": "read-only", "message": message})
    .to_string()
}

#[test]
fn it_is_turned_over_when_it_grows_large_and_nothing_is_lost_when_several_do_that() {
    let host = Host::demo();
    std::fs::create_dir_all(host.home.state()).unwrap();
    let mut text = String::new();
    let mut old = 0;
    while text.len() <= 16 << 20 {
        text.push_str(&old_record(old));
        text.push('\n');
        old += 1;
    }
    std::fs::write(file(&host), &text).unwrap();
    let running: Vec<_> = (0..8).map(|n| host.start(["guest", "set", "110", &format!("description=run {n}")])).collect();
    let ended: Vec<_> = running.into_iter().map(|run| run.end()).collect();
    let older = file(&host).with_extension("jsonl.1");
    let turned = std::fs::read_to_string(&older).unwrap();
    assert!(turned.starts_with(&text), "the older file is the large one");
    // A digest that another run made stale is a failure of its own: written down all the same.
    let done = ended.iter().filter(|run| run.code == 0 || run.code == 3).count();
    assert_eq!(done, 8, "{ended:#?}");
    let mut records: Vec<Value> = turned[text.len()..].lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    records.extend(lines(&host));
    for word in ["intent", "verdict"] {
        assert_eq!(records.iter().filter(|record| record["record"] == word).count(), 8, "{word}");
    }
    assert!(std::fs::metadata(file(&host)).unwrap().len() < 1 << 20);
    assert_eq!(host.run(["history", "-o", "id", "--limit", "1000000"]).ok().lines().len(), old + 8);
}
