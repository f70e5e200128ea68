//! `felhom guest disk add`.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use crate::api::GuestKind;
use crate::cli::{Ctx, complete};
use crate::fault::{Fault, Result};
use crate::ops::disks::Size;
use crate::ops::disks::add::{self, Options, Volume};
use crate::ops::guests;

/// Add a disk to a VM, or a mount point to a container
///
/// VMs get a new volume, or one with the content of an image (--import). Containers get a new volume that is mounted at --path.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  felhom guest disk add 201 --volume local-lvm:32 --option ssd=1\n  felhom guest disk add 101 --volume local-lvm:32 --path /mnt/bulk --no-backup\n  felhom guest disk add 201 --volume local-lvm --import local:import/debian-13.qcow2 --plan"
)]
pub struct Add {
    /// Guest: VMID, name or NODE/VMID
    #[arg(value_name = "GUEST", add = ArgValueCompleter::new(complete::guests))]
    guest: Option<String>,
    /// Storage and size (8G; without unit: GiB); with --import, the storage
    #[arg(long, value_name = "STORAGE:SIZE")]
    volume: String,
    /// Image to import, as a volume ID
    #[arg(long, value_name = "IMAGE")]
    import: Option<String>,
    /// Path inside the container
    #[arg(long, value_name = "PATH")]
    path: Option<String>,
    /// Exclude the volume from backups
    #[arg(long)]
    no_backup: bool,
    /// Key of the disk, such as scsi1 or mp0 [default: next free]
    #[arg(long, value_name = "KEY", visible_alias = "mp")]
    key: Option<String>,
    /// Option of the disk (ssd=1, discard=on, cache=writeback)
    #[arg(long = "option", value_name = "KEY=VALUE")]
    options: Vec<String>,
}

impl Add {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let options = Options { volume: self.volume()?, key: self.key, path: self.path, no_backup: self.no_backup, parts: self.options };
        let session = ctx.session()?;
        let guest = guests::one(&session, self.guest.as_deref())?;
        let action = if guest.kind == GuestKind::Lxc { "mountpoint-add" } else { "disk-add" };
        let (change, addition) = add::prepare(&session, &guest, action, &options)?;
        ctx.carry_out(&session, change, |_, _| add::verify(&session, &guest, &addition))
    }

    fn volume(&self) -> Result<Volume> {
        let bad = |what: &str, example: &str| {
            Fault::usage(format!("--volume '{}' is not {what}", self.volume)).with_hint(format!("write it as {example}"))
        };
        if let Some(image) = &self.import {
            let plain = !self.volume.is_empty() && !self.volume.contains([':', '/', ',']);
            return match plain {
                true => Ok(Volume::Import { storage: self.volume.clone(), image: image.clone() }),
                false => Err(bad("a storage", "local-lvm; the size is the image's")),
            };
        }
        let malformed = || bad("STORAGE:SIZE", "local-lvm:32 or tank:500G");
        let (storage, size) = self.volume.split_once(':').ok_or_else(malformed)?;
        let size =
            Size::parse(size).ok().filter(|size| !size.added && !storage.is_empty() && !storage.contains('/')).ok_or_else(malformed)?;
        Ok(Volume::New { storage: storage.to_owned(), size })
    }
}
