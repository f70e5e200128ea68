//! `felhom guest disk detach`.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use crate::cli::{Ctx, complete};
use crate::fault::{Fault, Result};
use crate::guard::Item;
use crate::ops::{disks, guests};

/// Detach a disk from a guest; its volume stays as unused
///
/// A running container keeps the mount point until it stops.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  felhom guest disk detach 201 scsi1\n  felhom guest disk detach 101 /mnt/data")]
pub struct Detach {
    /// Guest: VMID, name or NODE/VMID
    #[arg(value_name = "GUEST", add = ArgValueCompleter::new(complete::guests))]
    guest: String,
    /// Disk: key, volume ID or mount point (scsi0, mp1, /mnt/data)
    #[arg(value_name = "DISK")]
    disk: String,
}

impl Detach {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let session = ctx.session()?;
        let guest = guests::one(&session, Some(&self.guest))?;
        let config = super::config(&session, &guest)?;
        let disk = disks::find(&guest, &config, &self.disk)?;
        let item = Item::new("disk-detach", guest.target()).extra("disk", disk.key.as_str()).extra("volume", disk.volume.as_str());
        let summary = format!("detach {} from {}", disk.key, guest.label());
        if disk.unused() {
            return ctx.refuse(&session, summary, item, Fault::refused(format!("{} is not attached", disk.key)));
        }
        if disk.key == "rootfs" {
            return ctx.refuse(&session, summary, item, Fault::refused("a container cannot be without its rootfs"));
        }
        super::drop_key(ctx, &session, &guest, &config, item, summary, &disk.key)
    }
}
