//! `felhom fence check`.

use clap::Args;

use crate::cli::Ctx;
use crate::fault::{Fault, Result};
use crate::fence::check::{CheckResult, check};
use crate::ui::{Cell, Column, Row, Tone};

/// Check that sudo allows exactly the helper's commands
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  felhom fence check\n  felhom fence check --filter ok=false")]
pub struct Check {}

impl Check {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let results = check(&ctx.fence()?)?;
        ctx.out.list(&results)?;
        let failed = results.iter().filter(|p| !p.ok).count();
        match (failed, results.first()) {
            (0, Some(first)) => {
                ctx.out.note(format!("all {} checks of `{}` access passed", results.len(), first.access.as_str()));
                Ok(())
            }
            _ => Err(Fault::other(format!("{failed} of {} checks failed", results.len()))
                .with_hint("run `felhom fence install` again, and check `sudo -l -U felhom` on the host for other rules")),
        }
    }
}

impl Row for CheckResult {
    fn columns() -> Vec<Column<Self>> {
        vec![
            Column::new("door", |p: &Self| Cell::text(p.access.as_str())),
            Column::new("tried", |p: &Self| Cell::text(&p.tried)),
            Column::new("expected", |p: &Self| Cell::text(p.expected)),
            Column::new("seen", |p: &Self| Cell::state(&p.seen, if p.ok { Tone::Good } else { Tone::Bad })).flex(),
            Column::new("ok", |p: &Self| Cell::Flag(p.ok)).hidden(),
        ]
    }

    fn id(&self) -> String {
        self.tried.clone()
    }

    fn noun() -> &'static str {
        "checks"
    }
}
