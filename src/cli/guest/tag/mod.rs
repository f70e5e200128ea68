//! `felhom guest tag`.

mod change;

use clap::Subcommand;

use crate::cli::Ctx;
use crate::fault::Result;

#[derive(Debug, Subcommand)]
pub enum Tag {
    Add(change::Add),
    Remove(change::Remove),
}

impl Tag {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        match self {
            Self::Add(verb) => verb.run(ctx),
            Self::Remove(verb) => verb.run(ctx),
        }
    }
}
