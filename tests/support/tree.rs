//! A walk over every command.

use std::sync::OnceLock;

use clap::Command;
use felhom::cli;

/// A command and the words that lead to it.
pub struct Named {
    /// `guest list`; empty for the program itself.
    pub name: String,
    pub command: &'static Command,
}

impl Named {
    pub fn is_leaf(&self) -> bool {
        self.command.get_subcommands().next().is_none()
    }
}

/// Every command that is not hidden, the program itself first, as it was written: without what clap adds. The tree is built once for
/// all tests.
pub fn all() -> Vec<Named> {
    static ROOT: OnceLock<Command> = OnceLock::new();
    let mut found = Vec::new();
    walk(ROOT.get_or_init(cli::command_built), "", &mut found);
    found
}

/// The names of those that do something themselves.
pub fn leaves() -> Vec<String> {
    all().into_iter().filter(Named::is_leaf).map(|leaf| leaf.name).collect()
}

fn walk(command: &'static Command, name: &str, found: &mut Vec<Named>) {
    found.push(Named { name: name.to_owned(), command });
    for sub in command.get_subcommands().filter(|c| !c.is_hide_set()) {
        walk(sub, format!("{name} {}", sub.get_name()).trim_start(), found);
    }
}
