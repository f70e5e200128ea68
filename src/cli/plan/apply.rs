//! `felhom plan apply`.

use std::ffi::OsString;
use std::sync::Arc;

use clap::Args;

use crate::cli::{self, Ctx, Surroundings};
use crate::fault::{Fault, Result};
use crate::guard::Applying;

/// Do a staged change, if the host is still as it was
///
/// The command is run again and must come to the same calls; what was true of the host when it was staged must still be. It needs the same
/// confirmations as the command itself, and is done once. This is one user's second look, not a four-eyes rule.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  felhom plan apply 20261120-134501-3fa2\n  felhom plan apply 20261120-134501-3fa2 --confirm 101 --accept-drift"
)]
pub struct Apply {
    /// Its id, or how it begins
    #[arg(value_name = "ID")]
    id: String,
    /// Go on though the host has changed since
    #[arg(long)]
    accept_drift: bool,
}

impl Apply {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let staged = super::shelf(ctx).get(&self.id)?;
        let args = arguments(ctx, &staged.command, &staged.context);
        let around = Surroundings { applying: Some(Arc::new(Applying { staged, accept_drift: self.accept_drift })), ..ctx.around.clone() };
        match cli::run(args, around) {
            0 => Ok(()),
            code => Err(Fault { exit: Some(code), shown: true, ..Fault::other("the staged change was not done") }),
        }
    }
}

/// The command as it was staged, with what this line says about answers, output and waiting.
fn arguments(ctx: &Ctx, command: &[String], context: &str) -> Vec<OsString> {
    let global = &ctx.global;
    let mut args: Vec<String> = vec!["felhom".into()];
    // Later flags win, so what is said now comes after what was said then, but before a `--`.
    let end = command.iter().position(|word| word == "--").unwrap_or(command.len());
    args.extend(command[1.min(end)..end].iter().filter(|word| *word != "--stage").cloned());
    let mut flag = |set: bool, name: &str| args.extend(set.then(|| name.to_owned()));
    flag(global.yes, "--yes");
    flag(global.force, "--force");
    flag(global.detach, "--detach");
    flag(global.read_only, "--read-only");
    flag(global.quiet, "--quiet");
    flag(global.no_journal, "--no-journal");
    flag(global.cancel_on_interrupt, "--cancel-on-interrupt");
    flag(global.fail_on_warnings, "--fail-on-warnings");
    if !global.confirm.is_empty() {
        args.extend(["--confirm".to_owned(), global.confirm.join(",")]);
    }
    if let Some(format) = global.output.and_then(|f| clap::ValueEnum::to_possible_value(&f)) {
        args.extend(["--output".to_owned(), format.get_name().to_owned()]);
    }
    if let Some(expression) = &global.jq {
        args.extend(["--jq".to_owned(), expression.clone()]);
    }
    // The context is the one it was staged for, not the one that is current now.
    if ctx.around.fixed.is_none() && context != crate::config::resolve::FROM_ENV {
        args.extend(["--context".to_owned(), context.to_owned()]);
    }
    args.extend(command[end..].iter().cloned());
    args.into_iter().map(OsString::from).collect()
}
