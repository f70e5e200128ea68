//! `felhom task list`.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use serde::Serialize;

use crate::api::tasks::{self, Entry, Filter, Verdict};
use crate::cli::{Ctx, complete};
use crate::fault::Result;
use crate::ops::{guests, nodes};
use crate::ui::{Cell, Column, Row, Tone, units};

/// List tasks, newest first
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  felhom task list --running\n  felhom task list --errors --since 24h\n  felhom task list --guest 101 -o json"
)]
pub struct List {
    /// Show running tasks
    #[arg(long)]
    running: bool,
    /// Show failed tasks
    #[arg(long, conflicts_with = "running")]
    errors: bool,
    /// Show tasks of this guest
    #[arg(long, value_name = "GUEST", add = ArgValueCompleter::new(complete::guests))]
    guest: Option<String>,
    /// Show tasks started since (24h, 2026-11-20, 2026-11-20T08:00)
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Show tasks of this type: vzdump, vzstart, qmclone, …
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// Limit it to this node
    #[arg(long, value_name = "NODE")]
    node: Option<String>,
    /// Maximum number of tasks
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: u64,
}

/// A task.
#[derive(Debug, Serialize)]
pub struct Shown {
    pub context: String,
    pub node: String,
    pub upid: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub id: String,
    pub user: String,
    /// `running`, `ok`, `warnings` or `failed`.
    pub status: &'static str,
    pub exitstatus: Option<String>,
    /// RFC 3339.
    pub started_at: String,
    pub ended_at: Option<String>,
    pub duration_s: Option<u64>,
    #[serde(skip)]
    start: u64,
}

impl List {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let since = self.since.as_deref().map(crate::ops::time::since).transpose()?;
        ctx.list(|session| {
            let vmid = match &self.guest {
                // A guest that is gone still has tasks: a number needs no guest.
                Some(text) if text.bytes().all(|b| b.is_ascii_digit()) => text.parse().ok(),
                Some(text) => Some(guests::find(&guests::all(session)?, text)?.vmid),
                None => None,
            };
            let filter =
                Filter { vmid, kind: self.kind.clone(), user: None, since, errors: self.errors, running: self.running, limit: self.limit };
            let mut rows = nodes::each(session, self.node.as_deref(), |node| {
                let entries = session.client()?.get(&tasks::list(node, &filter))?;
                let rows = entries.into_iter().map(|entry| Shown::of(&session.context, entry));
                // A host that is asked for errors names those that still run too.
                Ok(rows.filter(|row| !self.errors || row.status != "running").collect())
            })?;
            rows.sort_by(|a: &Shown, b| (b.start, &b.upid).cmp(&(a.start, &a.upid)));
            // Each node was asked for so many; the newest of all are what is meant.
            rows.truncate(usize::try_from(self.limit).unwrap_or(usize::MAX));
            Ok(rows)
        })
    }
}

impl Shown {
    fn of(context: &str, entry: Entry) -> Self {
        let user = match &entry.tokenid {
            Some(token) if !entry.user.contains('!') => format!("{}!{token}", entry.user),
            _ => entry.user,
        };
        let exit = entry.status.filter(|status| status != "RUNNING" && entry.endtime.is_some());
        let time = |t: u64| units::rfc3339(i64::try_from(t).unwrap_or_default());
        Self {
            context: context.into(),
            node: entry.upid.node.clone(),
            kind: entry.upid.kind.clone(),
            id: entry.upid.id.clone(),
            upid: entry.upid.to_string(),
            user,
            status: match exit.as_deref().map(Verdict::of) {
                None => "running",
                Some(Verdict::Ok) => "ok",
                Some(Verdict::Warnings(_)) => "warnings",
                Some(Verdict::Failed(_)) => "failed",
            },
            exitstatus: exit,
            started_at: time(entry.starttime),
            ended_at: entry.endtime.map(time),
            duration_s: entry.endtime.map(|end| end.saturating_sub(entry.starttime)),
            start: entry.starttime,
        }
    }
}

pub fn tone(status: &str) -> Tone {
    match status {
        "ok" => Tone::Good,
        "failed" => Tone::Bad,
        _ => Tone::Warn,
    }
}

impl Row for Shown {
    fn columns() -> Vec<Column<Self>> {
        vec![
            Column::new("context", |t: &Self| Cell::text(&t.context)).hidden(),
            Column::new("started_at", |t: &Self| Cell::Time(i64::try_from(t.start).unwrap_or_default())).title("STARTED"),
            Column::new("type", |t: &Self| Cell::text(&t.kind)),
            Column::new("id", |t: &Self| Cell::text(&t.id)),
            Column::new("status", |t: &Self| Cell::state(t.status, tone(t.status))),
            Column::new("duration_s", |t: &Self| Cell::maybe(t.duration_s, Cell::Seconds)).title("TOOK"),
            Column::new("user", |t: &Self| Cell::text(&t.user)).flex(),
            Column::new("exitstatus", |t: &Self| Cell::maybe(t.exitstatus.clone(), Cell::Text)).brief().wide(),
            Column::new("node", |t: &Self| Cell::text(&t.node)).wide(),
            Column::new("upid", |t: &Self| Cell::text(&t.upid)).wide(),
            Column::new("ended_at", |t: &Self| Cell::maybe(t.ended_at.clone(), Cell::Text)).hidden(),
        ]
    }

    fn id(&self) -> String {
        self.upid.clone()
    }

    fn noun() -> &'static str {
        "tasks"
    }
}
