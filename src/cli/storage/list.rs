//! `felhom storage list`.

use clap::Args;
use serde::Serialize;

use crate::api::storage;
use crate::cli::Ctx;
use crate::fault::Result;
use crate::ops::nodes;
use crate::ui::{Cell, Column, Row, Tone};

/// List storages
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  felhom storage list\n  felhom storage list --content backup --filter active=true -o id")]
pub struct List {
    /// Node to ask [default: any that has the storage]
    #[arg(long, value_name = "NODE")]
    node: Option<String>,
    /// Storages for this content: backup, rootdir, images, iso, vztmpl, snippets
    #[arg(long, value_name = "CONTENT")]
    content: Option<String>,
}

/// A storage on a node; a shared one stands once.
#[derive(Debug, Clone, Serialize)]
struct Shown {
    context: String,
    storage: String,
    node: String,
    kind: String,
    content: Vec<String>,
    enabled: bool,
    active: bool,
    shared: bool,
    used_bytes: Option<u64>,
    total_bytes: Option<u64>,
    available_bytes: Option<u64>,
}

impl List {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        ctx.list(|session| {
            let mut rows = nodes::each(session, self.node.as_deref(), |node| {
                let found = session.client()?.get(&storage::list(node))?;
                Ok(found
                    .into_iter()
                    .filter(|s| self.content.as_ref().is_none_or(|content| s.allows(content)))
                    .map(|s| Shown {
                        context: session.context.clone(),
                        content: s.content.split(',').filter(|c| !c.is_empty()).map(str::to_owned).collect(),
                        storage: s.storage,
                        node: node.to_owned(),
                        kind: s.kind,
                        enabled: s.enabled,
                        active: s.active,
                        shared: s.shared,
                        used_bytes: s.used,
                        total_bytes: s.total,
                        available_bytes: s.avail,
                    })
                    .collect())
            })?;
            rows.sort_by(|a: &Shown, b| (&a.storage, &a.node).cmp(&(&b.storage, &b.node)));
            rows.dedup_by(|later, first| first.shared && later.storage == first.storage);
            Ok(rows)
        })
    }
}

impl Row for Shown {
    fn columns() -> Vec<Column<Self>> {
        vec![
            Column::new("context", |s: &Self| Cell::text(&s.context)).hidden(),
            Column::new("storage", |s: &Self| Cell::text(&s.storage)),
            Column::new("node", |s: &Self| Cell::text(if s.shared { "(shared)" } else { &s.node })),
            Column::new("kind", |s: &Self| Cell::text(&s.kind)),
            Column::new("active", |s: &Self| {
                if s.active {
                    Cell::state("yes", Tone::Good)
                } else if s.enabled {
                    Cell::state("no", Tone::Bad)
                } else {
                    Cell::state("disabled", Tone::Dim)
                }
            }),
            Column::new("used_bytes", |s: &Self| Cell::maybe(s.used_bytes, Cell::Bytes)).title("USED"),
            Column::new("total_bytes", |s: &Self| Cell::maybe(s.total_bytes, Cell::Bytes)).title("TOTAL"),
            Column::new("content", |s: &Self| Cell::List(s.content.clone())).flex(),
            Column::new("enabled", |s: &Self| Cell::Flag(s.enabled)).hidden(),
            Column::new("shared", |s: &Self| Cell::Flag(s.shared)).hidden(),
            Column::new("available_bytes", |s: &Self| Cell::maybe(s.available_bytes, Cell::Bytes)).title("FREE").hidden(),
        ]
    }

    fn id(&self) -> String {
        self.storage.clone()
    }

    fn noun() -> &'static str {
        "storages that this token may see"
    }
}
