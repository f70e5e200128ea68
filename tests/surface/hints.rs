//! What messages tell people to run: every command named in the sources exists, with its flags.

use std::path::{Path, PathBuf};

use clap::Command;
use felhom::cli;

#[test]
fn every_command_that_a_message_names_exists() {
    let tree = tree();
    let mut named = 0;
    let mut wrong = Vec::new();
    for file in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        let text = std::fs::read_to_string(&file).unwrap();
        for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")) {
            for command in commands(line).into_iter().chain(bare(&tree, line)) {
                named += 1;
                if let Err(why) = exists(&tree, &command) {
                    wrong.push(format!("{}:{}: `{command}`: {why}", file.display(), at + 1));
                }
            }
        }
    }
    assert!(named > 100, "only {named} were found: the search is broken");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_command_that_does_not_exist_is_seen() {
    let tree = tree();
    assert_eq!(commands("with_hint(\"`felhom guest list` or `felhom role check -c {name}`\")").len(), 2);
    assert_eq!(commands("format!(\"`{} role check --admin root@pam` tells\")"), ["felhom role check --admin root@pam"]);
    assert_eq!(bare(&tree, "format!(\"name it: felhom role revoke felhom@pve!agent\")"), ["felhom role revoke"]);
    assert!(bare(&tree, "\"felhom demo certificate authority\"").is_empty() && bare(&tree, "Description=felhom usb x").is_empty());
    for fine in [
        "felhom guest list",
        "felhom guest list --type lxc",
        "felhom role",
        "felhom role …",
        "felhom role check{context}",
        "felhom demo guest list",
        "felhom",
    ] {
        exists(&tree, fine).unwrap_or_else(|why| panic!("{fine}: {why}"));
    }
    for wrong in
        ["felhom nosuch set", "felhom guest nosuch", "felhom guest list --nosuch", "felhom demo nosuch", "felhom role check --sudo"]
    {
        assert!(exists(&tree, wrong).is_err(), "{wrong}");
    }
}

fn tree() -> Command {
    let mut command = cli::command_built();
    command.build();
    command
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            found.push(path);
        }
    }
    found
}

/// What stands between backticks and begins with the program's name, or with the place of it.
fn commands(line: &str) -> Vec<String> {
    let spans = line.split('`').skip(1).step_by(2);
    let spans = spans.filter_map(|span| {
        let rest = span.strip_prefix("felhom ").or_else(|| span.strip_prefix("{} ").filter(|rest| rest.starts_with("role ")))?;
        Some(format!("felhom {rest}"))
    });
    spans.collect()
}

/// A command that stands in a text without backticks: a noun, and a verb after it.
fn bare(tree: &Command, line: &str) -> Vec<String> {
    // `felhom demo certificate authority` and a unit's description are names.
    let noun = |word: &str| word != "demo" && tree.find_subcommand(word).is_some_and(Command::has_subcommands);
    let spans = line.match_indices("felhom ").filter(|(at, _)| !line[..*at].ends_with(['`', '='])).filter_map(|(at, _)| {
        let text = line[at..].split(['"', '`', '\\', ',', ';']).next()?;
        let words: Vec<&str> = text.split_whitespace().take(3).collect();
        let verb = |word: &str| word.chars().all(|c| c.is_ascii_lowercase() || c == '-');
        (words.len() == 3 && noun(words[1]) && verb(words[2])).then(|| words.join(" "))
    });
    spans.collect()
}

/// The nouns and verbs as far as they are words, and every flag.
fn exists(tree: &Command, line: &str) -> Result<(), String> {
    let words: Vec<&str> = line.split_whitespace().skip(1).collect();
    let mut rest = &words[..];
    // `demo` takes any other command.
    if let [first, second, ..] = rest
        && *first == "demo"
        && tree.find_subcommand("demo").is_none_or(|demo| demo.find_subcommand(second).is_none())
    {
        rest = &rest[1..];
    }
    let mut command = tree;
    while let Some((word, after)) = rest.split_first() {
        // What is filled in behind a word begins with its own blank.
        let word = word.split('{').next().unwrap_or_default();
        if !command.has_subcommands() || !word.starts_with(|c: char| c.is_ascii_lowercase()) {
            break;
        }
        command = command.find_subcommand(word).ok_or_else(|| format!("there is no `{word}`"))?;
        rest = after;
    }
    let flags = rest.iter().filter_map(|word| word.strip_prefix("--")).map(|flag| flag.split(['=', '[']).next().unwrap_or_default());
    for flag in flags.filter(|flag| !flag.is_empty()) {
        if !command.get_arguments().any(|arg| arg.get_long() == Some(flag)) {
            return Err(format!("it has no --{flag}"));
        }
    }
    Ok(())
}
