//! `felhom sdn pending`.

use clap::Args;

use crate::cli::Ctx;
use crate::fault::Result;
use crate::ops::sdn::{self, PendingChange};
use crate::ui::{Cell, Column, Row, Tone};

/// List pending SDN changes
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  felhom sdn pending\n  felhom sdn pending -o json")]
pub struct Pending {}

impl Pending {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        ctx.list(sdn::pending)
    }
}

impl Row for PendingChange {
    fn columns() -> Vec<Column<Self>> {
        vec![
            Column::new("context", |w: &Self| Cell::text(&w.context)).hidden(),
            Column::new("kind", |w: &Self| Cell::text(w.kind)),
            Column::new("id", |w: &Self| Cell::text(&w.id)),
            Column::new("state", |w: &Self| {
                let tone = match w.state.as_str() {
                    "deleted" => Tone::Bad,
                    "new" => Tone::Good,
                    _ => Tone::Warn,
                };
                Cell::state(w.state.clone(), tone)
            }),
            Column::new("zone", |w: &Self| Cell::maybe(w.zone.clone(), Cell::Text)).wide(),
            Column::new("change", |w: &Self| Cell::text(&w.change)).flex(),
        ]
    }

    fn id(&self) -> String {
        self.id.clone()
    }

    fn noun() -> &'static str {
        "changes that wait"
    }
}
