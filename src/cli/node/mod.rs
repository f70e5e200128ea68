//! `felhom node`.

mod cert;
mod certs;
mod drain;
mod list;
mod power;
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
    Certs(certs::Certs),
    /// Manage the certificate of a node's API
    #[command(subcommand)]
    Cert(cert::Cert),
    Drain(drain::Drain),
    Undrain(drain::Undrain),
    Reboot(power::Reboot),
    Shutdown(power::Shutdown),
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
            Self::Certs(verb) => verb.run(ctx),
            Self::Cert(noun) => noun.run(ctx),
            Self::Drain(verb) => verb.run(ctx),
            Self::Undrain(verb) => verb.run(ctx),
            Self::Reboot(verb) => verb.run(ctx),
            Self::Shutdown(verb) => verb.run(ctx),
            #[cfg(feature = "fence")]
            Self::Smart(verb) => verb.run(ctx),
            #[cfg(feature = "fence")]
            Self::Sensors(verb) => verb.run(ctx),
        }
    }
}
