//! `felhom node list`.

use clap::Args;

use crate::cli::Ctx;
use crate::fault::Result;
use crate::ops::nodes::{NodeState, all};
use crate::ui::{Cell, Column, Row};

use crate::cli::guest::status_tone;

/// List nodes
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  felhom node list\n  felhom node list --filter status=offline -o id")]
pub struct List {}

impl List {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        ctx.list(|session| {
            if let Some(why) = session.client()?.without_quorum() {
                session.person.warn(&format!("{}: {why}; nothing can be changed", session.context));
            }
            all(session)
        })
    }
}

impl Row for NodeState {
    fn columns() -> Vec<Column<Self>> {
        vec![
            Column::new("context", |n: &Self| Cell::text(&n.context)).hidden(),
            Column::new("node", |n: &Self| Cell::text(&n.node)),
            Column::new("status", |n: &Self| Cell::state(&n.status, status_tone(&n.status))),
            Column::new("cpu", |n: &Self| Cell::maybe(n.cpu, |share| Cell::Percent(share * 100.0))),
            Column::new("cpus", |n: &Self| Cell::maybe(n.cpus, |cpus| Cell::Int(cpus as i64))),
            Column::new("memory_used_bytes", |n: &Self| Cell::maybe(n.memory_used_bytes, Cell::Bytes)).title("USED"),
            Column::new("memory_bytes", |n: &Self| Cell::maybe(n.memory_bytes, Cell::Bytes)).title("MEMORY"),
            Column::new("disk_used_bytes", |n: &Self| Cell::maybe(n.disk_used_bytes, Cell::Bytes)).title("ROOT USED").wide(),
            Column::new("disk_bytes", |n: &Self| Cell::maybe(n.disk_bytes, Cell::Bytes)).title("ROOT").wide(),
            Column::new("uptime_s", |n: &Self| Cell::maybe(n.uptime_s.filter(|s| *s > 0), Cell::Seconds)).title("UPTIME"),
        ]
    }

    fn id(&self) -> String {
        self.node.clone()
    }

    fn noun() -> &'static str {
        "nodes"
    }
}
