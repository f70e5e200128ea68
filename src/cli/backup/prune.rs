//! `felhom backup prune`.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use crate::cli::{Ctx, complete};
use crate::fault::Result;
use crate::ops::backup::Keep;
use crate::ops::backup::prune::{self, Group, Preview, Wanted};
use crate::ui::{Cell, Column, Row, Tone};

/// Delete old backups by a retention rule
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  felhom backup prune --keep last=3,daily=7 --preview\n  felhom backup prune 101 --keep last=2 --storage local --confirm local"
)]
pub struct Prune {
    /// Guests: VMIDs (they may no longer exist) or names
    #[arg(value_name = "GUEST", add = ArgValueCompleter::new(complete::guests))]
    guests: Vec<String>,
    /// Retention rule: last=3,daily=7 (also hourly, weekly, monthly, yearly)
    #[arg(long, value_name = "RULE")]
    keep: Keep,
    /// Backups on this storage
    #[arg(long, value_name = "STORAGE", add = ArgValueCompleter::new(complete::storages))]
    storage: Option<String>,
    /// Preview which backups would be pruned
    #[arg(long)]
    preview: bool,
}

impl Prune {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let session = ctx.session()?;
        let groups = prune::groups(&session, &Wanted { keep: &self.keep, storage: self.storage.as_deref(), guests: &self.guests })?;
        if self.preview {
            return ctx.out.list(&groups.iter().flat_map(Group::previews).collect::<Vec<_>>());
        }
        ctx.carry_out(&session, prune::plan(&groups, &self.keep), |item, _| prune::verify(&session, &groups, item))
    }
}

impl Row for Preview {
    fn columns() -> Vec<Column<Self>> {
        let mark = Column::new("mark", |p: &Self| {
            let tone = match p.mark {
                "remove" => Tone::Bad,
                "keep" => Tone::Good,
                _ => Tone::Dim,
            };
            Cell::state(p.mark, tone)
        });
        let mut columns = vec![mark];
        columns.extend(crate::ops::backup::Archive::columns().into_iter().map(|column| column.of(|p: &Self| &p.archive)));
        columns
    }

    fn id(&self) -> String {
        self.archive.archive.clone()
    }

    fn noun() -> &'static str {
        "archives"
    }
}
