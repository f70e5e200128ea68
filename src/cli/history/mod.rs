//! `felhom history`: the journal of changes.

mod list;
mod show;

use clap::{Args, Subcommand};

use crate::cli::Ctx;
use crate::fault::Result;
use crate::ops::history::{self, Entry};

/// Show changes made from this machine
///
/// Every change and every refusal is recorded with the IDs of its tasks. If a run was interrupted before it saw the end of a task, the
/// host is asked how it ended.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  felhom history\n  felhom history --since 24h --status failed\n  felhom history --guest 101 -o json\n  felhom history show 20261120-134501-3fa2"
)]
pub struct History {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    list: list::List,
}

#[derive(Debug, Subcommand)]
enum What {
    Show(show::Show),
}

impl History {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        match self.what {
            Some(What::Show(verb)) => verb.run(ctx),
            None => self.list.run(ctx),
        }
    }
}

fn entries(ctx: &Ctx) -> Result<Vec<Entry>> {
    Ok(history::entries(ctx.journal().read()?))
}

/// Asks the entry's host how it ended; that it cannot be asked is said, and the entry stays as it is.
fn settle(ctx: &Ctx, entry: &mut Entry) {
    if !entry.unfinished() {
        return;
    }
    let asked = ctx.session_on(&entry.context).and_then(|session| history::settle(&session, entry));
    if let Err(fault) = asked {
        ctx.out.warn(format!("{}: how it ended could not be asked: {fault}", entry.id));
    }
}
