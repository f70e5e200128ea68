//! `felhom guest mountpoint`.

mod add;

use clap::Subcommand;

use crate::cli::Ctx;
use crate::fault::Result;

#[derive(Debug, Subcommand)]
pub enum Mountpoint {
    Add(add::Add),
}

impl Mountpoint {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        match self {
            Self::Add(verb) => verb.run(ctx),
        }
    }
}
