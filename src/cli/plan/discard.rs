//! `felhom plan discard`.

use clap::Args;

use crate::cli::Ctx;
use crate::fault::Result;
use crate::ui::clean;

/// Discard staged changes
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  felhom plan discard 20261120-134501-3fa2")]
pub struct Discard {
    /// IDs or at least 4 characters of each
    #[arg(value_name = "ID", required = true)]
    ids: Vec<String>,
}

impl Discard {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let (planned, shelf) = (ctx.planned_here()?, super::shelf(ctx));
        // All of them are looked up before the first one goes.
        let found = self.ids.iter().map(|id| shelf.get(id)).collect::<Result<Vec<_>>>()?;
        if planned {
            let text: String =
                found.iter().map(|staged| format!("then {} is dropped: {}\n", staged.id, clean::line(&staged.summary))).collect();
            return ctx.out.text(&(text + "nothing was changed\n"));
        }
        for staged in found {
            shelf.discard(&staged, &ctx.around.interrupt)?;
            let state = if staged.used.is_some() { " (it was applied)" } else { "" };
            ctx.out.note(format!("dropped {}{state}: {}", staged.id, clean::line(&staged.summary)));
        }
        Ok(())
    }
}
