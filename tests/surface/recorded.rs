//! What scripts depend on: commands, flags, exit codes and JSON keys, as recorded in `recorded/`. A recorded name may get a better
//! one, but the old one stays as an alias. `FELHOM_GENERATE=1` adds new names to the record and removes none.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use clap::Command;
use felhom::cli;
use felhom::fault::Kind;
use serde_json::Value;

use crate::support::Demo;

type Record = BTreeMap<String, BTreeSet<String>>;

#[test]
fn recorded_commands_and_flags_still_exist() {
    let mut now = Record::new();
    let mut root = cli::command_built();
    root.build();
    flags(&root, "", &mut now);
    let lost = compare("flags.txt", now, |command, flag| accepts(&root, command, flag));
    assert!(lost.is_empty(), "these were recorded and are gone, without an alias:\n{}", lost.join("\n"));
}

#[test]
fn recorded_exit_codes_are_the_same() {
    let now = KINDS.iter().map(|kind| (kind.word().to_owned(), BTreeSet::from([kind.exit().to_string()]))).collect();
    let lost = compare("exit-codes.txt", now, |_, _| false);
    assert!(lost.is_empty(), "these exit codes changed:\n{}", lost.join("\n"));
}

#[test]
fn recorded_json_keys_are_still_there() {
    let demo = Demo::new();
    let mut now = Record::new();
    let mut root = cli::command_built();
    root.build();
    for line in include_str!("recorded/commands.txt").lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let run = demo.run(words.iter().copied().chain(["-o", "json", "--yes"]));
        let value: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|why| panic!("`{line}` printed no JSON: {why}\n{run}"));
        let name: Vec<&str> = words.iter().copied().take_while(|word| word.starts_with(|c: char| c.is_ascii_lowercase())).take(3).collect();
        let name = (1..=name.len()).rev().map(|n| name[..n].join(" ")).find(|name| accepts(&root, name, "")).expect("a command");
        keys(&value, "", now.entry(name).or_default());
    }
    let lost = compare("json-keys.txt", now, |_, _| false);
    assert!(lost.is_empty(), "these JSON keys were recorded and are gone:\n{}", lost.join("\n"));
}

const KINDS: &[Kind] = &[
    Kind::Usage,
    Kind::Config,
    Kind::Refused,
    Kind::Unauthenticated,
    Kind::Denied,
    Kind::NotFound,
    Kind::Exists,
    Kind::Conflict,
    Kind::Locked,
    Kind::BadParameter,
    Kind::NotImplemented,
    Kind::TaskFailed,
    Kind::TaskWarnings,
    Kind::Partial,
    Kind::Unfinished,
    Kind::Unreachable,
    Kind::Untrusted,
    Kind::Unknown,
    Kind::Interrupted,
    Kind::Terminated,
    Kind::Host,
    Kind::Other,
];

/// Every command with its own long flags, global ones at the root only.
fn flags(command: &Command, name: &str, record: &mut Record) {
    let own = command.get_arguments().filter(|arg| name.is_empty() || !arg.is_global_set()).filter_map(clap::Arg::get_long);
    let own = own.filter(|flag| !["help", "version"].contains(flag)).map(|flag| format!("--{flag}"));
    record.insert(if name.is_empty() { "felhom".into() } else { name.to_owned() }, own.collect());
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
        flags(sub, format!("{name} {}", sub.get_name()).trim_start(), record);
    }
}

/// Whether the command line still takes this flag, by its name or by an alias, visible or hidden.
fn accepts(root: &Command, name: &str, flag: &str) -> bool {
    let words = name.split_whitespace().filter(|word| *word != "felhom");
    let Some(command) = words.into_iter().try_fold(root, |command, word| command.find_subcommand(word)) else { return false };
    if flag.is_empty() {
        return true;
    }
    command.get_arguments().any(|arg| {
        let names = arg.get_long().into_iter().chain(arg.get_all_aliases().unwrap_or_default());
        names.into_iter().any(|name| flag.trim_start_matches('-') == name)
    })
}

/// The paths of all keys: `error.kind`, `[].vmid`. Keys below a map of names, such as a guest's configuration, are the host's.
fn keys(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| keys(item, &format!("{path}[]"), found)),
        Value::Object(map) if !HOSTS.iter().any(|end| path.ends_with(end)) => {
            for (key, value) in map {
                let path = format!("{path}.{key}");
                keys(value, &path, found);
                found.insert(path);
            }
        }
        _ => {}
    }
}

/// Below these keys stand names that the host chooses.
const HOSTS: &[&str] = &[".details", ".config", ".options", ".extra"];

/// What the record has and the program has not. Writes the union where asked to.
fn compare(file: &str, now: Record, alias: impl Fn(&str, &str) -> bool) -> Vec<String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/surface/recorded").join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    let mut record: Record = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, words) = line.split_once(':').expect("NAME: WORD WORD …");
        record.insert(name.to_owned(), words.split_whitespace().map(str::to_owned).collect());
    }
    let mut lost = Vec::new();
    for (name, words) in &record {
        match now.get(name) {
            None if alias(name, "") && words.iter().all(|word| alias(name, word)) => {}
            None if words.is_empty() => lost.push(name.clone()),
            None => lost.extend(words.iter().filter(|word| !alias(name, word)).map(|word| format!("{name}: {word}"))),
            Some(there) => {
                let gone = words.iter().filter(|word| !there.contains(*word) && !alias(name, word));
                lost.extend(gone.map(|word| format!("{name}: {word}")));
            }
        }
    }
    if std::env::var("FELHOM_GENERATE").is_ok_and(|v| v == "1") {
        for (name, words) in now {
            record.entry(name).or_default().extend(words);
        }
        let lines = record.iter().map(|(name, words)| format!("{name}: {}", words.iter().cloned().collect::<Vec<_>>().join(" ")));
        std::fs::write(&path, lines.map(|line| line.trim_end().to_owned() + "\n").collect::<String>()).unwrap();
    }
    lost
}
