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
    /// As commands for root on the node, where possible
    Pveum,
}

#[derive(Debug, Clone, Args)]
pub struct Global {
    /// Context to use [default: the current one]
    #[arg(short, long, global = true, help_heading = "Context", value_name = "NAME", add = clap_complete::engine::ArgValueCompleter::new(super::complete::contexts))]
    pub context: Option<String>,
    /// Several contexts, in parallel (read commands only)
    #[arg(long, global = true, help_heading = "Context", value_name = "A,B", value_delimiter = ',', conflicts_with_all = ["context", "all_contexts"])]
    pub contexts: Vec<String>,
    /// All contexts, in parallel (read commands only)
    #[arg(long, global = true, help_heading = "Context", conflicts_with = "context")]
    pub all_contexts: bool,
    /// Output format [default: table]
    #[arg(short, long, global = true, help_heading = "Output", value_name = "FORMAT", env = "FELHOM_OUTPUT")]
    pub output: Option<Format>,
    /// Filter the JSON with a jq expression; implies -o json
    #[arg(long, global = true, help_heading = "Output", value_name = "EXPR")]
    pub jq: Option<String>,
    /// Columns to show, in this order
    #[arg(long, global = true, help_heading = "Output", value_name = "A,B", value_delimiter = ',')]
    pub columns: Option<Vec<String>>,
    /// Column to sort by
    #[arg(long, global = true, help_heading = "Output", value_name = "COL[:desc]")]
    pub sort: Option<String>,
    /// Rows to show: status=running, name=web*, node!=pve2
    #[arg(long, global = true, help_heading = "Output", value_name = "COL=VAL")]
    pub filter: Vec<String>,
    /// Omit the header line
    #[arg(long, global = true, help_heading = "Output")]
    pub no_headers: bool,
    /// Print less on stderr
    #[arg(short, long, global = true, help_heading = "Output", conflicts_with = "verbose")]
    pub quiet: bool,
    /// Print more on stderr; twice: every request
    #[arg(short, long, global = true, help_heading = "Output", action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Progress on stderr
    #[arg(long, global = true, help_heading = "Output", value_name = "MODE", default_value = "auto")]
    pub progress: ProgressMode,
    /// Colored output
    #[arg(long, global = true, help_heading = "Output", value_name = "WHEN", default_value = "auto")]
    pub color: ColorMode,
    /// Show what would be done and change nothing
    #[arg(long, global = true, help_heading = "Changes", value_name = "FORM", num_args = 0..=1, require_equals = true, default_missing_value = "calls")]
    pub plan: Option<PlanForm>,
    /// Keep the plan as a staged change instead of running it
    #[arg(long, global = true, help_heading = "Changes", conflicts_with = "plan")]
    pub stage: bool,
    /// Refuse every change, whatever the context allows
    #[arg(long, global = true, help_heading = "Changes", env = "FELHOM_READ_ONLY", value_parser = clap::builder::FalseyValueParser::new())]
    pub read_only: bool,
    /// Answer ordinary questions with yes
    #[arg(short, long, global = true, help_heading = "Changes")]
    pub yes: bool,
    /// Confirm irreversible changes by name (VMID, backup, snapshot, node …)
    #[arg(long, global = true, help_heading = "Changes", value_name = "NAME,…", value_delimiter = ',')]
    pub confirm: Vec<String>,
    /// Change protected or unmanaged guests, once
    #[arg(long, global = true, help_heading = "Changes")]
    pub force: bool,
    /// Print the task ID and do not wait
    #[arg(long, global = true, help_heading = "Waiting")]
    pub detach: bool,
    /// Stop waiting after this time (90s, 10m, 1h30m)
    #[arg(long, global = true, help_heading = "Waiting", value_name = "DURATION", value_parser = crate::duration::parse)]
    pub timeout: Option<Duration>,
    /// How long the host may be unreachable while waiting
    #[arg(long, global = true, help_heading = "Waiting", value_name = "DURATION", value_parser = crate::duration::parse, default_value = "60s")]
    pub grace: Duration,
    /// Treat a task that ended with warnings as failed
    #[arg(long, global = true, help_heading = "Waiting")]
    pub fail_on_warnings: bool,
    /// Stop the task on the host on Ctrl-C
    #[arg(long, global = true, help_heading = "Waiting")]
    pub cancel_on_interrupt: bool,
    /// Wait this long for a locked guest instead of failing
    #[arg(long, global = true, help_heading = "Waiting", value_name = "DURATION", value_parser = crate::duration::parse)]
    pub wait_lock: Option<Duration>,
    /// Continue if the journal of changes cannot be written
    #[arg(long, global = true, help_heading = "Changes")]
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
