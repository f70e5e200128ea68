//! `felhom guest disk delete`.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use crate::cli::{Ctx, complete};
use crate::fault::{Fault, Result};
use crate::guard::Item;
use crate::ops::{disks, guests};

/// Delete an unused volume of a guest with its data
///
/// An attached disk must be detached first.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  felhom guest disk delete 201 unused0 --confirm 201")]
pub struct Delete {
    /// Guest: VMID, name or NODE/VMID
    #[arg(value_name = "GUEST", add = ArgValueCompleter::new(complete::guests))]
    guest: String,
    /// Unused volume: key or volume ID
    #[arg(value_name = "VOLUME")]
    disk: String,
}

impl Delete {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let session = ctx.session()?;
        let guest = guests::one(&session, Some(&self.guest))?;
        let config = super::config(&session, &guest)?;
        let disk = disks::find(&guest, &config, &self.disk)?;
        let item = Item::new("disk-delete", guest.target()).extra("disk", disk.key.as_str()).extra("volume", disk.volume.as_str());
        let summary = format!("delete {} of {}", disk.volume, guest.label());
        if !disk.unused() {
            let fault = Fault::refused(format!("{} is attached to {}", disk.key, guest.label()))
                .with_hint(format!("run `felhom guest disk detach {} {}` first", guest.vmid, disk.key));
            return ctx.refuse(&session, summary, item, fault);
        }
        super::drop_key(ctx, &session, &guest, &config, item, summary, &disk.key)
    }
}
