//! The command lines of the matrix, and what is known of them.

use felhom::api::{Method, Request};
use felhom::routes;
use serde_json::Value;

use crate::guard::leaves::CHANGES;
use crate::guard::site::Site;

/// Declared commands send their changes through one function: a line for each method stands for all of them.
const DECLARED: &[(&str, &[&str])] = &[
    ("pool create", &["pool", "create", "lab2"]),
    ("pool set", &["pool", "set", "lab1", "--comment", "x"]),
    ("pool delete", &["pool", "delete", "lab1"]),
];

/// Commands whose change starts no task, so nothing is waited for.
const WITHOUT_TASK: &[&str] = &[
    "guest set",
    "guest disk add",
    "guest disk attach",
    "guest disk detach",
    "guest disk delete",
    "guest tag add",
    "guest tag remove",
    "backup protect",
    "backup unprotect",
    "backup notes",
    "backup job create",
    "backup job set",
    "backup job delete",
    "task stop",
    "api put",
    "node reboot",
    "node shutdown",
    "node cert upload",
    "node cert delete",
    "role bootstrap",
    "role rotate",
    "role revoke",
    "pool create",
    "pool set",
    "pool delete",
];

/// What makes the first change.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Means {
    /// An API call, over HTTPS or ssh.
    Api,
    /// An API call by an administrator, who is root over ssh.
    Admin,
    /// The root helper or its installer, over ssh.
    Helper,
}

/// Whether a change starts a task.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Task {
    Never,
    Sometimes,
    Always,
}

/// A command line of the site, with the words that confirm it.
pub struct Line {
    pub words: Vec<String>,
    pub means: Means,
    pub task: Task,
    /// How many targets it changes.
    pub targets: usize,
}

/// Every third of the command lines that change a host.
pub fn third(site: &Site, part: usize) -> Vec<Line> {
    site.host.run(["pool", "create", "lab1"]).ok();
    let some = CHANGES.iter().chain(DECLARED).skip(part).step_by(3);
    let lines: Vec<Line> = some.clone().map(|(_, words)| line(site, words)).collect();
    let api = some.zip(&lines).filter(|(_, line)| line.means != Means::Helper).map(|((verb, _), line)| (*verb, line));
    let without: Vec<&str> = api.clone().filter(|(_, line)| line.task == Task::Never).map(|(verb, _)| verb).collect();
    let expected: Vec<&str> = api.map(|(verb, _)| verb).filter(|verb| WITHOUT_TASK.contains(verb)).collect();
    assert_eq!(without, expected, "a command starts a task, or WITHOUT_TASK names it");
    lines
}

fn line(site: &Site, given: &[&str]) -> Line {
    let mut words = site.words(given);
    let plan = site.in_context("allow", &words, &["--plan", "-o", "json"]).ok().json();
    let confirm: Vec<&str> = plan["confirm"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    words.push("--yes".into());
    if !confirm.is_empty() {
        words.extend(["--confirm".to_owned(), confirm.join(",")]);
    }
    let first = &plan["items"][0]["steps"][0];
    let call = first["method"].as_str().zip(first["path"].as_str());
    let means = match call {
        None => Means::Helper,
        Some(_) if given.contains(&"ADMIN") => Means::Admin,
        Some(_) => Means::Api,
    };
    let task = call.map_or(Task::Never, |(method, path)| {
        let known = [Method::Post, Method::Put, Method::Delete].into_iter().find(|known| known.to_string() == method);
        // The name of a volume holds a slash.
        let (path, volume) = path.split_once("/content/").map_or((path, None), |(path, volume)| (path, Some(["content", volume])));
        let path = path.trim_start_matches('/').split('/').chain(volume.into_iter().flatten());
        let request = Request::new(known.expect("a write"), path.map(str::to_owned).collect());
        match routes::find(&request) {
            Some((row, _)) if row.always_starts_task() => Task::Always,
            Some((row, _)) if row.task.is_some() => Task::Sometimes,
            _ => Task::Never,
        }
    });
    let targets = plan["items"].as_array().into_iter().flatten().filter(|item| item["status"] == "planned").count();
    Line { words, means, task, targets }
}
