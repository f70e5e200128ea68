//! `felhom usb`.

mod list;
mod mount;
mod status;
mod unmount;

use clap::Subcommand;

use crate::cli::Ctx;
use crate::fault::Result;

#[derive(Debug, Subcommand)]
pub enum Usb {
    List(list::List),
    Mount(mount::Mount),
    Unmount(unmount::Unmount),
    Status(status::Status),
}

impl Usb {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        match self {
            Self::List(verb) => verb.run(ctx),
            Self::Mount(verb) => verb.run(ctx),
            Self::Unmount(verb) => verb.run(ctx),
            Self::Status(verb) => verb.run(ctx),
        }
    }
}
