//! The results of a change: one row a target.

use crate::fault::Result;
use crate::guard::{Outcome, Status};
use crate::ui::{Cell, Column, Out, Row, Tone};

impl Row for Outcome {
    fn columns() -> Vec<Column<Self>> {
        vec![
            Column::new("context", |o: &Self| Cell::text(&o.context)).hidden(),
            Column::new("node", |o: &Self| Cell::maybe(o.node.clone(), Cell::Text)).wide(),
            Column::new("vmid", |o: &Self| Cell::maybe(o.vmid, |n| Cell::Int(n.into()))),
            Column::new("name", |o: &Self| Cell::maybe(o.name.clone(), Cell::Text)).flex(),
            Column::new("kind", |o: &Self| Cell::maybe(o.kind, Cell::text)).wide(),
            Column::new("action", |o: &Self| Cell::text(o.action)),
            Column::new("status", |o: &Self| Cell::state(o.status.word(), tone(o.status))),
            Column::new("duration_s", |o: &Self| Cell::Float(o.duration_s)).title("SECONDS"),
            Column::new("message", |o: &Self| Cell::maybe(o.fault.as_ref().map(ToString::to_string), Cell::Text)).flex(),
            Column::new("exitstatus", |o: &Self| Cell::maybe(o.exitstatus.clone(), Cell::Text)).hidden(),
            Column::new("upid", |o: &Self| Cell::maybe(o.upid.clone(), Cell::Text)).hidden(),
            Column::new("started_at", |o: &Self| Cell::maybe(o.started_at.clone(), Cell::Text)).hidden(),
        ]
    }

    fn id(&self) -> String {
        // What a script goes on with: the job where it was only begun, else the guest.
        match (&self.upid, self.status) {
            (Some(upid), Status::Detached) => upid.clone(),
            _ => self.vmid.map(|vmid| vmid.to_string()).or_else(|| self.name.clone()).or_else(|| self.node.clone()).unwrap_or_default(),
        }
    }

    fn noun() -> &'static str {
        "targets"
    }
}

fn tone(status: Status) -> Tone {
    match status {
        Status::Ok => Tone::Good,
        Status::Warnings | Status::Detached | Status::Staged | Status::Unknown => Tone::Warn,
        Status::Unchanged => Tone::Dim,
        Status::Failed | Status::Denied | Status::Refused | Status::Interrupted => Tone::Bad,
    }
}

/// Shows them; a single detached job is its UPID alone.
pub fn emit(out: &Out, outcomes: &[Outcome]) -> Result<()> {
    let table = out.format() == crate::ui::Format::Table && out.options().columns.is_none();
    if table && !outcomes.is_empty() && outcomes.iter().all(|o| o.status == Status::Detached) {
        let upids: String = outcomes.iter().filter_map(|o| o.upid.as_ref()).map(|upid| format!("{upid}\n")).collect();
        return out.text(&upids);
    }
    out.list(outcomes)
}
