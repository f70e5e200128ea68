//! `felhom node drain`, `undrain`.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use serde_json::Map;

use crate::cli::guest::migrate::{How, verify};
use crate::cli::{Ctx, complete};
use crate::fault::Result;
use crate::guard::Change;
use crate::ops::drain::{self, Planned};
use crate::ops::nodes::pick;
use crate::session::Session;

/// Move all running guests off a node
///
/// Each guest moves to the node with the most free memory that has its storages. VMs move online, containers are restarted, which
/// requires --restart. Guests that cannot move are listed first. Run the command again to continue after an interruption.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  felhom node drain pve3 --restart --plan\n  felhom node drain pve3 --to pve1,pve2 --restart --plan")]
pub struct Drain {
    /// Node
    #[arg(value_name = "NODE", add = ArgValueCompleter::new(complete::nodes))]
    node: String,
    /// Nodes that take the guests [default: all others]
    #[arg(long, value_name = "NODE", value_delimiter = ',', add = ArgValueCompleter::new(complete::nodes))]
    to: Vec<String>,
    #[command(flatten)]
    how: How,
    /// Number of migrations at the same time
    #[arg(long, value_name = "N", default_value_t = 2)]
    jobs: usize,
}

/// Move guests back to a drained node
///
/// Returns the guests that `felhom node drain` moved from this machine, as recorded in the journal.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  felhom node undrain pve3 --restart --plan")]
pub struct Undrain {
    /// Node
    #[arg(value_name = "NODE", add = ArgValueCompleter::new(complete::nodes))]
    node: String,
    #[command(flatten)]
    how: How,
    /// Number of migrations at the same time
    #[arg(long, value_name = "N", default_value_t = 2)]
    jobs: usize,
}

impl Drain {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let session = ctx.session()?;
        let node = pick(&session, Some(&self.node))?;
        let planned = drain::plan(&session, &node, &self.to, &self.how.into())?;
        run(ctx, &session, format!("drain {node}"), planned, self.jobs)
    }
}

impl Undrain {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let session = ctx.session()?;
        let node = pick(&session, Some(&self.node))?;
        let planned = drain::plan_return(&session, &node, &self.how.into())?;
        run(ctx, &session, format!("move guests back to {node}"), planned, self.jobs)
    }
}

fn run(ctx: &Ctx, session: &Session, summary: String, planned: Vec<Planned>, jobs: usize) -> Result<()> {
    if planned.is_empty() {
        session.person.note("no guest has to move");
    }
    let mut change = Change::new(summary);
    change.jobs = jobs;
    let mut moves = Vec::new();
    for Planned { guest, item, to } in planned {
        change.items.push(item);
        moves.extend(to.map(|node| (guest, node)));
    }
    ctx.carry_out(session, change, |item, _| {
        let Some((guest, node)) = moves.iter().find(|(guest, _)| Some(guest.vmid) == item.target.vmid) else { return Ok(Map::new()) };
        verify(session, guest, item, node)
    })
}
