//! `felhom backup job run`.

use clap::Args;

use crate::cli::Ctx;
use crate::cli::backup::run;
use crate::fault::Result;
use crate::ops::backup::job;
use crate::ops::backup::run::Notify;

/// Run a backup job now
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  felhom backup job run nightly\n  felhom backup job run nightly --jobs 3")]
pub struct Run {
    /// Job ID [default: the only one]
    #[arg(value_name = "ID")]
    id: Option<String>,
    /// Number of nodes that work at the same time
    #[arg(long, value_name = "NODES", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    jobs: u16,
    /// Notification mode
    #[arg(long, value_name = "MODE", default_value = "failure")]
    notify: Notify,
}

impl Run {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let session = ctx.session()?;
        let job = job::one(&session, self.id.as_deref())?;
        let chosen = job.guests(job::everybody(&session)?)?;
        let options = job.options(&session, self.notify, self.jobs.into())?;
        run::carry_out(ctx, &session, &chosen, &options)
    }
}
