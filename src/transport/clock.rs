//! The host's clock according to its answers, for finding tasks by their start.

use std::sync::{PoisonError, RwLock};
use std::time::Instant;

/// The time in the last answer, and when that arrived.
#[derive(Debug, Default)]
pub struct Clock(RwLock<Option<(u64, Instant)>>);

impl Clock {
    /// Records the time of an answer that has just arrived, in Unix seconds.
    pub fn note(&self, host: u64) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some((host, Instant::now()));
    }

    /// Returns the host's time. It is never ahead: the answer was written before it arrived, and times are whole seconds.
    pub fn now(&self) -> Option<u64> {
        let seen = *self.0.read().unwrap_or_else(PoisonError::into_inner);
        seen.map(|(host, seen)| host + seen.elapsed().as_secs())
    }
}
