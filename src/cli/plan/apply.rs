//! `felhom plan apply`.

use std::ffi::OsString;
use std::sync::Arc;

use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};

use crate::cli::{self, Ctx, Global, Surroundings};
use crate::fault::{Fault, Result};
use crate::guard::Applying;
use crate::ui::{Format, ProgressMode};

/// Apply a staged change
///
/// The command runs again and must lead to the same calls on a host in the same state. It requires the same confirmations as the
/// command itself and can be applied once. Staging is a second look by the same user, not an approval by another one.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  felhom plan apply 20261120-134501-3fa2\n  felhom plan apply 20261120-134501-3fa2 --confirm 101 --accept-drift"
)]
pub struct Apply {
    /// ID or at least 4 characters of it
    #[arg(value_name = "ID")]
    id: String,
    /// Apply it although the host has changed since
    #[arg(long)]
    accept_drift: bool,
}

impl Apply {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        if ctx.global.stage {
            return Err(Fault::usage("--stage: it is staged already").with_hint("leave --stage out; --plan shows what it would do now"));
        }
        let staged = super::shelf(ctx).get(&self.id)?;
        let args = arguments(ctx, &staged.command, &staged.context);
        let Global { yes, confirm, .. } = ctx.global.clone();
        let applying = Applying { staged, accept_drift: self.accept_drift, yes, confirm, begun: Arc::default() };
        let around = Surroundings { applying: Some(Arc::new(applying)), ..ctx.around.clone() };
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
    flag(global.force, "--force");
    flag(global.detach, "--detach");
    flag(global.read_only, "--read-only");
    flag(global.quiet, "--quiet");
    flag(global.no_journal, "--no-journal");
    flag(global.cancel_on_interrupt, "--cancel-on-interrupt");
    flag(global.fail_on_warnings, "--fail-on-warnings");
    flag(global.verbose > 0, "-v");
    flag(global.verbose > 1, "-v");
    let word = |value: Option<PossibleValue>| value.map(|word| word.get_name().to_owned()).unwrap_or_default();
    // How it was shown when it was staged, `-o id` for a script, says nothing of how it is to be shown now.
    args.extend(["--output".to_owned(), word(global.output.unwrap_or(Format::Table).to_possible_value())]);
    if let Some(form) = global.plan {
        args.push(format!("--plan={}", word(form.to_possible_value())));
    }
    if global.progress != ProgressMode::Auto {
        args.extend(["--progress".to_owned(), word(global.progress.to_possible_value())]);
    }
    for (name, wait) in [("--timeout", global.timeout), ("--wait-lock", global.wait_lock)] {
        args.extend(wait.into_iter().flat_map(|wait| [name.to_owned(), format!("{}ms", wait.as_millis())]));
    }
    if let Some(expression) = &global.jq {
        args.extend(["--jq".to_owned(), expression.clone()]);
    }
    // The context is the one it was staged for, not the one that is current now.
    if ctx.around.fixed.is_none() && context != crate::config::env::FROM_ENV {
        args.extend(["--context".to_owned(), context.to_owned()]);
    }
    args.extend(command[end..].iter().cloned());
    args.into_iter().map(OsString::from).collect()
}
