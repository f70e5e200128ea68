//! `felhom storage content`.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use serde::Serialize;

use crate::api::storage::{self, Volume};
use crate::cli::{Ctx, complete};
use crate::fault::{Fault, Result};
use crate::ops::backup::archive::Found;
use crate::ops::backup::hidden;
use crate::ops::nodes;
use crate::ui::{Cell, Column, Row};

/// List the content of a storage
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  felhom storage content local\n  felhom storage content local --content backup --sort created_at:desc\n  felhom storage content local --content vztmpl -o id"
)]
pub struct Content {
    /// Storage
    #[arg(value_name = "STORAGE", add = ArgValueCompleter::new(complete::storages))]
    storage: String,
    /// Node to ask [default: any that has the storage]
    #[arg(long, value_name = "NODE")]
    node: Option<String>,
    /// Content type: backup, rootdir, images, iso, vztmpl, snippets
    #[arg(long, value_name = "CONTENT")]
    content: Option<String>,
    /// Content of this guest
    #[arg(long, value_name = "VMID")]
    vmid: Option<u32>,
}

/// A volume.
#[derive(Debug, Serialize)]
struct Shown {
    context: String,
    node: String,
    storage: String,
    volume: String,
    content: String,
    format: String,
    size_bytes: Option<u64>,
    vmid: Option<u32>,
    /// RFC 3339.
    created_at: Option<String>,
    protected: bool,
    notes: Option<String>,
    #[serde(skip)]
    ctime: Option<u64>,
}

impl Content {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        ctx.list(|session| {
            let mut shared = false;
            let mut seen = false;
            let rows = nodes::each(session, self.node.as_deref(), |node| {
                let Some(found) = session.client()?.get(&storage::list(node))?.into_iter().find(|s| s.storage == self.storage) else {
                    return Ok(Vec::new());
                };
                Ok(vec![(node.to_owned(), found.shared, found.allows("backup"))])
            })?;
            let mut volumes = Vec::new();
            let mut backups = Found::default();
            for (node, is_shared, takes_backups) in rows {
                if shared {
                    continue;
                }
                (seen, shared) = (true, is_shared);
                if takes_backups && self.content.as_deref().is_none_or(|content| content == "backup") {
                    backups.looked.insert(self.storage.clone());
                }
                let call =
                    storage::content(&node, &self.storage).with_some("content", self.content.as_deref()).with_some("vmid", self.vmid);
                volumes.extend(session.client()?.get(&call)?.into_iter().map(|volume| Shown::of(&session.context, &node, volume)));
            }
            if !seen {
                return Err(Fault::not_found(format!("there is no storage '{}' that this token may see", self.storage))
                    .with_hint("list the visible storages with `felhom storage list`, or grant Datastore.Audit on /storage/NAME"));
            }
            if !backups.looked.is_empty()
                && let Some(hidden) = hidden::of_list(session, &backups, self.vmid)
            {
                session.person.warn(&hidden);
            }
            Ok(volumes)
        })
    }
}

impl Shown {
    fn of(context: &str, node: &str, volume: Volume) -> Self {
        Self {
            context: context.into(),
            node: node.into(),
            storage: volume.storage().to_owned(),
            content: volume.content,
            format: volume.format,
            size_bytes: volume.size,
            vmid: volume.vmid,
            created_at: volume.ctime.and_then(|t| i64::try_from(t).ok()).map(crate::units::rfc3339),
            ctime: volume.ctime,
            protected: volume.protected,
            notes: volume.notes,
            volume: volume.volid,
        }
    }
}

impl Row for Shown {
    fn columns() -> Vec<Column<Self>> {
        vec![
            Column::new("context", |v: &Self| Cell::text(&v.context)).hidden(),
            Column::new("volume", |v: &Self| Cell::text(&v.volume)),
            Column::new("content", |v: &Self| Cell::text(&v.content)),
            Column::new("format", |v: &Self| Cell::text(&v.format)).wide(),
            Column::new("size_bytes", |v: &Self| Cell::maybe(v.size_bytes, Cell::Bytes)).title("SIZE"),
            Column::new("vmid", |v: &Self| Cell::maybe(v.vmid, |n| Cell::Int(n.into()))),
            Column::new("created_at", |v: &Self| Cell::maybe(v.ctime.and_then(|t| i64::try_from(t).ok()), Cell::Time)).title("CREATED"),
            Column::new("protected", |v: &Self| Cell::Flag(v.protected)).wide(),
            Column::new("notes", |v: &Self| Cell::maybe(v.notes.clone(), Cell::Text)).flex().wide(),
            Column::new("storage", |v: &Self| Cell::text(&v.storage)).hidden(),
            Column::new("node", |v: &Self| Cell::text(&v.node)).hidden(),
        ]
    }

    fn id(&self) -> String {
        self.volume.clone()
    }

    fn noun() -> &'static str {
        "volumes"
    }
}
