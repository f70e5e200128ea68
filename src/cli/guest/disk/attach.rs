//! `felhom guest disk attach`.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use crate::cli::{Ctx, complete};
use crate::fault::Result;
use crate::ops::disks::add::{self, Options, Volume};
use crate::ops::guests;

/// Attach an unused or existing volume to a guest
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  felhom guest disk attach 201 unused0\n  felhom guest disk attach 101 unused0 --path /mnt/data")]
pub struct Attach {
    /// Guest: VMID, name or NODE/VMID
    #[arg(value_name = "GUEST", add = ArgValueCompleter::new(complete::guests))]
    guest: String,
    /// Volume: unused0, or a volume ID
    #[arg(value_name = "VOLUME")]
    volume: String,
    /// Path inside the container
    #[arg(long, value_name = "PATH")]
    path: Option<String>,
    /// Key of the disk, such as scsi1 or mp0 [default: next free]
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// Option of the disk (ssd=1, discard=on, cache=writeback)
    #[arg(long = "option", value_name = "KEY=VALUE")]
    options: Vec<String>,
    /// Exclude the volume from backups
    #[arg(long)]
    no_backup: bool,
}

impl Attach {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let session = ctx.session()?;
        let guest = guests::one(&session, Some(&self.guest))?;
        let options = Options {
            volume: Volume::Existing(self.volume),
            key: self.key,
            path: self.path,
            no_backup: self.no_backup,
            parts: self.options,
        };
        let (change, addition) = add::prepare(&session, &guest, "disk-attach", &options)?;
        ctx.carry_out(&session, change, |_, _| add::verify(&session, &guest, &addition))
    }
}
