//! What a wait tells whoever watches. The wait itself draws nothing.

use std::time::Duration;

use crate::api::upid::Upid;

/// A task that is being waited for.
#[derive(Debug, Clone)]
pub struct Watched {
    pub upid: Upid,
    /// What it is to the operator: `backup of 101 (web)`.
    pub label: String,
    /// How long the like took before, where that is known.
    pub expected: Option<Duration>,
}

/// How far a task has come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step<'a> {
    /// 0 to 100, where the log says.
    pub percent: Option<f64>,
    pub elapsed: Duration,
    /// The newest line of the log.
    pub last_line: Option<&'a str>,
}

/// Who wants to know how tasks go; one watch serves many at once.
pub trait Watch: Send + Sync {
    /// An estimate would be shown: it costs a request.
    fn estimates(&self) -> bool {
        false
    }
    fn begin(&self, task: &Watched);
    fn step(&self, task: &Watched, step: &Step<'_>);
    /// Something to say in between, e.g. that the host does not answer at the moment.
    fn note(&self, text: &str);
    fn end(&self, task: &Watched, exitstatus: &str, good: bool);
}

/// Nobody watches.
impl Watch for () {
    fn begin(&self, _: &Watched) {}
    fn step(&self, _: &Watched, _: &Step<'_>) {}
    fn note(&self, _: &str) {}
    fn end(&self, _: &Watched, _: &str, _: bool) {}
}
