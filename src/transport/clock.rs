//! The host's clock, as its answers show it: for finding tasks by their start.

use std::sync::{PoisonError, RwLock};
use std::time::Instant;

/// The host's time in its last answer, and when that arrived.
#[derive(Debug, Default)]
pub struct Clock(RwLock<Option<(u64, Instant)>>);

impl Clock {
    /// Notes the time in an answer that has just arrived, in Unix seconds.
    pub fn note(&self, host: u64) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some((host, Instant::now()));
    }

    /// The host's time now. It is never later than it really is: the answer was written before it arrived, and times have whole seconds.
    pub fn now(&self) -> Option<u64> {
        let seen = *self.0.read().unwrap_or_else(PoisonError::into_inner);
        seen.map(|(host, seen)| host + seen.elapsed().as_secs())
    }
}
