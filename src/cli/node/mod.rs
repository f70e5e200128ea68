//! `felhom node`.

mod list;
mod status;

use clap::Subcommand;

use crate::cli::Ctx;
use crate::fault::Result;

#[derive(Debug, Subcommand)]
pub enum Node {
    List(list::List),
    Status(status::Status),
}

impl Node {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        match self {
            Self::List(verb) => verb.run(ctx),
            Self::Status(verb) => verb.run(ctx),
        }
    }
}
