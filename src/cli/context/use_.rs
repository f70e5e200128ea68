//! `felhom context use`.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use crate::cli::{Ctx, complete};
use crate::config::Editor;
use crate::fault::Result;

use super::change::{Action, Changed, Status};

/// Set the current context
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  felhom context use home")]
pub struct Use {
    /// Context
    #[arg(value_name = "NAME", add = ArgValueCompleter::new(complete::contexts))]
    name: String,
}

impl Use {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let planned = ctx.planned_here()?;
        let config = ctx.config()?;
        config.context(&self.name)?;
        let mut changed = Changed::new(Action::Use, Some(&self.name));
        if config.current.as_ref() == Some(&self.name) {
            return changed.show(ctx);
        }
        changed.and(format!("{} is the current context", self.name));
        if planned {
            changed.status = Status::Planned;
            return changed.show(ctx);
        }
        let mut editor = Editor::open(&ctx.around.paths, &ctx.around.interrupt)?;
        editor.make_current(&self.name)?;
        editor.save()?;
        changed.show(ctx)
    }
}
