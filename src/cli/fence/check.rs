//! `felhom fence check`.

use clap::Args;

use crate::cli::Ctx;
use crate::fault::{Fault, Result};
use crate::fence::check::{Proof, check};
use crate::ui::{Cell, Column, Row, Tone};

/// Check that sudo allows exactly the helper's commands
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  felhom fence check\n  felhom fence check --filter ok=false")]
pub struct Check {}

impl Check {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let proofs = check(&ctx.fence()?)?;
        ctx.out.list(&proofs)?;
        let failed = proofs.iter().filter(|p| !p.ok).count();
        match (failed, proofs.first()) {
            (0, Some(first)) => {
                ctx.out.note(format!("{} proofs at the door `{}`: all as they should be", proofs.len(), first.door.word()));
                Ok(())
            }
            _ => Err(Fault::other(format!("{failed} of {} proofs failed", proofs.len()))
                .with_hint("a word that is not allowed: `felhom fence install` again; a near miss that is: somebody has widened the sudoers rule, look at `sudo -l -U felhom` on the host")),
        }
    }
}

impl Row for Proof {
    fn columns() -> Vec<Column<Self>> {
        vec![
            Column::new("door", |p: &Self| Cell::text(p.door.word())),
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
        "proofs"
    }
}
