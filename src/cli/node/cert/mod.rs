//! `felhom node cert`.

mod change;

use clap::Subcommand;

use crate::cli::Ctx;
use crate::fault::Result;

#[derive(Debug, Subcommand)]
pub enum Cert {
    Upload(change::Upload),
    Delete(change::Delete),
}

impl Cert {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        match self {
            Self::Upload(verb) => verb.run(ctx),
            Self::Delete(verb) => verb.run(ctx),
        }
    }
}
