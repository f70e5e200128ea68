//! A walk over every command.

use clap::Command;
use felhom::cli;

/// A command and the words that lead to it.
pub struct Named {
    /// `guest list`; empty for the program itself.
    pub name: String,
    pub command: Command,
}

impl Named {
    pub fn is_leaf(&self) -> bool {
        self.command.get_subcommands().next().is_none()
    }
}

/// Every command that is not hidden, the program itself first, as it was written: without what clap adds.
pub fn all() -> Vec<Named> {
    let mut found = Vec::new();
    walk(cli::command_built(), "", &mut found);
    found
}

/// The names of those that do something themselves.
pub fn leaves() -> Vec<String> {
    all().into_iter().filter(Named::is_leaf).map(|leaf| leaf.name).collect()
}

fn walk(command: Command, name: &str, found: &mut Vec<Named>) {
    let inner: Vec<Command> = command.get_subcommands().filter(|c| !c.is_hide_set()).cloned().collect();
    found.push(Named { name: name.to_owned(), command });
    for sub in inner {
        let name = format!("{name} {}", sub.get_name()).trim_start().to_owned();
        walk(sub, &name, found);
    }
}
