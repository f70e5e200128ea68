//! The style of everything that people read, as far as a test can tell.

use std::path::{Path, PathBuf};

use felhom::cli::help;

use super::literals::{self, Role, Text};
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
    "Add",
    "Apply",
    "Attach",
    "Back",
    "Detach",
    "Grow",
    "Disable",
    "Download",
    "Enable",
    "Grant",
    "Migrate",
    "Read",
    "Upload",
    "Write",
    "Open",
    "Move",
    "Refresh",
    "Reload",
    "Relocate",
    "Restart",
    "Revoke",
    "Unlock",
    "Wake",
    "Call",
    "Check",
    "Clone",
    "Create",
    "Delete",
    "Describe",
    "Discard",
    "Edit",
    "Find",
    "Install",
    "List",
    "Manage",
    "Mount",
    "Print",
    "Protect",
    "Preview",
    "Reboot",
    "Remove",
    "Replace",
    "Reset",
    "Restore",
    "Resume",
    "Roll",
    "Run",
    "Send",
    "Serve",
    "Set",
    "Show",
    "Shut",
    "Start",
    "Stop",
    "Suspend",
    "Test",
    "Unmount",
    "Unset",
    "Lock",
    "Release",
    "Mark",
    "Pull",
    "Wait",
    "Convert",
    "Deactivate",
    "Freeze",
    "Join",
    "Order",
    "Regenerate",
    "Register",
    "Renew",
    "Synchronize",
    "Thaw",
    "Update",
];

/// The folders below `src` whose messages are read.
const MESSAGES: &[&str] = &["api", "cli", "config", "fence", "guard", "ops", "task", "transport", "ui"];

/// The longest message and the longest hint, before names are filled in.
const MESSAGE: usize = 100;
const HINT: usize = 160;

/// Names that begin with a capital at the beginning of a message too.
const NAMES: &[&str] = &["Docker", "Proxmox"];

/// First words of hints. A new verb is added here once it is one.
const HINT_VERBS: &[&str] = &[
    "add", "allow", "ask", "begin", "change", "check", "choose", "compare", "connect", "copy", "correct", "create", "delete", "edit",
    "enable", "exclude", "find", "free", "give", "grant", "install", "leave", "list", "look", "migrate", "move", "mount", "name", "omit",
    "pass", "pin", "remove", "rename", "renew", "repeat", "restore", "run", "say", "see", "set", "simplify", "stage", "start", "stop",
    "switch", "try", "turn", "unset", "upload", "use", "wait", "write",
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
            let mut complain = |why: &str| wrong.push(format!("felhom {} {}: {why}: {help}", named.name, arg.get_id()));
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
    let (mut pages, mut wrong) = (help::Pages::default(), Vec::new());
    let mut look = |place: &str, text: &str| {
        for (at, line) in text.lines().enumerate() {
            let lower = line.to_lowercase();
            wrong
                .extend(FORBIDDEN.iter().filter(|word| lower.contains(**word)).map(|word| format!("{place}:{}: '{word}': {line}", at + 1)));
        }
    };
    for named in tree::all() {
        let names: Vec<&str> = named.name.split_whitespace().collect();
        look(&format!("felhom {} --help", named.name), &pages.text(&names, true, 100).expect("a page"));
    }
    for (topic, text) in help::TOPICS {
        look(&format!("felhom help {topic}"), text);
    }
    for file in documents() {
        look(&file.display().to_string(), &std::fs::read_to_string(&file).unwrap());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn messages_and_hints_follow_the_rules() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut texts = Vec::new();
    for folder in MESSAGES {
        literals::in_folder(&src.join(folder), &mut texts);
    }
    assert!(texts.len() > 300, "only {} texts were found", texts.len());
    let wrong = texts.iter().flat_map(|text| faults(text.role, &text.text).into_iter().map(move |why| (text, why)));
    let wrong: Vec<String> =
        wrong.map(|(Text { file, line, text, .. }, why)| format!("{}:{line}: {why}: {text}", file.display())).collect();
    assert!(wrong.is_empty(), "{} texts:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_rules_for_messages_can_fail() {
    let source = r#"
        // Fault::usage("In a comment.")
        fn usage(text: &str) {}
        let a = Fault::usage(format!("which node? {}", list.join(", "))).with_hint("Add --node");
        let b = ctx.out.warn(if short { "no" } else { "the end." });
        let c = Column::new("Name.", |x| x == "Yes." || matches!(x, "No." | "So."));
        let d = Fault::new(Kind::Other, "\"it\" failed \
            anew");
    "#;
    let found = literals::in_source(source);
    let texts: Vec<(usize, Role, &str)> = found.iter().map(|(line, role, text)| (*line, *role, text.as_str())).collect();
    let expected = [
        (4, Role::Message, "which node? {}"),
        (4, Role::Piece, ", "),
        (4, Role::Hint, "Add --node"),
        (5, Role::Message, "no"),
        (5, Role::Message, "the end."),
        (7, Role::Message, "\"it\" failed anew"),
    ];
    assert_eq!(texts, expected);
    let count = |role, text: &str| faults(role, text).len();
    assert_eq!((count(Role::Message, "the end."), count(Role::Message, "The end"), count(Role::Message, "Proxmox VE 8")), (1, 1, 0));
    assert_eq!((count(Role::Hint, "--node picks one"), count(Role::Hint, "add --node"), count(Role::Hint, "{} first")), (1, 0, 0));
    assert_eq!((count(Role::Message, &"x".repeat(101)), count(Role::Message, &format!("{{{}}}", "x".repeat(101)))), (1, 0));
    assert_eq!((count(Role::Piece, "made anew"), count(Role::Piece, "Others.")), (1, 0));
}

/// What is wrong with a text.
fn faults(role: Role, text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    let mut wrong: Vec<String> = FORBIDDEN.iter().filter(|word| lower.contains(**word)).map(|word| format!("'{word}'")).collect();
    let form = form(text);
    let first = form.split([' ', ':', ',']).next().unwrap_or_default();
    let most = match role {
        Role::Message => MESSAGE,
        Role::Hint => HINT,
        Role::Piece => return wrong,
    };
    if form.chars().count() > most {
        wrong.push(format!("longer than {most} characters"));
    }
    if form.trim_end().ends_with('.') {
        wrong.push("a full stop at the end".into());
    }
    let mut letters = first.chars();
    let capital = letters.next().is_some_and(char::is_uppercase) && letters.next().is_some_and(char::is_lowercase);
    if capital && !NAMES.contains(&first) {
        wrong.push("a capital at the beginning".into());
    }
    if role == Role::Hint && !first.starts_with('{') && !HINT_VERBS.contains(&first) {
        wrong.push("a hint begins with a known verb".into());
    }
    wrong
}

/// A text with `{}` for each name that is filled in.
fn form(text: &str) -> String {
    let mut form = String::new();
    let mut inside = false;
    for c in text.replace("{{", "<").replace("}}", ">").chars() {
        match c {
            '{' => inside = true,
            '}' => {
                inside = false;
                form.push_str("{}");
            }
            c if !inside => form.push(c),
            _ => {}
        }
    }
    form
}

/// What is read outside the program.
fn documents() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files: Vec<PathBuf> = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].iter().map(|name| root.join(name)).collect();
    files.extend(std::fs::read_dir(root.join("man")).unwrap().map(|entry| entry.unwrap().path()));
    files
}
