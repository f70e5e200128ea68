//! `felhom plan show`.

use clap::Args;

use crate::cli::Ctx;
use crate::cli::plan_view;
use crate::fault::Result;
use crate::ui::Format;

/// Show a staged change
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  felhom plan show 20261120-134501-3fa2")]
pub struct Show {
    /// ID or at least 4 characters of it
    #[arg(value_name = "ID")]
    id: String,
}

impl Show {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let staged = super::shelf(ctx).get(&self.id)?;
        if ctx.out.format() != Format::Table {
            return ctx.out.value(&serde_json::to_value(&staged).unwrap_or_default());
        }
        ctx.out.text(&plan_view::stored(&staged).into_iter().map(|line| line + "\n").collect::<String>())
    }
}
