//! `felhom usb unmount`.

use clap::Args;

use crate::cli::Ctx;
use crate::fault::Result;
use crate::fence::text::MountName;
use crate::ops::usb;

/// Unmount a USB disk
///
/// Refuses while somebody uses it, and says who: a guest, a task, a process. Never lazy, never forced.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  felhom usb unmount backup\n  felhom usb unmount backup --keep\n  felhom usb unmount backup --disable-storage"
)]
pub struct Unmount {
    /// Name of the mount, as shown by `felhom usb status`
    #[arg(value_name = "NAME")]
    name: MountName,
    /// Keep the unit or fstab line for the next boot
    #[arg(long)]
    keep: bool,
    /// Disable storages on it first
    #[arg(long)]
    disable_storage: bool,
}

impl Unmount {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let session = ctx.session()?;
        let change = usb::unmount(&session, &ctx.fence()?, &self.name, self.keep, self.disable_storage)?;
        ctx.carry_out(&session, change, |_, done| {
            Ok(done.outputs.get("unmount").and_then(|answer| answer.as_object().cloned()).unwrap_or_default())
        })
    }
}
