//! `felhom guest delete`.

use clap::Args;
use serde_json::Map;

use super::power::Targets;
use crate::cli::Ctx;
use crate::fault::Result;
use crate::guard::Change;
use crate::ops::{destroy, live};

/// Delete guests with their volumes and snapshots
///
/// Only stopped guests are deleted. Before it asks, felhom lists what is deleted and which backups remain, or says that there is no backup.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  felhom guest delete 110 --plan\n  felhom guest delete 110 --confirm 110\n  felhom guest delete 203,204 --purge --confirm 203,204"
)]
pub struct Delete {
    #[command(flatten)]
    targets: Targets,
    /// Remove them from backup jobs, replication and HA too
    #[arg(long)]
    purge: bool,
}

impl Delete {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let session = ctx.session()?;
        let chosen = self.targets.resolve(&session)?;
        let found = destroy::archives(&session, &chosen);
        let mut change = Change::new(match &chosen[..] {
            [guest] => format!("delete {}", guest.label()),
            _ => format!("delete {} guests", chosen.len()),
        });
        change.items = live::each(&chosen, |guest| destroy::prepare(&session, guest, self.purge, &found));
        ctx.carry_out(&session, change, |item, _| match chosen.iter().find(|guest| Some(guest.vmid) == item.target.vmid) {
            Some(guest) => destroy::verify(&session, guest),
            None => Ok(Map::new()),
        })
    }
}
