//! What is tested for every declared command, from its noun and its example.

use std::collections::BTreeSet;

use felhom::api::{Method, Risk};
use felhom::nouns::{self, COLUMN_OPTIONS, Noun, Shape, Verb};
use felhom::routes;
use serde_json::Value;

use crate::support::{Host, tree};

/// Every declared verb with its noun.
fn verbs() -> impl Iterator<Item = (&'static Noun, &'static Verb)> {
    nouns::ALL.iter().flat_map(|noun| noun.verbs().map(move |verb| (*noun, verb)))
}

fn name(noun: &Noun, verb: &Verb) -> String {
    format!("{} {}", noun.words, verb.name)
}

/// The words of a verb's first example, without the program.
fn example(verb: &Verb) -> Vec<String> {
    let line = verb.example.lines().next().unwrap_or_default();
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            c => words.last_mut().unwrap().push(c),
        }
    }
    words.split_off(1)
}

#[test]
fn every_verb_has_a_method_of_the_schema_and_columns_that_can_be_read() {
    let mut wrong = Vec::new();
    for (noun, verb) in verbs() {
        if routes::templates(noun, verb).is_empty() {
            wrong.push(format!("{}: no method {} {}", name(noun, verb), verb.method, noun.path(verb)));
        }
        if (verb.method == Method::Get) != (verb.risk == Risk::Read) || (verb.method == Method::Get) == (verb.shape == Shape::Change) {
            wrong.push(format!("{}: a {} with risk '{}'", name(noun, verb), verb.method, verb.risk.word()));
        }
        if let Shape::List(columns) | Shape::Show(columns) = verb.shape {
            let options = columns.iter().filter_map(|column| column.split_once(':')).flat_map(|(_, options)| options.split(','));
            wrong.extend(options.filter(|option| !COLUMN_OPTIONS.contains(option)).map(|o| format!("{}: option '{o}'", name(noun, verb))));
        }
        if matches!(verb.shape, Shape::List(columns) if columns.len() > 9) {
            wrong.push(format!("{}: a table of more than nine columns", name(noun, verb)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_line_of_help_is_used_and_says_more_than_the_name() {
    let mut used = BTreeSet::new();
    for named in tree::all() {
        let Some((noun, verb)) = nouns::find(&named.name) else { continue };
        let own = named.command.get_arguments().filter_map(|arg| {
            let id = arg.get_id().as_str();
            ["param-", "off-", "stdin-", "scope-"].iter().find_map(|prefix| id.strip_prefix(prefix)).map(str::to_owned)
        });
        let _ = verb;
        used.extend(
            own.map(
                |parameter| if nouns::has_own_help(noun.words, &parameter) { format!("{}.{parameter}", noun.words) } else { parameter },
            ),
        );
    }
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for line in include_str!("../../src/nouns/words.txt").lines() {
        let (parameter, help) = line.split_once(": ").unwrap_or_else(|| panic!("'{line}' is not `name: help`"));
        if !seen.insert(parameter) {
            wrong.push(format!("{parameter}: twice"));
        }
        if !used.contains(parameter) {
            wrong.push(format!("{parameter}: not used"));
        }
        let bare = |text: &str| text.to_lowercase().replace(['-', '_', ' '], "");
        if help.contains(' ') && bare(help) == bare(parameter.rsplit('.').next().unwrap()) {
            wrong.push(format!("{parameter}: repeats the name"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_plan_shows_the_call_and_nothing_is_sent() {
    let host = Host::demo().with_token("root@pam!demo");
    let mut wrong = Vec::new();
    for (noun, verb) in verbs().filter(|(_, verb)| verb.shape == Shape::Change) {
        let words = example(verb);
        let before = host.requests().len();
        let run = host.run(words.iter().map(String::as_str).chain(["--plan", "-o", "json"]));
        let sent = host.requests().iter().skip(before).any(|request| request.method != "GET");
        let plan: Value = serde_json::from_str(&run.stdout).unwrap_or_default();
        let step = &plan["items"][0]["steps"][0];
        let right = step["method"] == verb.method.word() && plan["items"][0]["risk"] == verb.risk.word();
        let root_only =
            plan["items"][0]["status"] == "refused" && plan["items"][0]["message"].as_str().is_some_and(|m| m.contains("root@pam"));
        if sent || run.code != 0 || !(right || root_only) {
            wrong.push(format!("{}: {words:?}\n{run}", name(noun, verb)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_read_only_run_changes_nothing() {
    let host = Host::demo().with_token("root@pam!demo");
    let mut wrong = Vec::new();
    for (noun, verb) in verbs().filter(|(_, verb)| verb.shape == Shape::Change) {
        let words = example(verb);
        let run = host.run(words.iter().map(String::as_str).chain(["--read-only"]));
        let root_only = run.code == 4 && run.stderr.contains("root@pam");
        if run.code != 3 && !root_only {
            wrong.push(format!("{}: {words:?}\n{run}", name(noun, verb)));
        }
    }
    let sent = host.requests().iter().any(|request| request.method != "GET");
    assert!(wrong.is_empty() && !sent, "{}", wrong.join("\n"));
}

#[test]
fn every_read_shows_a_table_and_json_that_agree() {
    let host = Host::demo().with_token("root@pam!demo");
    let mut wrong = Vec::new();
    for (noun, verb) in verbs().filter(|(_, verb)| verb.shape != Shape::Change) {
        let words = example(verb);
        let run = |format: &str| host.run(words.iter().map(String::as_str).chain(["-o", format]));
        let (table, json) = (run("table"), run("json"));
        let items: Value = serde_json::from_str(&json.stdout).unwrap_or_default();
        let rows = match verb.shape {
            Shape::List(_) => items.as_array().map(|rows| (rows.len(), table.stdout.lines().count().saturating_sub(1))),
            _ => Some((0, 0)),
        };
        let placed = match verb.shape {
            Shape::List(_) => items.as_array().is_some_and(|rows| rows.iter().all(|row| row["context"].is_string())),
            Shape::Show(_) => items["context"].is_string(),
            _ => true,
        };
        if table.code != 0 || json.code != 0 || !placed || rows.is_none_or(|(objects, lines)| objects != lines) {
            wrong.push(format!("{}: {words:?}\n{table}\n{json}", name(noun, verb)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn without_privileges_every_call_that_needs_some_is_denied() {
    let host = Host::demo();
    host.deny("/");
    let mut wrong = Vec::new();
    for (noun, verb) in verbs() {
        let rows: Vec<_> =
            routes::templates(noun, verb).into_iter().filter_map(|t| routes::by_key(&format!("{} {t}", verb.method))).collect();
        let open = rows.iter().all(|row| matches!(row.privs, routes::Privs::None | routes::Privs::When(..)));
        // A guest that may not be seen is not found.
        let guest = noun.path(verb).contains("{guest}") || noun.path(verb).contains("{vmid}");
        if open || guest || !noun.scopes.is_empty() {
            continue;
        }
        let mut words = example(verb);
        if verb.risk == Risk::Irreversible && !words.iter().any(|word| word == "--confirm") {
            wrong.push(format!("{}: the example has no --confirm", name(noun, verb)));
        }
        words.push("--yes".into());
        let run = host.run(&words);
        if run.code != 4 {
            wrong.push(format!("{}: {words:?}\n{run}", name(noun, verb)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
