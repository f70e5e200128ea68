//! Empty arguments: a variable of a script that is not set, mostly. Nothing is done with them.

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, Command, CommandFactory};

use super::Cli;

/// Values that may be empty: texts, and settings whose value a host takes.
const MAY_BE: &[&str] = &["TEXT", "KEY=VALUE"];

/// The usage error of the first argument that was given without content.
pub fn find(matches: &ArgMatches) -> Option<clap::Error> {
    let mut command = Cli::command();
    command.build();
    let root = command.clone();
    let mut command = &root;
    let mut inner = matches;
    loop {
        if let Some(error) = empty(command, inner) {
            return Some(error);
        }
        let (name, next) = inner.subcommand()?;
        // Behind `demo` stands a command line of its own.
        command = command.find_subcommand(name)?;
        inner = next;
    }
}

fn empty(command: &Command, matches: &ArgMatches) -> Option<clap::Error> {
    let given = |arg: &&clap::Arg| matches.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine);
    let may_be = |arg: &clap::Arg| {
        let names = arg.get_value_names().unwrap_or_default();
        names.iter().any(|name| MAY_BE.contains(&name.as_str()))
    };
    let blank = |arg: &&clap::Arg| {
        let values = matches.get_raw(arg.get_id().as_str()).into_iter().flatten();
        values.into_iter().any(|value| value.to_string_lossy().trim_matches(|c: char| c.is_whitespace() || c == ',').is_empty())
    };
    let arg = command.get_arguments().filter(|arg| arg.get_action().takes_values()).filter(given).filter(|arg| !may_be(arg)).find(blank)?;
    Some(command.clone().error(ErrorKind::InvalidValue, format!("an empty value for '{arg}'")))
}
