//! `felhom backup run`.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use crate::cli::{Ctx, complete};
use crate::fault::Result;
use crate::guard::verdict;
use crate::ops::backup::run::{self, Compress, Notify, Options};
use crate::ops::backup::{Keep, Mode, after};
use crate::ops::guests::{self, Guest, Selection};
use crate::session::Session;

use super::shown;

/// Back guests up: each has a task, a verdict and an archive of its own
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  felhom backup run 101 db --storage local\n  felhom backup run --all --mode snapshot --keep last=3,daily=7\n  felhom backup run --tag prod --jobs 3 --notes '{{guestname}} before the upgrade' --protect"
)]
pub struct Run {
    /// VMIDs, names, NODE/VMID, or ranges like 101,105-110
    #[arg(value_name = "GUEST", add = ArgValueCompleter::new(complete::guests))]
    guests: Vec<String>,
    #[command(flatten)]
    selection: Selection,
    /// How the guest is held still
    #[arg(long, value_name = "MODE", default_value = "snapshot")]
    mode: Mode,
    /// Where the archives go; may be left out where only one storage takes backups
    #[arg(long, value_name = "STORAGE", add = ArgValueCompleter::new(complete::storages))]
    storage: Option<String>,
    /// How the archives are packed; a backup server packs by itself
    #[arg(long, value_name = "HOW", default_value = "zstd")]
    compress: Compress,
    /// Notes for the archive; {{guestname}}, {{vmid}}, {{node}} and {{cluster}} are filled in
    #[arg(long, value_name = "TEXT")]
    notes: Option<String>,
    /// Protect the archives from being deleted and pruned
    #[arg(long)]
    protect: bool,
    /// Prune each guest's archives on that storage afterwards: last=3,daily=7
    #[arg(long, value_name = "RULES")]
    keep: Option<Keep>,
    /// Limit the bandwidth, in KiB/s; needs Sys.Modify on /
    #[arg(long, value_name = "KIB")]
    bwlimit: Option<u64>,
    /// How many nodes work at the same time; one node makes one backup after the other
    #[arg(long, value_name = "NODES", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    jobs: u16,
    /// When the host tells somebody; `failure` is a mail to root of the node
    #[arg(long, value_name = "WHEN", default_value = "failure")]
    notify: Notify,
}

impl Run {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let session = ctx.session()?;
        let chosen = self.chosen(&session)?;
        let options = Options {
            mode: self.mode,
            storage: self.storage,
            compress: self.compress,
            notes: self.notes,
            protect: self.protect,
            keep: self.keep,
            bwlimit: self.bwlimit,
            notify: self.notify,
            jobs: self.jobs.into(),
            more: Vec::new(),
        };
        carry_out(ctx, &session, &chosen, &options)
    }

    fn chosen(&self, session: &Session) -> Result<Vec<Guest>> {
        if self.guests.is_empty() && !self.selection.given() && session.person.present() {
            return guests::one(session, None).map(|guest| vec![guest]);
        }
        guests::select(guests::all(session)?, &self.guests, &self.selection)
    }
}

/// Backs these guests up and shows what came of it.
pub fn carry_out(ctx: &Ctx, session: &Session, chosen: &[Guest], options: &Options) -> Result<()> {
    let change = run::plan(session, chosen, options)?;
    let outcomes = ctx.outcomes(session, change, |item, done| after::verify(session, item, done))?;
    let Some(mut outcomes) = outcomes else { return Ok(()) };
    after::explain(session, &mut outcomes);
    shown::emit(&ctx.out, &outcomes)?;
    verdict(&outcomes)
}
