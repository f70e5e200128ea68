//! `felhom guest list`.

use clap::Args;

use crate::cli::Ctx;
use crate::fault::Result;
use crate::ops::guests::{self, Guest, Selection};
use crate::ui::{Cell, Column, Row, Tone};

/// List guests
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  felhom guest list\n  felhom guest list --type lxc --status running -o json\n  felhom guest list --tag web -o id | xargs felhom backup run --storage nas"
)]
pub struct List {
    #[command(flatten)]
    selection: Selection,
}

impl List {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        ctx.list(|session| {
            let all = guests::all(session)?;
            if all.is_empty() {
                session.person.note("no guest is visible: there is none, or the token lacks VM.Audit (`felhom role check` tells)");
            }
            guests::warn_unknown(session, &all, &self.selection);
            Ok(all.into_iter().filter(|guest| self.selection.matches(guest)).collect())
        })
    }
}

impl Row for Guest {
    fn columns() -> Vec<Column<Self>> {
        vec![
            Column::new("context", |g: &Self| Cell::text(&g.context)).hidden(),
            Column::new("vmid", |g: &Self| Cell::Int(g.vmid.into())),
            Column::new("name", |g: &Self| Cell::maybe(g.name.clone(), Cell::Text)).flex(),
            Column::new("kind", |g: &Self| Cell::text(g.kind.word())),
            Column::new("status", |g: &Self| Cell::state(&g.status, status_tone(&g.status))),
            Column::new("node", |g: &Self| Cell::text(&g.node)),
            Column::new("cpus", |g: &Self| Cell::maybe(g.cpus, |n| Cell::Int(n as i64))).wide(),
            Column::new("memory_bytes", |g: &Self| Cell::maybe(g.memory_bytes, Cell::Bytes)).title("MEMORY").wide(),
            Column::new("disk_bytes", |g: &Self| Cell::maybe(g.disk_bytes, Cell::Bytes)).title("DISK").wide(),
            Column::new("uptime_s", |g: &Self| Cell::maybe(g.uptime_s.filter(|s| *s > 0), Cell::Seconds)).title("UPTIME"),
            Column::new("tags", |g: &Self| Cell::List(g.tags.clone())).flex(),
            Column::new("lock", |g: &Self| Cell::maybe(g.lock.clone(), |lock| Cell::state(lock, Tone::Warn))),
            Column::new("last_status", |g: &Self| Cell::maybe(g.last_status.clone(), Cell::Text)).hidden(),
            Column::new("pool", |g: &Self| Cell::maybe(g.pool.clone(), Cell::Text)).hidden(),
            Column::new("template", |g: &Self| Cell::Flag(g.template)).hidden(),
            Column::new("ha_state", |g: &Self| Cell::maybe(g.ha_state.clone(), Cell::Text)).hidden(),
            Column::new("cpu", |g: &Self| Cell::maybe(g.cpu, |share| Cell::Percent(share * 100.0))).hidden(),
            Column::new("memory_used_bytes", |g: &Self| Cell::maybe(g.memory_used_bytes, Cell::Bytes)).title("USED").hidden(),
        ]
    }

    fn id(&self) -> String {
        self.vmid.to_string()
    }

    fn noun() -> &'static str {
        "guests"
    }
}

pub fn status_tone(status: &str) -> Tone {
    match status {
        "running" | "online" => Tone::Good,
        "stopped" => Tone::Dim,
        "paused" | "suspended" | "prelaunch" => Tone::Warn,
        _ => Tone::Bad,
    }
}
