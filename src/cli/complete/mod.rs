//! Shell completion: the script for a shell, and live names at the prompt.

mod ask;
mod bash;
mod line;
mod names;

use std::ffi::OsStr;
use std::time::Duration;

use clap::Args;
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use clap_complete::env::{CompleteEnv, Shells};

use crate::cli::{self, Ctx};
use crate::fault::{Fault, Result};

pub use names::{archives, contexts, guests, nodes, snapshots, storages, upids};

/// Print a shell completion script
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  source <(felhom completions bash)\n  felhom completions fish | source")]
pub struct Completions {
    /// Shell: bash, zsh, fish, powershell, elvish
    #[arg(value_name = "SHELL", value_parser = ["bash", "zsh", "fish", "powershell", "elvish"])]
    shell: String,
}

/// The variable with which a shell requests candidates.
const VARIABLE: &str = "FELHOM_COMPLETE";
/// Time limit of a request: a delay that is barely noticeable, without felhom's start and the shell's part.
const PATIENCE: Duration = Duration::from_millis(250);

impl Completions {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        if self.shell == "bash" {
            return ctx.out.text(bash::SCRIPT);
        }
        let shells = Shells::builtins();
        let shell = shells.completer(&self.shell).ok_or_else(|| Fault::usage(format!("no completion for '{}'", self.shell)))?;
        let mut script = Vec::new();
        shell
            .write_registration(VARIABLE, "felhom", "felhom", "felhom", &mut script)
            .map_err(|error| Fault::io("write the completion script", &error))?;
        ctx.out.text(&String::from_utf8_lossy(&script))
    }
}

/// Answers a shell's request for candidates and ends the program; otherwise does nothing.
pub fn answer() {
    if std::env::var_os(VARIABLE).is_some() {
        CompleteEnv::with_factory(command).var(VARIABLE).complete();
    }
}

/// Returns the command line with completion of names, and all other commands below `demo`.
fn command() -> clap::Command {
    let root = with_names(cli::command_built());
    if !cfg!(feature = "demo") {
        return root;
    }
    let demo = |name: &str| name == "demo";
    let others: Vec<clap::Command> = root.get_subcommands().filter(|c| !demo(c.get_name())).cloned().collect();
    root.mut_subcommand("demo", |demo| demo.subcommands(others))
}

/// Returns candidates for a word.
type Completer = fn(&OsStr) -> Vec<CompletionCandidate>;

/// Returns the completion for an argument by its name.
const NAMED: &[(&str, Completer)] = &[
    ("GUEST", guests),
    ("NODE", nodes),
    ("STORAGE", storages),
    ("UPID", upids),
    ("BACKUP", archives),
    ("SNAPSHOT", snapshots),
    ("CONTEXT", contexts),
];

/// Values from a list of the host: argument, path, and key.
const LISTED: &[(&str, &[&str], &str)] = &[
    ("POOL", &["pools"], "poolid"),
    ("USER", &["access", "users"], "userid"),
    ("ROLE", &["access", "roles"], "roleid"),
    ("REALM", &["access", "domains"], "realm"),
    ("ZONE", &["cluster", "sdn", "zones"], "zone"),
    ("VNET", &["cluster", "sdn", "vnets"], "vnet"),
];

fn with_names(command: clap::Command) -> clap::Command {
    let named = |arg: clap::Arg| {
        let name = arg.get_value_names().and_then(|names| names.first()).map(|name| name.trim_end_matches(",…").to_owned());
        let contexts_of_run = arg.get_id() == "contexts";
        match NAMED.iter().find(|(known, _)| name.as_deref() == Some(*known)) {
            Some((_, completer)) if arg.get::<ArgValueCompleter>().is_none() => arg.add(ArgValueCompleter::new(*completer)),
            None if contexts_of_run => arg.add(ArgValueCompleter::new(contexts)),
            _ => match LISTED.iter().find(|(known, ..)| name.as_deref() == Some(*known)) {
                Some((_, path, key)) => arg.add(ArgValueCompleter::new(|current: &OsStr| names::listed(current, path, key))),
                None => arg,
            },
        }
    };
    command.mut_args(named).mut_subcommands(with_names)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_completed_command_line_is_a_sound_one() {
        super::command().debug_assert();
    }
}
