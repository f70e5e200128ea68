//! `felhom history`, the list.

use clap::Args;

use crate::cli::Ctx;
use crate::fault::Result;
use crate::ops::history::Entry;
use crate::ops::time;
use crate::ui::{Cell, Column, Row, Tone};

#[derive(Debug, Args)]
pub struct List {
    /// Show changes since (24h, 2026-11-20)
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Show changes with this result: ok, failed, denied, blocked, …
    #[arg(long, value_name = "STATUS")]
    status: Option<String>,
    /// Show changes of this guest
    #[arg(long, value_name = "GUEST")]
    guest: Option<String>,
    /// Show changes by this command ('guest stop')
    #[arg(long, value_name = "COMMAND")]
    verb: Option<String>,
    /// Maximum number of changes
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
}

impl List {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let since = self.since.as_deref().map(time::since).transpose()?;
        let mut rows: Vec<Entry> = super::entries(ctx)?;
        rows.retain(|entry| {
            let began = entry.time.parse::<jiff::Timestamp>().map_or(0, |t| u64::try_from(t.as_second()).unwrap_or_default());
            since.is_none_or(|since| began >= since)
                && self.verb.as_ref().is_none_or(|verb| entry.verb == *verb)
                && ctx.global.context.as_ref().is_none_or(|context| entry.context == *context)
                && self.guest.as_ref().is_none_or(|guest| {
                    entry.targets.iter().any(|t| t.vmid.is_some_and(|id| id.to_string() == *guest) || t.name.as_ref() == Some(guest))
                })
        });
        // How an unfinished one ended is asked of its host: only of those that are shown.
        let settled = rows.into_iter().map(|mut entry| {
            super::settle(ctx, &mut entry);
            entry
        });
        let rows: Vec<Entry> =
            settled.filter(|entry| self.status.as_ref().is_none_or(|status| entry.status == *status)).take(self.limit).collect();
        ctx.out.list(&rows)
    }
}

pub fn tone(status: &str) -> Tone {
    match status {
        "ok" => Tone::Good,
        "unchanged" => Tone::Dim,
        "warnings" | "detached" | "staged" | "unknown" | "unfinished" => Tone::Warn,
        _ => Tone::Bad,
    }
}

impl Row for Entry {
    fn columns() -> Vec<Column<Self>> {
        vec![
            Column::new("id", |e: &Self| Cell::text(&e.id)),
            Column::new("time", |e: &Self| Cell::maybe(e.time.parse::<jiff::Timestamp>().ok(), |t| Cell::Time(t.as_second()))),
            Column::new("context", |e: &Self| Cell::text(&e.context)),
            Column::new("summary", |e: &Self| Cell::text(&e.summary)).flex(),
            Column::new("status", |e: &Self| Cell::state(&e.status, tone(&e.status))),
            Column::new("message", |e: &Self| {
                Cell::maybe(e.message.clone().or_else(|| e.targets.iter().find_map(|t| t.message.clone())), Cell::Text)
            })
            .flex()
            .wide(),
            Column::new("user", |e: &Self| Cell::text(&e.user)).wide(),
            Column::new("verb", |e: &Self| Cell::text(&e.verb)).hidden(),
            Column::new("who", |e: &Self| Cell::maybe(e.who.clone(), Cell::Text)).hidden(),
        ]
    }

    fn id(&self) -> String {
        self.id.clone()
    }

    fn noun() -> &'static str {
        "changes in the journal"
    }
}
