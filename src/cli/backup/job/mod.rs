//! `felhom backup job`.

mod change;
mod list;
mod run;

use clap::Subcommand;

use crate::cli::Ctx;
use crate::fault::Result;

#[derive(Debug, Subcommand)]
pub enum Job {
    List(list::List),
    Show(list::Show),
    Create(Box<change::Create>),
    Set(Box<change::Set>),
    Delete(change::Delete),
    Run(run::Run),
}

impl Job {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        match self {
            Self::List(verb) => verb.run(ctx),
            Self::Show(verb) => verb.run(ctx),
            Self::Create(verb) => verb.run(ctx),
            Self::Set(verb) => verb.run(ctx),
            Self::Delete(verb) => verb.run(ctx),
            Self::Run(verb) => verb.run(ctx),
        }
    }
}
