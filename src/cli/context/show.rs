//! `felhom context show`.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use crate::cli::{Ctx, complete};
use crate::fault::Result;

use super::view::View;

/// Show a context
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  felhom context show\n  felhom context show home -o json")]
pub struct Show {
    /// Context [default: the current one]
    #[arg(value_name = "NAME", add = ArgValueCompleter::new(complete::contexts))]
    name: Option<String>,
}

impl Show {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let context = super::named(ctx, self.name.as_deref())?;
        let current = ctx.around.fixed.is_some() || ctx.config()?.current.as_ref() == Some(&context.name);
        ctx.out.one(&View::of(&context, current))
    }
}
