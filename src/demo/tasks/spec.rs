//! Descriptions of tasks, built by handlers.

use super::effect::Effect;
use super::task::{Line, Task, Timed};

/// The description of a task: log lines, durations and effects, in order.
///
/// ```text
/// TaskSpec::new("vzsnapshot", "101").takes(0.8).then(Effect::AddSnapshot { … }).ok()
/// TaskSpec::new("vzstart", "999").fail("Configuration file 'nodes/pve1/lxc/999.conf' does not exist")
/// ```
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct TaskSpec {
    kind: String,
    id: String,
    /// Seconds from the start to the current position.
    cursor: f64,
    lines: Vec<(f64, String)>,
    effects: Vec<(f64, Effect)>,
    exit: String,
    on_stop: Vec<Effect>,
    stop_lines: Vec<String>,
    stop_exit: String,
}

/// The ID in a UPID: a VMID, a name, or empty.
#[derive(Debug, Clone, Default)]
pub struct TaskId(String);

impl From<u32> for TaskId {
    fn from(vmid: u32) -> Self {
        Self(vmid.to_string())
    }
}

impl From<&str> for TaskId {
    fn from(name: &str) -> Self {
        Self(name.to_owned())
    }
}

impl From<String> for TaskId {
    fn from(name: String) -> Self {
        Self(name)
    }
}

impl TaskSpec {
    /// Creates a task of a type (`vzdump`) about an ID, mostly a VMID.
    pub fn new(kind: impl Into<String>, id: impl Into<TaskId>) -> Self {
        Self {
            kind: kind.into(),
            id: id.into().0,
            cursor: 0.0,
            lines: Vec::new(),
            effects: Vec::new(),
            exit: String::new(),
            on_stop: Vec::new(),
            stop_lines: Vec::new(),
            stop_exit: "received interrupt".to_owned(),
        }
    }

    /// Whether the task is about a guest.
    pub fn is_about(&self, vmid: u32) -> bool {
        self.id == vmid.to_string()
    }

    /// Adds a log line.
    #[must_use]
    pub fn log(mut self, line: impl Into<String>) -> Self {
        self.lines.push((self.cursor, line.into()));
        self
    }

    /// Adds a duration in seconds at speed 1.
    #[must_use]
    pub fn takes(mut self, seconds: f64) -> Self {
        self.cursor += seconds;
        self
    }

    /// Adds an effect.
    #[must_use]
    pub fn then(mut self, effect: Effect) -> Self {
        self.effects.push((self.cursor, effect));
        self
    }

    /// Adds an effect for a task that is stopped before its end.
    #[must_use]
    pub fn on_stop(mut self, effect: Effect) -> Self {
        self.on_stop.push(effect);
        self
    }

    /// Sets the last lines and the exit status of a stopped task [default: `received interrupt`].
    #[must_use]
    pub fn stops_with(mut self, lines: &[&str], exit: &str) -> Self {
        self.stop_lines = lines.iter().map(|l| (*l).to_owned()).collect();
        exit.clone_into(&mut self.stop_exit);
        self
    }

    /// Ends the task with OK.
    #[must_use]
    pub fn ok(self) -> Self {
        let mut done = self.log("TASK OK");
        "OK".clone_into(&mut done.exit);
        done
    }

    /// Ends the task with warnings.
    #[must_use]
    pub fn warnings(self, count: u32) -> Self {
        let mut done = self.log(format!("TASK WARNINGS: {count}"));
        done.exit = format!("WARNINGS: {count}");
        done
    }

    /// Ends the task with an error.
    #[must_use]
    pub fn fail(self, message: impl Into<String>) -> Self {
        let message = message.into();
        let mut done = self.log(format!("TASK ERROR: {message}"));
        done.exit = message;
        done
    }

    /// Ends the task with an exit status but no last line.
    #[must_use]
    pub fn ends(mut self, exit: impl Into<String>) -> Self {
        self.exit = exit.into();
        self
    }

    pub(super) fn into_task(self, node: &str, user: &str, pid: u32, booted: i64, speed: f64, now_ms: i64) -> Task {
        let at = |seconds: f64| now_ms + (seconds * 1000.0 / speed) as i64;
        let pstart = u64::try_from((now_ms - booted * 1000) / 10).unwrap_or(0) & 0xF_FFFF_FFFF;
        Task {
            node: node.to_owned(),
            pid,
            pstart,
            start_ms: now_ms,
            end_ms: at(self.cursor),
            stopped_ms: None,
            kind: self.kind,
            id: self.id,
            user: user.to_owned(),
            lines: self.lines.into_iter().map(|(s, text)| Line { at_ms: at(s), text }).collect(),
            effects: self.effects.into_iter().map(|(s, effect)| Timed { at_ms: at(s), effect }).collect(),
            exit: if self.exit.is_empty() { "OK".to_owned() } else { self.exit },
            on_stop: self.on_stop,
            stop_lines: self.stop_lines,
            stop_exit: self.stop_exit,
        }
    }
}
