//! `felhom fence`.

mod check;
mod install;
mod show;
mod sudoers;

use clap::Subcommand;

use crate::cli::Ctx;
use crate::fault::Result;

#[derive(Debug, Subcommand)]
pub enum Fence {
    Check(check::Check),
    Show(show::Show),
    Install(install::Install),
    Sudoers(sudoers::Sudoers),
}

impl Fence {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        match self {
            Self::Check(verb) => verb.run(ctx),
            Self::Show(verb) => verb.run(ctx),
            Self::Install(verb) => verb.run(ctx),
            Self::Sudoers(verb) => verb.run(ctx),
        }
    }
}
