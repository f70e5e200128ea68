//! The journal: on the disk before anything is sent, and able to tell how an interrupted change ended.

use felhom::demo::Options;

use crate::support::{Host, demo_options, eventually};

fn lines(host: &Host) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(host.home.state().join("journal.jsonl")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_change_leaves_its_three_records() {
    let host = Host::demo();
    host.run(["guest", "stop", "110", "--yes"]).ok();
    let records = lines(&host);
    let words: Vec<&str> = records.iter().map(|record| record["record"].as_str().unwrap()).collect();
    assert_eq!(words, ["intent", "upid", "verdict"]);
    assert!(records.iter().all(|record| record["id"] == records[0]["id"]));
    assert_eq!((&records[0]["verb"], &records[2]["status"]), (&"guest stop".into(), &"ok".into()));
    let shown = host.run(["history", "show", records[0]["id"].as_str().unwrap(), "-o", "json"]).ok().json();
    assert_eq!((&shown["status"], &shown["targets"][0]["upid"]), (&"ok".into(), &records[1]["upid"]));
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
    let mut shown = serde_json::Value::Null;
    eventually("the task ends", || {
        shown = host.run(["history", "-o", "json"]).ok().json();
        shown[0]["status"] == "ok"
    });
    assert_eq!(shown[0]["targets"][0]["upid"], before.iter().find(|record| record["record"] == "upid").unwrap()["upid"]);
}

#[test]
fn without_a_journal_nothing_is_changed() {
    let host = Host::demo();
    std::fs::create_dir_all(host.home.state()).unwrap();
    std::fs::create_dir(host.home.state().join("journal.jsonl")).unwrap();
    host.run(["guest", "stop", "110", "--yes"]).fails(1).says("--no-journal");
    assert_eq!(host.count("POST", "/status/stop"), 0);
    host.run(["guest", "stop", "110", "--yes", "--no-journal"]).ok();
}

#[test]
fn refusals_are_there_too() {
    let host = Host::demo();
    host.run(["guest", "stop", "110"]).fails(3);
    host.run(["guest", "stop", "110", "--read-only", "--yes"]).fails(3);
    let blocked: Vec<String> =
        lines(&host).iter().map(|record| format!("{} {}", record["record"].as_str().unwrap(), record["by"].as_str().unwrap())).collect();
    assert_eq!(blocked, ["blocked confirmation", "blocked read-only"]);
    host.run(["history", "--status", "blocked", "-o", "id"]).ok();
}
