//! `felhom context`.

mod add;
mod change;
mod edit;
mod list;
mod remove;
mod secret;
mod show;
mod test;
mod trust;
pub(super) mod trusting;
mod use_;
mod view;

use clap::Subcommand;

use crate::cli::Ctx;
use crate::fault::Result;

#[derive(Debug, Subcommand)]
pub enum Context {
    List(list::List),
    Show(show::Show),
    Add(Box<add::Add>),
    Use(use_::Use),
    Edit(edit::Edit),
    Remove(remove::Remove),
    Trust(trust::Trust),
    Test(test::Test),
}

impl Context {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        match self {
            Self::List(verb) => verb.run(ctx),
            Self::Show(verb) => verb.run(ctx),
            Self::Add(verb) => verb.run(ctx),
            Self::Use(verb) => verb.run(ctx),
            Self::Edit(verb) => verb.run(ctx),
            Self::Remove(verb) => verb.run(ctx),
            Self::Trust(verb) => verb.run(ctx),
            Self::Test(verb) => verb.run(ctx),
        }
    }
}

/// Returns the named context, by default that of the run.
fn named(ctx: &Ctx, name: Option<&str>) -> Result<crate::config::Context> {
    match (name, &ctx.around.fixed) {
        (Some(name), Some(fixed)) if fixed.name == name => Ok(fixed.clone()),
        (Some(name), _) => ctx.config()?.context(name).cloned(),
        (None, _) => ctx.context(),
    }
}
