//! `felhom plan discard`.

use clap::Args;

use crate::cli::Ctx;
use crate::fault::Result;

/// Drop staged changes without doing them
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  felhom plan discard 20261120-134501-3fa2")]
pub struct Discard {
    /// Their ids, or how they begin
    #[arg(value_name = "ID", required = true)]
    ids: Vec<String>,
}

impl Discard {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        for id in &self.ids {
            let staged = super::shelf(ctx).discard(id)?;
            ctx.out.note(format!("dropped {}: {}", staged.id, staged.summary));
        }
        Ok(())
    }
}
