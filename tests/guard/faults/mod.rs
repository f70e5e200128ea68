//! The fault matrix: every changing command against every way in which a request can fail. The exit code tells whether something
//! may have been done, nothing is sent twice, and the hint fits.

mod line;
mod way;

use super::site::{Site, owned};
use crate::support::need_tool;
use way::Way;

/// Runs every third command line in every way.
fn matrix(part: usize) {
    if need_tool("curl").is_none() {
        return;
    }
    let site = Site::new();
    site.with_pvesh();
    let lines = line::third(&site, part);
    let ways = Way::all();
    let mut wrong = Vec::new();
    for line in &lines {
        for way in ways.iter().filter(|way| way.concerns(line)) {
            let before = site.sent().len();
            let run = way.run(&site, line);
            if let Some(why) = way.wrong(line, &run, &site.sent()[before..]) {
                wrong.push(format!("{} {way:?}: {why}\n{run}", line.words.join(" ")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn one_third_of_the_commands() {
    matrix(0);
}

#[test]
fn another_third_of_the_commands() {
    matrix(1);
}

#[test]
fn the_last_third_of_the_commands() {
    matrix(2);
}

#[test]
fn over_ssh_the_task_of_a_lost_answer_is_found_and_an_older_one_is_not_taken_for_it() {
    if need_tool("curl").is_none() {
        return;
    }
    let site = Site::new();
    site.with_pvesh();
    let backup = owned(&["api", "post", "/nodes/pve1/vzdump", "vmid=110", "storage=local", "mode=snapshot", "--detach"]);
    let posts = || site.host.count("POST", "/nodes/pve1/vzdump");
    site.break_ssh("carried");
    let found = site.in_context("over", &backup, &[]).ok();
    assert!(found.stdout.starts_with("UPID:pve1:") && posts() == 1, "{found}");
    site.break_ssh("after");
    site.in_context("over", &backup, &[]).fails(10).says("before you try again");
    assert_eq!(posts(), 1);
}
