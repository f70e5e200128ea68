//! `felhom task`.

mod list;
mod log;
mod show;
mod stop;
mod wait;

use clap::Subcommand;

use crate::cli::Ctx;
use crate::fault::Result;

#[derive(Debug, Subcommand)]
pub enum Task {
    List(list::List),
    Show(show::Show),
    Log(log::Log),
    Wait(wait::Wait),
    Stop(stop::Stop),
}

impl Task {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        match self {
            Self::List(verb) => verb.run(ctx),
            Self::Show(verb) => verb.run(ctx),
            Self::Log(verb) => verb.run(ctx),
            Self::Wait(verb) => verb.run(ctx),
            Self::Stop(verb) => verb.run(ctx),
        }
    }
}
