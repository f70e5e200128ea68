//! `felhom node`.

mod list;
#[cfg(feature = "fence")]
mod sensors;
#[cfg(feature = "fence")]
mod smart;
mod status;

use clap::Subcommand;

use crate::cli::Ctx;
use crate::fault::Result;

#[derive(Debug, Subcommand)]
pub enum Node {
    List(list::List),
    Status(status::Status),
    #[cfg(feature = "fence")]
    Smart(smart::Smart),
    #[cfg(feature = "fence")]
    Sensors(sensors::Sensors),
}

impl Node {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        match self {
            Self::List(verb) => verb.run(ctx),
            Self::Status(verb) => verb.run(ctx),
            #[cfg(feature = "fence")]
            Self::Smart(verb) => verb.run(ctx),
            #[cfg(feature = "fence")]
            Self::Sensors(verb) => verb.run(ctx),
        }
    }
}
