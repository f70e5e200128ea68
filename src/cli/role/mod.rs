//! `felhom role`.

mod admin;
mod bootstrap;
mod check;
mod list;
mod pinning;
mod presets;
mod revoke;
mod rotate;
mod show;
mod subject;

use clap::Subcommand;

use crate::cli::Ctx;
use crate::fault::Result;

#[derive(Debug, Subcommand)]
pub enum Role {
    Bootstrap(bootstrap::Bootstrap),
    Check(check::Check),
    List(list::List),
    Show(show::Show),
    Presets(presets::Presets),
    Rotate(rotate::Rotate),
    Revoke(revoke::Revoke),
}

impl Role {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        match self {
            Self::Bootstrap(verb) => verb.run(ctx),
            Self::Check(verb) => verb.run(ctx),
            Self::List(verb) => verb.run(ctx),
            Self::Show(verb) => verb.run(ctx),
            Self::Presets(verb) => verb.run(ctx),
            Self::Rotate(verb) => verb.run(ctx),
            Self::Revoke(verb) => verb.run(ctx),
        }
    }
}
