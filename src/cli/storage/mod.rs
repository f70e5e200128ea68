//! `felhom storage`.

mod content;
mod list;

use clap::Subcommand;

use crate::cli::Ctx;
use crate::fault::Result;

#[derive(Debug, Subcommand)]
pub enum Storage {
    List(list::List),
    Content(content::Content),
}

impl Storage {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        match self {
            Self::List(verb) => verb.run(ctx),
            Self::Content(verb) => verb.run(ctx),
        }
    }
}
