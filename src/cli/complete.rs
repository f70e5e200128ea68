//! Shell completion: the script for a shell, and live names at the prompt.

use std::ffi::OsStr;

use clap::{Args, CommandFactory};
use clap_complete::engine::CompletionCandidate;
use clap_complete::env::{CompleteEnv, Shells};

use crate::cli::{Cli, Ctx};
use crate::fault::{Fault, Result};

/// Print the completion script for a shell
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  source <(felhom completions bash)\n  felhom completions fish | source")]
pub struct Completions {
    /// bash, zsh, fish, powershell or elvish
    #[arg(value_name = "SHELL", value_parser = ["bash", "zsh", "fish", "powershell", "elvish"])]
    shell: String,
}

/// The variable by which a shell asks for candidates.
const VARIABLE: &str = "FELHOM_COMPLETE";

impl Completions {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let shells = Shells::builtins();
        let shell = shells.completer(&self.shell).ok_or_else(|| Fault::usage(format!("no completion for '{}'", self.shell)))?;
        let mut script = Vec::new();
        shell
            .write_registration(VARIABLE, "felhom", "felhom", "felhom", &mut script)
            .map_err(|error| Fault::io("write the completion script", &error))?;
        ctx.out.text(&String::from_utf8_lossy(&script))
    }
}

/// Answers a shell that asks for candidates, and ends there; does nothing otherwise.
pub fn answer() {
    if std::env::var_os(VARIABLE).is_some() {
        CompleteEnv::with_factory(Cli::command).var(VARIABLE).complete();
    }
}

pub fn contexts(_current: &OsStr) -> Vec<CompletionCandidate> {
    Vec::new()
}

pub fn guests(_current: &OsStr) -> Vec<CompletionCandidate> {
    Vec::new()
}

pub fn nodes(_current: &OsStr) -> Vec<CompletionCandidate> {
    Vec::new()
}

pub fn storages(_current: &OsStr) -> Vec<CompletionCandidate> {
    Vec::new()
}
