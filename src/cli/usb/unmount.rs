//! `felhom usb unmount`.

use clap::Args;

use crate::cli::Ctx;
use crate::fault::Result;
use crate::fence::text::MountName;
use crate::ops::usb;

/// Unmount a USB disk, so that it can be pulled out
///
/// Refuses while somebody uses it, and says who: a guest, a task, a process. Never lazy, never forced.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  felhom usb unmount backup\n  felhom usb unmount backup --keep\n  felhom usb unmount backup --disable-storage"
)]
pub struct Unmount {
    /// The mount's name, as `felhom usb status` shows it
    #[arg(value_name = "NAME")]
    name: MountName,
    /// Leave its unit or fstab line: it is mounted again at the next boot, or by `usb mount`
    #[arg(long)]
    keep: bool,
    /// Switch off the storages on it first
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
