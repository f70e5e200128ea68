//! The examples of the help: every leaf has one, and every one is a command line that felhom takes.

use clap::Command;
use felhom::cli;

use crate::support::tree::{self, Named};

#[test]
fn every_leaf_has_an_example_that_parses() {
    let mut wrong = Vec::new();
    for Named { name, command } in tree::all().into_iter().filter(Named::is_leaf) {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let examples: Vec<&str> = help.lines().map(str::trim).filter(|line| line.contains("felhom ")).collect();
        if examples.is_empty() {
            wrong.push(format!("felhom {name}: no example"));
        }
        for example in &examples {
            if let Err(why) = parses(example) {
                wrong.push(format!("felhom {name}: {example}\n    {}", why.lines().next().unwrap_or_default()));
            }
        }
        if !examples.is_empty() && !examples.iter().any(|example| example.contains(&format!("felhom {name}"))) {
            wrong.push(format!("felhom {name}: no example shows the command itself"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_documents_show_commands_that_exist() {
    let mut wrong = Vec::new();
    for file in ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"] {
        let text = std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
        let quoted = text.split('`').skip(1).step_by(2).filter(|code| code.starts_with("felhom ") && !code.contains(['…', '|', '\n']));
        // In a sentence a command may stand without its arguments.
        for example in quoted.map(|line| format!("xargs {line}")) {
            if let Err(why) = parses(&example) {
                wrong.push(format!("{file}: {example}\n    {}", why.lines().next().unwrap_or_default()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_wrong_example_is_seen() {
    assert!(parses("felhom guest list --nosuch").is_err());
    assert!(parses("felhom nosuch").is_err());
    assert!(parses("felhom demo guest list --nosuch").is_err());
    assert!(parses("felhom guest list -o id | xargs felhom guest show").is_ok());
    assert!(parses("echo x | felhom nosuch").is_err());
}

/// Every command line of felhom in this line of shell.
pub fn parses(line: &str) -> Result<(), String> {
    if line.contains("$(") || line.contains('…') {
        // What the inner command prints, and what an abbreviation stands for, is not known here.
        return Ok(());
    }
    for words in commands(line) {
        let at = words.iter().position(|word| word == "felhom");
        let Some(at) = at else { continue };
        let piped = words[..at].iter().any(|word| word == "xargs");
        parse(cli::command(), &words[at..], piped)?;
    }
    Ok(())
}

/// `piped`: xargs adds arguments that are not seen here, so a missing one is no mistake.
fn parse(command: Command, words: &[String], piped: bool) -> Result<(), String> {
    use clap::error::ErrorKind;
    if words.get(1).is_some_and(|word| word == "demo")
        && !["serve", "reset", "state", "tour"].contains(&words.get(2).map_or("", String::as_str))
    {
        let inner: Vec<String> = std::iter::once("felhom".to_owned()).chain(words[2..].iter().cloned()).collect();
        return parse(command, &inner, piped);
    }
    match command.try_get_matches_from(words) {
        // A noun or a verb alone names it.
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand) => Ok(()),
        Err(error) if piped && error.kind() == ErrorKind::MissingRequiredArgument => Ok(()),
        Err(error) if error.use_stderr() => Err(error.render().to_string()),
        _ => Ok(()),
    }
}

/// Splits a line of shell into commands, and those into words; quotes are understood, redirections and comments go.
fn commands(line: &str) -> Vec<Vec<String>> {
    let (mut all, mut words, mut word) = (Vec::new(), Vec::new(), None::<String>);
    let mut quote = None;
    let mut letters = line.chars().peekable();
    while let Some(c) = letters.next() {
        match (quote, c) {
            (Some(q), c) if c == q => quote = None,
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, '#') if word.is_none() => break,
            (None, '<' | '>' | '(' | ')' | '|' | ';' | '&') => {
                words.extend(word.take());
                if !words.is_empty() {
                    all.push(std::mem::take(&mut words));
                }
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (None, '\\') => word.get_or_insert_default().extend(letters.next()),
            (None, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    if !words.is_empty() {
        all.push(words);
    }
    all
}
