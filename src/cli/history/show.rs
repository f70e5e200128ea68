//! `felhom history show`.

use clap::Args;

use crate::cli::Ctx;
use crate::cli::plan_view::quote;
use crate::fault::Result;
use crate::guard::by_prefix;
use crate::ops::history::Entry;
use crate::ui::{Cell, Record};

use super::list::tone;

/// Show one change
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  felhom history show 20261120-134501-3fa2")]
pub struct Show {
    /// ID or at least 4 characters of it
    #[arg(value_name = "ID")]
    id: String,
}

impl Show {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let found = super::entries(ctx)?.into_iter().filter(|entry| entry.id.starts_with(&self.id)).collect();
        let mut entry: Entry = by_prefix(&self.id, found, "change", "`felhom history` shows the IDs")?;
        super::settle(ctx, &mut entry);
        ctx.out.one(&entry)
    }
}

impl Record for Entry {
    fn fields(&self) -> Vec<(&'static str, Cell)> {
        let target = |t: &crate::ops::history::TargetResult| {
            let named = t.vmid.map(|id| id.to_string()).or_else(|| t.name.clone()).unwrap_or_default();
            let rest: Vec<&str> = [t.upid.as_deref(), t.message.as_deref()].into_iter().flatten().collect();
            format!("{} {named}: {} {}", t.action, t.status.as_deref().unwrap_or("unfinished"), rest.join(" ")).trim_end().to_owned()
        };
        vec![
            ("id", Cell::text(&self.id)),
            ("time", Cell::text(&self.time)),
            ("context", Cell::text(&self.context)),
            ("who", Cell::maybe(self.who.clone(), Cell::Text)),
            ("user", Cell::text(&self.user)),
            ("command", Cell::text(self.command.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" "))),
            ("summary", Cell::text(&self.summary)),
            ("status", Cell::state(&self.status, tone(&self.status))),
            ("blocked_by", Cell::maybe(self.blocked_by.clone(), Cell::Text)),
            ("message", Cell::maybe(self.message.clone(), Cell::Text)),
            ("targets", Cell::List(self.targets.iter().map(target).collect())),
        ]
    }

    fn id(&self) -> String {
        self.id.clone()
    }
}
