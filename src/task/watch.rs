//! Reporting of waits.

use std::time::Duration;

use crate::api::upid::Upid;

/// A task to wait for.
#[derive(Debug, Clone)]
pub struct Watched {
    pub upid: Upid,
    /// The label, such as `backup of 101 (web)`.
    pub label: String,
    /// The duration of earlier tasks, if known.
    pub expected: Option<Duration>,
}

/// The progress of a task.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step<'a> {
    /// 0 to 100, if the log contains it.
    pub percent: Option<f64>,
    pub elapsed: Duration,
    /// The newest line of the log.
    pub last_line: Option<&'a str>,
}

/// Receives the progress of tasks. One watch serves several tasks.
pub trait Watch: Send + Sync {
    /// Whether estimates are shown: they cost a request.
    fn estimates(&self) -> bool {
        false
    }
    fn begin(&self, task: &Watched);
    fn step(&self, task: &Watched, step: &Step<'_>);
    /// A message during the wait, such as an unreachable host.
    fn note(&self, text: &str);
    fn end(&self, task: &Watched, exitstatus: &str, good: bool);
}

/// Reports nothing.
impl Watch for () {
    fn begin(&self, _: &Watched) {}
    fn step(&self, _: &Watched, _: &Step<'_>) {}
    fn note(&self, _: &str) {}
    fn end(&self, _: &Watched, _: &str, _: bool) {}
}
