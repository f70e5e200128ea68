//! `felhom guest disk resize`.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use crate::cli::{Ctx, complete};
use crate::fault::Result;
use crate::ops::disks::{Size, resize};
use crate::ops::guests;

/// Grow a disk of a guest
///
/// Containers also grow their file system; in VMs, grow the partition and file system afterwards. Disks cannot be shrunk.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  felhom guest disk resize 101 rootfs +4G\n  felhom guest disk resize 201 scsi0 64G")]
pub struct Resize {
    /// Guest: VMID, name or NODE/VMID
    #[arg(value_name = "GUEST", add = ArgValueCompleter::new(complete::guests))]
    guest: String,
    /// Disk: key, volume ID or mount point (scsi0, mp1, /mnt/data)
    #[arg(value_name = "DISK")]
    disk: String,
    /// New size (8G), or growth (+8G)
    #[arg(value_name = "SIZE")]
    size: String,
}

impl Resize {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let size = Size::parse(&self.size)?;
        let session = ctx.session()?;
        let guest = guests::one(&session, Some(&self.guest))?;
        let (change, disk) = resize::prepare(&session, &guest, &self.disk, size)?;
        let total = size.of(disk.size_bytes().unwrap_or_default());
        ctx.carry_out(&session, change, |_, _| resize::verify(&session, &guest, &disk, total))
    }
}
