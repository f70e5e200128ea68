//! Empty arguments: a variable of a script that is not set, mostly. Nothing is done with them.

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, Command};

/// Values that may be empty: texts, and settings whose value a host takes.
const MAY_BE: &[&str] = &["TEXT", "KEY=VALUE"];

/// The usage error of the first argument that was given without content.
pub fn find(matches: &ArgMatches) -> Option<clap::Error> {
    let mut levels = vec![matches];
    let mut names = Vec::new();
    while let Some((name, next)) = levels.last().and_then(|inner| inner.subcommand()) {
        names.push(name);
        levels.push(next);
    }
    // The commands are built only where there is something to say about one.
    if !levels.iter().any(|inner| inner.ids().any(|id| blank(inner, id.as_str()))) {
        return None;
    }
    let mut root = super::command();
    root.build();
    let mut command = Some(&root);
    for (depth, inner) in levels.into_iter().enumerate() {
        // Behind `demo` stands a command line of its own.
        let here = command?;
        if let Some(error) = empty(here, inner) {
            return Some(error);
        }
        command = names.get(depth).and_then(|name| here.find_subcommand(name));
    }
    None
}

/// Whether an argument was given a value without content.
fn blank(matches: &ArgMatches, id: &str) -> bool {
    if matches.value_source(id) != Some(ValueSource::CommandLine) {
        return false;
    }
    let values = matches.try_get_raw(id).ok().flatten().into_iter().flatten();
    values.into_iter().any(|value| value.to_string_lossy().trim_matches(|c: char| c.is_whitespace() || c == ',').is_empty())
}

fn empty(command: &Command, matches: &ArgMatches) -> Option<clap::Error> {
    let may_be = |arg: &clap::Arg| {
        let names = arg.get_value_names().unwrap_or_default();
        names.iter().any(|name| MAY_BE.contains(&name.as_str()))
    };
    let own = |arg: &&clap::Arg| arg.get_action().takes_values() && !may_be(arg) && blank(matches, arg.get_id().as_str());
    let arg = command.get_arguments().find(own)?;
    Some(command.clone().error(ErrorKind::InvalidValue, format!("an empty value for '{arg}'")))
}
