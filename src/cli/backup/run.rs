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

/// Back up guests
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  felhom backup run 101 db --storage local\n  felhom backup run --all --storage nas --mode snapshot --keep last=3,daily=7\n  felhom backup run --tag prod --storage nas --jobs 3 --notes '{{guestname}} before the upgrade' --protect"
)]
pub struct Run {
    /// Guests: VMIDs, names, NODE/VMID, ranges (101,105-110)
    #[arg(value_name = "GUEST", add = ArgValueCompleter::new(complete::guests))]
    guests: Vec<String>,
    #[command(flatten)]
    selection: Selection,
    /// Backup mode: snapshot, suspend, stop
    #[arg(long, value_name = "MODE", default_value = "snapshot")]
    mode: Mode,
    /// Backup storage [default: the only one]
    #[arg(long, value_name = "STORAGE", add = ArgValueCompleter::new(complete::storages))]
    storage: Option<String>,
    /// Compression; not used by Proxmox Backup Server
    #[arg(long, value_name = "ALGORITHM", default_value = "zstd")]
    compress: Compress,
    /// Notes; may use {{guestname}}, {{vmid}}, {{node}}, {{cluster}}
    #[arg(long, value_name = "TEXT")]
    notes: Option<String>,
    /// Protect the backups from deletion and pruning
    #[arg(long)]
    protect: bool,
    /// Prune each guest's backups there afterwards: last=3,daily=7
    #[arg(long, value_name = "RULE")]
    keep: Option<Keep>,
    /// Bandwidth limit in KiB/s; requires Sys.Modify on /
    #[arg(long, value_name = "KIB")]
    bwlimit: Option<u64>,
    /// Number of nodes that back up at the same time
    #[arg(long, value_name = "NODES", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    jobs: u16,
    /// Notification mode
    #[arg(long, value_name = "MODE", default_value = "failure")]
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
        guests::selected(session, &self.guests, &self.selection)
    }
}

/// Backs up the guests and prints the results.
pub fn carry_out(ctx: &Ctx, session: &Session, chosen: &[Guest], options: &Options) -> Result<()> {
    let change = run::plan(session, chosen, options)?;
    let outcomes = ctx.outcomes(session, change, |item, done| after::verify(session, item, done))?;
    let Some(mut outcomes) = outcomes else { return Ok(()) };
    after::explain(session, &mut outcomes);
    shown::emit(&ctx.out, &outcomes)?;
    verdict(&outcomes)
}
