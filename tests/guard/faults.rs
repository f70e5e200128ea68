//! The fault matrix: every changing command against every way in which a request can fail. The exit code tells whether something
//! may have been done, and nothing is sent twice.

use std::net::TcpListener;

use felhom::demo::faults::{Fault, Trouble};
use felhom::routes;

use super::leaves::CHANGES;
use super::site::Site;
use crate::support::Run;

/// A command line of the site, with the words that confirm it.
struct Line {
    words: Vec<String>,
    /// Its first write starts a task, whose UPID the host must answer with.
    starts_task: bool,
    /// How many targets it changes.
    targets: usize,
}

/// The command lines that change the host through its API.
fn lines(site: &Site) -> Vec<Line> {
    let api = CHANGES.iter().filter(|(verb, words)| !verb.starts_with("usb") && !verb.starts_with("fence") && !words.contains(&"--golden"));
    let line = |(_, words): &(&str, &[&str])| {
        let mut words = site.words(words);
        let plan = site.in_context("allow", &words, &["--plan", "-o", "json"]).ok().json();
        let confirm: Vec<&str> = plan["confirm"].as_array().into_iter().flatten().filter_map(serde_json::Value::as_str).collect();
        words.push("--yes".into());
        if !confirm.is_empty() {
            words.extend(["--confirm".to_owned(), confirm.join(",")]);
        }
        let first = &plan["items"][0]["steps"][0];
        let starts_task = first["method"].as_str().zip(first["path"].as_str()).is_some_and(|(method, path)| {
            let path = path.trim_start_matches('/').split('/').map(str::to_owned).collect();
            let method = [felhom::api::Method::Post, felhom::api::Method::Put, felhom::api::Method::Delete]
                .into_iter()
                .find(|known| known.to_string() == method);
            let request = felhom::api::Request::new(method.expect("a write"), path);
            routes::find(&request).is_some_and(|(row, _)| row.always_starts_task())
        });
        let targets = plan["items"].as_array().into_iter().flatten().filter(|item| item["status"] == "planned").count();
        Line { words, starts_task, targets }
    };
    api.map(line).collect()
}

/// Runs every command line against a host that fails every write in this way.
fn each(troubles: &[Trouble], check: impl Fn(&Line, &Run) -> bool) {
    let site = Site::new();
    let lines = lines(&site);
    troubles.iter().for_each(|trouble| every(&site, &lines, trouble, &check));
}

fn every(site: &Site, lines: &[Line], trouble: &Trouble, check: &impl Fn(&Line, &Run) -> bool) {
    let mut wrong = Vec::new();
    for line in lines {
        let before = site.sent().len();
        site.host.inject(Fault::new("WRITE", "*", trouble.clone()));
        let run = site.in_context("allow", &line.words, &[]);
        site.host.clear_faults();
        let sent = site.sent().split_off(before);
        if sent.is_empty() || sent.len() > line.targets {
            wrong.push(format!("{}: sent {sent:?}\n{run}", line.words.join(" ")));
        } else if !check(line, &run) {
            wrong.push(format!("{}: {run}", line.words.join(" ")));
        }
    }
    assert!(wrong.is_empty(), "{trouble:?}:\n{}", wrong.join("\n"));
}

/// This exit code; or that of a part, if a target had nothing to change.
fn ends(run: &Run, code: i32) -> bool {
    run.code == code || (run.code == 7 && run.stdout.contains("unchanged"))
}

/// The result is unknown: exit code 10, and a hint to look first.
fn unknown(run: &Run) -> bool {
    ends(run, 10) && run.stderr.contains("before you try again") && !run.stderr.contains("safe to try again")
}

#[test]
fn a_gateways_error_is_a_lost_answer() {
    each(&[502, 504, 408].map(|code| Trouble::Status { code, reason: String::new() }), |_, run| unknown(run));
}

#[test]
fn an_answer_that_breaks_off_is_a_lost_answer() {
    each(&[0, 5].map(|bytes| Trouble::CutAt { bytes }), |_, run| unknown(run));
}

#[test]
fn no_answer_and_an_unreadable_success_are_lost_answers() {
    each(&[Trouble::Reset, Trouble::Ignored { body: "<html>".into() }], |_, run| unknown(run));
}

#[test]
fn a_success_without_a_task_id_is_not_done() {
    let site = Site::new();
    let lines: Vec<Line> = lines(&site).into_iter().filter(|line| line.starts_task).collect();
    assert!(lines.len() > 10);
    every(&site, &lines, &Trouble::Ignored { body: r#"{"data":null}"#.into() }, &|_, run| unknown(run));
}

#[test]
fn a_node_that_the_host_cannot_reach_got_nothing() {
    let refused = Trouble::Status { code: 595, reason: "Connection refused".into() };
    each(&[refused], |_, run| ends(run, 9) && !run.stderr.contains("before you try again"));
}

#[test]
fn a_node_that_stopped_answering_may_have_got_it() {
    each(&[Trouble::Status { code: 596, reason: "Connection timed out".into() }], |_, run| unknown(run));
}

#[test]
fn without_a_connection_nothing_is_sent() {
    let site = Site::new();
    let lines = lines(&site);
    let refused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let cut = TcpListener::bind("127.0.0.1:0").unwrap();
    let cut_port = cut.local_addr().unwrap().port();
    // Accepts and hangs up: the TLS handshake breaks off.
    std::thread::spawn(move || cut.incoming().for_each(drop));
    for port in [refused, cut_port] {
        for line in &lines {
            let mut command = site.felhom(&line.words);
            command.env("FELHOM_ENDPOINT", format!("https://127.0.0.1:{port}"));
            command.envs([("FELHOM_TOKEN_ID", "root@pam!demo"), ("FELHOM_TOKEN_SECRET", "x")]);
            command.env("FELHOM_CA_FILE", site.host.ca_file());
            let run = crate::support::run(&mut command);
            assert_eq!(run.code, 9, "{}: {run}", line.words.join(" "));
        }
    }
}
