//! Started tasks.

use serde::{Deserialize, Serialize};

use super::effect::{self, Effect};
use crate::api::Upid;
use crate::demo::state::State;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Line {
    pub at_ms: i64,
    pub text: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Timed {
    pub at_ms: i64,
    pub effect: Effect,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Task {
    pub node: String,
    pub pid: u32,
    pub pstart: u64,
    pub start_ms: i64,
    pub end_ms: i64,
    /// When the task was stopped before its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped_ms: Option<i64>,
    pub kind: String,
    pub id: String,
    /// `root@pam` or `felhom@pve!agent`.
    pub user: String,
    pub lines: Vec<Line>,
    /// Pending effects, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub effects: Vec<Timed>,
    pub exit: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on_stop: Vec<Effect>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stop_lines: Vec<String>,
    pub stop_exit: String,
}

impl Task {
    pub fn upid(&self) -> String {
        Upid {
            node: self.node.clone(),
            pid: self.pid,
            pstart: self.pstart,
            starttime: u64::try_from(self.start_ms / 1000).unwrap_or(0),
            kind: self.kind.clone(),
            id: self.id.clone(),
            user: self.user.clone(),
        }
        .to_string()
    }

    pub fn is_running(&self, now_ms: i64) -> bool {
        self.stopped_ms.is_none() && now_ms < self.end_ms
    }

    /// Returns the end time; `None` if running.
    pub fn ended_ms(&self, now_ms: i64) -> Option<i64> {
        self.stopped_ms.or((now_ms >= self.end_ms).then_some(self.end_ms))
    }

    /// Returns the exit status; `None` if running.
    pub fn exit_status(&self, now_ms: i64) -> Option<&str> {
        match self.stopped_ms {
            Some(_) => Some(&self.stop_exit),
            None => (now_ms >= self.end_ms).then_some(self.exit.as_str()),
        }
    }

    /// Returns the lines written so far.
    pub fn log(&self, now_ms: i64) -> Vec<&str> {
        let until = self.stopped_ms.unwrap_or(now_ms);
        let ends_later = self.stopped_ms.is_some() || now_ms < self.end_ms;
        let written = self.lines.iter().filter(|l| l.at_ms <= until && !(ends_later && l.at_ms >= self.end_ms)).map(|l| l.text.as_str());
        let closing = self.stopped_ms.iter().flat_map(|_| self.stop_lines.iter().map(String::as_str));
        written.chain(closing).collect()
    }
}

/// Stops a running task and drops its pending effects.
pub fn stop(state: &mut State, upid: &str, now_ms: i64) {
    let Some(task) = state.tasks.iter_mut().find(|t| t.is_running(now_ms) && t.upid() == upid) else { return };
    task.stopped_ms = Some(now_ms);
    task.effects.clear();
    let closing = format!("TASK ERROR: {}", task.stop_exit);
    task.stop_lines.push(closing);
    for effect in std::mem::take(&mut task.on_stop) {
        effect::apply(state, effect, now_ms);
    }
}
