//! Columns of backups, guest volumes and results.

use serde::Serialize;
use serde_json::Value as Json;

use crate::cli::results;
use crate::fault::Result;
use crate::guard::{Outcome, Status};
use crate::ops::backup::Archive;
use crate::ui::{Cell, Column, Out, Row, Tone};

/// Returns the columns of a backup.
impl Row for Archive {
    fn columns() -> Vec<Column<Self>> {
        vec![
            Column::new("context", |a: &Self| Cell::text(&a.context)).hidden(),
            Column::new("vmid", |a: &Self| Cell::maybe(a.vmid, |n| Cell::Int(n.into()))),
            Column::new("kind", |a: &Self| Cell::maybe(a.kind, |kind| Cell::text(kind.word()))),
            Column::new("created_at", |a: &Self| Cell::maybe(known(a), Cell::Time)).title("CREATED"),
            Column::new("age", |a: &Self| Cell::maybe(known(a), Cell::Age)).wide(),
            Column::new("size_bytes", |a: &Self| Cell::maybe(a.size_bytes, Cell::Bytes)).title("SIZE"),
            Column::new("archive", |a: &Self| Cell::text(&a.archive)).title("BACKUP"),
            Column::new("protected", |a: &Self| Cell::Flag(a.protected)),
            Column::new("verification", |a: &Self| Cell::maybe(a.verification.as_deref(), verification)).wide(),
            Column::new("notes", |a: &Self| Cell::maybe(a.notes.clone(), Cell::Text)).flex().wide(),
            Column::new("node", |a: &Self| Cell::text(&a.node)).hidden(),
            Column::new("storage", |a: &Self| Cell::text(&a.storage)).hidden(),
            Column::new("format", |a: &Self| Cell::text(&a.format)).hidden(),
            Column::new("encrypted", |a: &Self| Cell::maybe(a.encrypted.clone(), Cell::Text)).hidden(),
            Column::new("namespace", |a: &Self| Cell::maybe(a.namespace.clone(), Cell::Text)).hidden(),
        ]
    }

    fn id(&self) -> String {
        self.archive.clone()
    }

    fn noun() -> &'static str {
        "archives that this token may see"
    }
}

fn known(archive: &Archive) -> Option<i64> {
    (archive.ctime > 0).then_some(archive.ctime)
}

pub fn verification(state: &str) -> Cell {
    Cell::state(state, if state == "ok" { Tone::Good } else { Tone::Bad })
}

/// The result of a backup: one line per guest.
#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Made(Outcome);

impl Made {
    fn text(&self, key: &str) -> Option<String> {
        self.0.extra.get(key).and_then(Json::as_str).map(str::to_owned)
    }
}

impl Row for Made {
    fn columns() -> Vec<Column<Self>> {
        let mut columns: Vec<Column<Self>> = Outcome::columns().into_iter().map(|column| column.of(|made: &Self| &made.0)).collect();
        // The backup that exists comes before the errors.
        let at = columns.len().saturating_sub(4);
        let own = [
            Column::new("size_bytes", |m: &Self| Cell::maybe(m.0.extra.get("size_bytes").and_then(Json::as_u64), Cell::Bytes))
                .title("SIZE"),
            Column::new("consistency", |m: &Self| Cell::maybe(m.text("consistency"), Cell::Text)).wide(),
            Column::new("archive", |m: &Self| Cell::maybe(m.text("archive"), Cell::Text)).title("BACKUP"),
        ];
        columns.splice(at..at, own);
        columns
    }

    fn id(&self) -> String {
        self.text("archive").unwrap_or_else(|| self.0.id())
    }

    fn noun() -> &'static str {
        "guests"
    }
}

/// Prints the results of backups.
pub fn emit(out: &Out, outcomes: &[Outcome]) -> Result<()> {
    if outcomes.iter().all(|outcome| outcome.status == Status::Detached) {
        return results::emit(out, outcomes);
    }
    out.list(&outcomes.iter().cloned().map(Made).collect::<Vec<_>>())
}
