//! The style of everything that people read, as far as a test can tell.

use std::path::{Path, PathBuf};

use felhom::cli::help;

use crate::support::tree;

/// Words that hide a more exact one.
const FORBIDDEN: &[&str] = &[
    "anew",
    "shall",
    "such a ",
    "such an ",
    "such one",
    "what waits",
    "that waits",
    "that wait ",
    "stand still",
    "stands still",
    "take away",
    "takes away",
    "taken away",
    "takes it away",
    "take it away",
    "goes around",
    "at hand",
    "in the end",
    "so that it",
    "the other way round",
    "by its word",
    " minds ",
    "the gate",
    "a door",
    "the door",
    "made to measure",
    "whose mac",
    "may be left out",
    "without it one",
];

/// The longest summary of a command, and the longest help of an argument.
const SUMMARY: usize = 60;
const ARGUMENT: usize = 80;

/// First words of summaries. A new verb is added here once it is one.
const IMPERATIVES: &[&str] = &[
    "Add", "Apply", "Back", "Call", "Check", "Clone", "Create", "Delete", "Describe", "Discard", "Edit", "Find", "Install", "List",
    "Manage", "Mount", "Print", "Protect", "Preview", "Reboot", "Remove", "Replace", "Reset", "Restore", "Resume", "Roll", "Run", "Send",
    "Serve", "Set", "Show", "Shut", "Start", "Stop", "Suspend", "Test", "Unmount", "Wait",
];

#[test]
fn summaries_are_short_and_imperative() {
    let mut wrong = Vec::new();
    for named in tree::all().into_iter().filter(|named| !named.name.is_empty()) {
        let about = named.command.get_about().map(ToString::to_string).unwrap_or_default();
        let first = about.split([' ', ',']).next().unwrap_or_default();
        let mut complain = |why: &str| wrong.push(format!("felhom {}: {why}: {about}", named.name));
        if about.chars().count() > SUMMARY {
            complain("longer than 60 characters");
        }
        if about.ends_with('.') || about.contains('\n') {
            complain("not one clause without a full stop");
        }
        if !IMPERATIVES.contains(&first) {
            complain("does not begin with a known imperative");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn argument_help_is_short_and_has_its_default_in_brackets() {
    let mut wrong = Vec::new();
    for named in tree::all() {
        for arg in named.command.get_arguments().filter(|arg| !arg.is_hide_set()) {
            let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
            let mut complain = |why: &str| wrong.push(format!("felhom {} {arg}: {why}: {help}", named.name));
            if help.chars().count() > ARGUMENT {
                complain("longer than 80 characters");
            }
            if help.ends_with('.') || !help.starts_with(|c: char| c.is_uppercase() || c.is_numeric()) {
                complain("begins with a capital and has no full stop");
            }
            if (help.contains("default") && !help.contains("[default")) || help.contains("without it") {
                complain("a default stands in brackets: [default: all nodes]");
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn help_and_documents_use_no_forbidden_word() {
    let mut wrong = Vec::new();
    let mut look = |place: &str, text: &str| {
        for (at, line) in text.lines().enumerate() {
            let lower = line.to_lowercase();
            wrong
                .extend(FORBIDDEN.iter().filter(|word| lower.contains(**word)).map(|word| format!("{place}:{}: '{word}': {line}", at + 1)));
        }
    };
    for named in tree::all() {
        let names: Vec<&str> = named.name.split_whitespace().collect();
        look(&format!("felhom {} --help", named.name), &help::text(&names, true, 100).expect("a page"));
    }
    for (topic, text) in help::TOPICS {
        look(&format!("felhom help {topic}"), text);
    }
    for file in documents() {
        look(&file.display().to_string(), &std::fs::read_to_string(&file).unwrap());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is read outside the program.
fn documents() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files: Vec<PathBuf> = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].iter().map(|name| root.join(name)).collect();
    files.extend(std::fs::read_dir(root.join("man")).unwrap().map(|entry| entry.unwrap().path()));
    files
}
