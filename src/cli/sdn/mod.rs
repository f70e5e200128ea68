//! `felhom sdn`.

mod apply;
mod pending;

use clap::Subcommand;

use crate::cli::Ctx;
use crate::fault::Result;

#[derive(Debug, Subcommand)]
pub enum Sdn {
    Pending(pending::Pending),
    Apply(apply::Apply),
}

impl Sdn {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        match self {
            Self::Pending(verb) => verb.run(ctx),
            Self::Apply(verb) => verb.run(ctx),
        }
    }
}
