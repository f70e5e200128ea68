//! `felhom storage`.

mod content;
mod list;
mod upload;

use clap::Subcommand;

use crate::cli::Ctx;
use crate::fault::Result;

#[derive(Debug, Subcommand)]
pub enum Storage {
    List(list::List),
    Content(content::Content),
    Upload(upload::Upload),
}

impl Storage {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        match self {
            Self::List(verb) => verb.run(ctx),
            Self::Content(verb) => verb.run(ctx),
            Self::Upload(verb) => verb.run(ctx),
        }
    }
}
