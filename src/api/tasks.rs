//! Tasks.

use serde::{Deserialize, Serialize};

use crate::api::{Call, Upid, lenient};
use crate::path;

/// `GET …/tasks/{upid}/status`.
#[derive(Debug, Clone, Deserialize)]
pub struct Status {
    pub status: String,
    #[serde(default, deserialize_with = "lenient::redacted")]
    pub exitstatus: Option<String>,
    #[serde(default)]
    pub starttime: u64,
}

impl Status {
    /// Returns the exit status of a finished task: the status must be `stopped`, with an exit status.
    pub fn ended(&self) -> Option<&str> {
        self.exitstatus.as_deref().filter(|_| self.status == "stopped")
    }
}

/// A line of a task log.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Line {
    #[serde(deserialize_with = "lenient::u64")]
    pub n: u64,
    #[serde(default, deserialize_with = "lenient::redacted_line")]
    pub t: String,
}

/// A task in a list.
#[derive(Debug, Clone, Deserialize)]
pub struct Entry {
    pub upid: Upid,
    #[serde(default)]
    pub node: String,
    #[serde(rename = "type", default)]
    pub kind: String,
    #[serde(default)]
    pub id: String,
    #[serde(default)]
    pub user: String,
    #[serde(default)]
    pub tokenid: Option<String>,
    #[serde(default, deserialize_with = "lenient::u64")]
    pub starttime: u64,
    #[serde(default, deserialize_with = "lenient::opt_u64")]
    pub endtime: Option<u64>,
    /// The exit status of a finished task; absent or `RUNNING` while it runs.
    #[serde(default, deserialize_with = "lenient::redacted")]
    pub status: Option<String>,
}

/// Whether tasks of this type end with `OK` although a part failed: they start a task for each guest or node.
pub fn hides_failures(kind: &str) -> bool {
    matches!(kind, "reloadnetworkall" | "startall" | "stopall" | "suspendall" | "migrateall") || kind.starts_with("bulk-")
}

/// The result of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Ok,
    /// Successful, with this number of warnings.
    Warnings(u32),
    Failed(String),
}

impl Verdict {
    pub fn of(exitstatus: &str) -> Self {
        if exitstatus == "OK" {
            return Self::Ok;
        }
        match exitstatus.strip_prefix("WARNINGS: ").and_then(|n| n.trim().parse().ok()) {
            Some(n) => Self::Warnings(n),
            None => Self::Failed(exitstatus.to_owned()),
        }
    }

    pub fn good(&self) -> bool {
        !matches!(self, Self::Failed(_))
    }
}

pub fn status(upid: &Upid) -> Call<Status> {
    Call::get(path!["nodes", upid.node, "tasks", upid, "status"])
}

/// The log from line `start`; a `limit` of 0 means all lines.
pub fn log(upid: &Upid, start: u64, limit: u64) -> Call<Vec<Line>> {
    Call::get(path!["nodes", upid.node, "tasks", upid, "log"]).with("start", start).with("limit", limit)
}

pub fn stop(upid: &Upid) -> Call<()> {
    Call::delete(path!["nodes", upid.node, "tasks", upid])
}

/// Which tasks to list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub vmid: Option<u32>,
    pub kind: Option<String>,
    pub user: Option<String>,
    pub since: Option<u64>,
    pub errors: bool,
    pub running: bool,
    pub limit: u64,
}

/// The latest tasks of all nodes.
pub fn recent() -> Call<Vec<Entry>> {
    Call::get(path!["cluster", "tasks"])
}

/// The tasks of one node, newest first.
pub fn list(node: &str, filter: &Filter) -> Call<Vec<Entry>> {
    Call::get(path!["nodes", node, "tasks"])
        .with("source", if filter.running { "active" } else { "all" })
        .with_some("vmid", filter.vmid)
        .with_some("typefilter", filter.kind.as_deref())
        .with_some("userfilter", filter.user.as_deref())
        .with_some("since", filter.since)
        .with_set("errors", filter.errors)
        .with("limit", filter.limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_stopped_with_an_exit_status_is_finished() {
        let status = |json: serde_json::Value| serde_json::from_value::<Status>(json).expect("a status");
        assert_eq!(status(serde_json::json!({"status": "stopped", "exitstatus": "OK"})).ended(), Some("OK"));
        for open in [
            serde_json::json!({"status": "running"}),
            serde_json::json!({"status": "stopped"}),
            serde_json::json!({"status": "paused", "exitstatus": "OK"}),
        ] {
            assert_eq!(status(open).ended(), None);
        }
    }

    #[test]
    fn the_verdict_follows_from_the_exit_status() {
        assert_eq!(Verdict::of("OK"), Verdict::Ok);
        assert_eq!(Verdict::of("WARNINGS: 3"), Verdict::Warnings(3));
        assert_eq!(Verdict::of("job errors"), Verdict::Failed("job errors".into()));
        assert_eq!(Verdict::of("WARNINGS: many"), Verdict::Failed("WARNINGS: many".into()));
    }
}
