//! The flags that every command takes.

use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::config::Writes;
use crate::guard::{Applying, Gate, Rules};
use crate::task::Waits;
use crate::ui::{ColorMode, Format, Options, ProgressMode};

/// How `--plan` shows the steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PlanForm {
    /// As API calls
    Calls,
    /// As commands for root on the node, where they can be put so
    Pveum,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Which host or cluster [env: FELHOM_CONTEXT]
    #[arg(short, long, global = true, value_name = "NAME", hide_short_help = true, add = clap_complete::engine::ArgValueCompleter::new(super::complete::contexts))]
    pub context: Option<String>,
    /// Several of them, in parallel: read commands only
    #[arg(long, global = true, value_name = "A,B", value_delimiter = ',', conflicts_with_all = ["context", "all_contexts"], hide_short_help = true)]
    pub contexts: Vec<String>,
    /// All of them, in parallel: read commands only
    #[arg(long, global = true, conflicts_with = "context", hide_short_help = true)]
    pub all_contexts: bool,
    /// How to show results
    #[arg(short, long, global = true, value_name = "FORMAT", env = "FELHOM_OUTPUT", hide_short_help = true)]
    pub output: Option<Format>,
    /// Filter the JSON with a jq expression
    #[arg(long, global = true, value_name = "EXPR", hide_short_help = true)]
    pub jq: Option<String>,
    /// These columns, in this order
    #[arg(long, global = true, value_name = "A,B", value_delimiter = ',', hide_short_help = true)]
    pub columns: Option<Vec<String>>,
    /// Sort by a column
    #[arg(long, global = true, value_name = "COL[:desc]", hide_short_help = true)]
    pub sort: Option<String>,
    /// Only rows where a column has this value: status=running, name=web*, node!=pve2
    #[arg(long, global = true, value_name = "COL=VAL", hide_short_help = true)]
    pub filter: Vec<String>,
    /// Leave the header line out
    #[arg(long, global = true, hide_short_help = true)]
    pub no_headers: bool,
    /// Say less on stderr
    #[arg(short, long, global = true, conflicts_with = "verbose", hide_short_help = true)]
    pub quiet: bool,
    /// Say more on stderr; twice: every request
    #[arg(short, long, global = true, action = clap::ArgAction::Count, hide_short_help = true)]
    pub verbose: u8,
    /// How waiting looks on stderr
    #[arg(long, global = true, value_name = "HOW", default_value = "auto", hide_short_help = true)]
    pub progress: ProgressMode,
    /// Colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", hide_short_help = true)]
    pub color: ColorMode,
    /// Show what would be done, and change nothing
    #[arg(long, global = true, value_name = "FORM", num_args = 0..=1, require_equals = true, default_missing_value = "calls", hide_short_help = true)]
    pub plan: Option<PlanForm>,
    /// Keep the plan as a pending change instead of doing it: one user's second look, not a four-eyes rule
    #[arg(long, global = true, conflicts_with = "plan", hide_short_help = true)]
    pub stage: bool,
    /// Close the write gate, whatever the context says
    #[arg(long, global = true, env = "FELHOM_READ_ONLY", value_parser = clap::builder::FalseyValueParser::new(), hide_short_help = true)]
    pub read_only: bool,
    /// Answer ordinary questions with yes; never accepts a certificate, never stands for a typed confirmation
    #[arg(short, long, global = true, hide_short_help = true)]
    pub yes: bool,
    /// The typed confirmation of an irreversible operation; must equal the resolved targets
    #[arg(long, global = true, value_name = "WORD,…", value_delimiter = ',', hide_short_help = true)]
    pub confirm: Vec<String>,
    /// Pass the guards for protected and managed guests, once
    #[arg(long, global = true, hide_short_help = true)]
    pub force: bool,
    /// Print the task's id and do not wait
    #[arg(long, global = true, hide_short_help = true)]
    pub detach: bool,
    /// Stop waiting after this time: 90s, 10m, 1h30m
    #[arg(long, global = true, value_name = "DUR", value_parser = crate::duration::parse, hide_short_help = true)]
    pub timeout: Option<Duration>,
    /// How long the host may be out of reach while waiting
    #[arg(long, global = true, value_name = "DUR", value_parser = crate::duration::parse, default_value = "60s", hide_short_help = true)]
    pub grace: Duration,
    /// A task that ends with warnings has failed
    #[arg(long, global = true, hide_short_help = true)]
    pub fail_on_warnings: bool,
    /// Ctrl-C stops the task on the host too
    #[arg(long, global = true, hide_short_help = true)]
    pub cancel_on_interrupt: bool,
    /// Wait this long for a locked guest instead of failing
    #[arg(long, global = true, value_name = "DUR", value_parser = crate::duration::parse, hide_short_help = true)]
    pub wait_lock: Option<Duration>,
    /// Go on where the journal of changes cannot be written
    #[arg(long, global = true, hide_short_help = true)]
    pub no_journal: bool,
}

impl Global {
    pub fn view(&self) -> Options {
        Options {
            format: self.output,
            jq: self.jq.clone(),
            columns: self.columns.clone(),
            sort: self.sort.clone(),
            filter: self.filter.clone(),
            no_headers: self.no_headers,
            quiet: self.quiet,
            verbose: self.verbose,
            progress: self.progress,
            color: self.color,
        }
    }

    pub fn waits(&self) -> Waits {
        Waits {
            detach: self.detach,
            timeout: self.timeout,
            grace: self.grace,
            fail_on_warnings: self.fail_on_warnings,
            cancel_on_interrupt: self.cancel_on_interrupt,
            lock: self.wait_lock,
        }
    }

    pub fn rules(&self, writes: Writes, applying: Option<Arc<Applying>>) -> Rules {
        let gate = match (self.read_only, writes) {
            (true, _) => Some(Gate::ReadOnly),
            (_, Writes::Deny) => Some(Gate::Deny),
            _ => None,
        };
        Rules {
            gate,
            plan: self.plan.is_some(),
            stage: self.stage || writes == Writes::Stage,
            yes: applying.as_ref().map_or(self.yes, |staged| staged.yes),
            confirm: applying.as_ref().map_or_else(|| self.confirm.clone(), |staged| staged.confirm.clone()),
            applying,
            force: self.force,
            no_journal: self.no_journal,
        }
    }
}
