//! `felhom guest disk move`.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use crate::cli::{Ctx, complete};
use crate::fault::Result;
use crate::ops::disks::relocate::{self, Goal};
use crate::ops::guests;

/// Move a disk to another storage or guest
///
/// The source volume stays as an unused volume unless --delete-source is given. Volumes of containers can only be moved while the
/// container is stopped.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  felhom guest disk move 204 scsi0 nas --delete-source\n  felhom guest disk move 202 scsi0 --to-guest 203 --as scsi1"
)]
pub struct Move {
    /// Guest: VMID, name or NODE/VMID
    #[arg(value_name = "GUEST", add = ArgValueCompleter::new(complete::guests))]
    guest: String,
    /// Disk: key, volume ID or mount point (scsi0, mp1, /mnt/data)
    #[arg(value_name = "DISK")]
    disk: String,
    /// Target storage
    #[arg(value_name = "STORAGE", add = ArgValueCompleter::new(complete::storages), required_unless_present = "to_guest")]
    storage: Option<String>,
    /// Move the disk to this guest on the same node
    #[arg(long, value_name = "GUEST", add = ArgValueCompleter::new(complete::guests), conflicts_with = "storage")]
    to_guest: Option<String>,
    /// Key in the target guest [default: next free]
    #[arg(long = "as", value_name = "KEY", requires = "to_guest")]
    key: Option<String>,
    /// Delete the source volume after the copy
    #[arg(long, conflicts_with = "to_guest")]
    delete_source: bool,
    /// Image format on the target storage: raw, qcow2, vmdk
    #[arg(long, value_name = "FORMAT", value_parser = ["raw", "qcow2", "vmdk"], conflicts_with = "to_guest", hide_possible_values = true)]
    format: Option<String>,
    /// Bandwidth limit in KiB/s
    #[arg(long, value_name = "KIB")]
    bwlimit: Option<u64>,
}

impl Move {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let session = ctx.session()?;
        let guest = guests::one(&session, Some(&self.guest))?;
        let goal = match (self.to_guest, self.storage) {
            (Some(target), _) => Goal::Guest { target: Box::new(guests::one(&session, Some(&target))?), key: self.key },
            (None, storage) => Goal::Storage { id: storage.unwrap_or_default(), format: self.format, delete_source: self.delete_source },
        };
        let (change, planned) = relocate::prepare(&session, &guest, &self.disk, goal, self.bwlimit)?;
        ctx.carry_out(&session, change, |_, _| planned.verify(&session, &guest))
    }
}
