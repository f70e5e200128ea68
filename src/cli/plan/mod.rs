//! `felhom plan`: changes that were staged.

mod apply;
mod discard;
mod list;
mod show;

use clap::Subcommand;

use crate::cli::Ctx;
use crate::fault::Result;
use crate::guard::Shelf;

#[derive(Debug, Subcommand)]
pub enum Plan {
    List(list::List),
    Show(show::Show),
    Apply(apply::Apply),
    Discard(discard::Discard),
}

impl Plan {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        match self {
            Self::List(verb) => verb.run(ctx),
            Self::Show(verb) => verb.run(ctx),
            Self::Apply(verb) => verb.run(ctx),
            Self::Discard(verb) => verb.run(ctx),
        }
    }
}

fn shelf(ctx: &Ctx) -> Shelf {
    Shelf::at(&ctx.around.paths.state)
}
