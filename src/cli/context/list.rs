//! `felhom context list`.

use clap::Args;

use crate::cli::Ctx;
use crate::fault::Result;

use super::view::View;

/// List contexts
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  felhom context list\n  felhom context list -o id")]
pub struct List {}

impl List {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let config = ctx.config()?;
        let fixed = ctx.around.fixed.iter().map(|context| View::of(context, true));
        let is_current = |name: &str| ctx.around.fixed.is_none() && config.current.as_deref() == Some(name);
        let views: Vec<View> = fixed.chain(config.contexts.values().map(|context| View::of(context, is_current(&context.name)))).collect();
        if ctx.around.fixed.is_none() {
            for variable in ["FELHOM_CONTEXT", "FELHOM_ENDPOINT"] {
                if ctx.around.env.os(variable).is_some() {
                    ctx.out.note(format!("{variable} is set, and wins over the current context"));
                    break;
                }
            }
        }
        ctx.out.list(&views)
    }
}
