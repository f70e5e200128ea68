//! `felhom guest migrate`.

use std::time::Duration;

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use crate::cli::{Ctx, complete};
use crate::fault::{Fault, Result};
use crate::guard::{Change, Item};
use crate::ops::guests::{self, Guest, Selection};
use crate::ops::migrate::{self, Options};
use crate::ops::{live, nodes};

/// Migrate guests to another node
///
/// Running VMs are migrated online, stopped guests offline. Running containers are restarted on the target node, which requires
/// --restart. Before anything is sent, felhom asks the host whether the node has the guest's storages and devices; afterwards it
/// checks where the guest is.
#[derive(Debug, Args)]
#[command(
    override_usage = "felhom guest migrate [OPTIONS] GUEST… NODE",
    after_help = "Examples:\n  felhom guest migrate 201 pve3\n  felhom guest migrate 101 102 pve2 --restart --plan\n  felhom guest migrate --tag web --node pve1 pve2 --restart --plan"
)]
pub struct Migrate {
    /// Guests (VMIDs, names, ranges), then the target node
    #[arg(value_name = "GUEST… NODE", required = true, add = ArgValueCompleter::new(complete::guests))]
    words: Vec<String>,
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    how: How,
    /// Number of migrations at the same time
    #[arg(long, value_name = "N", default_value_t = 2)]
    jobs: usize,
}

/// Options of all migrations.
#[derive(Debug, Args)]
pub struct How {
    /// Restart running containers on the target node
    #[arg(long)]
    restart: bool,
    /// Storage on the target node for all disks [default: the same]
    #[arg(long, value_name = "STORAGE", add = ArgValueCompleter::new(complete::storages))]
    target_storage: Option<String>,
    /// Time for the shutdown of a container [default: 3m]
    #[arg(long, value_name = "DURATION", value_parser = crate::duration::parse, requires = "restart")]
    guest_timeout: Option<Duration>,
    /// Bandwidth limit in KiB/s
    #[arg(long, value_name = "KIB")]
    bwlimit: Option<u64>,
}

impl From<How> for Options {
    fn from(how: How) -> Self {
        Self {
            restart: how.restart,
            storage: how.target_storage,
            bwlimit: how.bwlimit,
            shutdown_timeout: how.guest_timeout.map(|time| time.as_secs()),
        }
    }
}

impl Migrate {
    pub fn run(mut self, ctx: &Ctx) -> Result<()> {
        let node = self.words.pop().unwrap_or_default();
        if self.words.is_empty() && !self.selection.given() {
            return Err(Fault::usage("missing GUEST or NODE").with_hint("write the guests, then the node: `felhom guest migrate 101 pve2`"));
        }
        let session = ctx.session()?;
        let node = nodes::pick(&session, Some(&node))?;
        let chosen = guests::selected(&session, &self.words, &self.selection)?;
        let options = Options::from(self.how);
        let items = live::each(&chosen, |guest| {
            let item = || Item::new("migrate", guest.target());
            migrate::prepare(&session, guest, &node, &options, item()).unwrap_or_else(|fault| item().refused(fault))
        });
        let summary = match &chosen[..] {
            [guest] => format!("migrate {} to {node}", guest.label()),
            _ => format!("migrate {} guests to {node}", chosen.len()),
        };
        let mut change = Change::new(summary);
        change.jobs = self.jobs;
        change.items = items;
        ctx.carry_out(&session, change, |item, _| {
            let Some(guest) = of(&chosen, item) else { return Ok(serde_json::Map::new()) };
            verify(&session, guest, item, &node)
        })
    }
}

fn of<'g>(guests: &'g [Guest], item: &Item) -> Option<&'g Guest> {
    guests.iter().find(|guest| Some(guest.vmid) == item.target.vmid)
}

/// Verifies one migration by what its item says about it.
pub fn verify(
    session: &crate::session::Session,
    guest: &Guest,
    item: &Item,
    node: &str,
) -> Result<serde_json::Map<String, serde_json::Value>> {
    let running = item.extra.get("mode").is_some_and(|mode| mode != "offline");
    migrate::verify(session, guest, node, item.extra.contains_key("ha"), running)
}
