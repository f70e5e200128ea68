//! The one clock of the demo host.

use std::time::{SystemTime, UNIX_EPOCH};

/// Real time, moved by a skew: a host whose clock is wrong is a fault that people meet.
#[derive(Debug, Clone, Copy, Default)]
pub struct Clock {
    pub skew_ms: i64,
}

impl Clock {
    /// Milliseconds since 1970, as this host believes.
    pub fn now_ms(self) -> i64 {
        let real = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX));
        real.saturating_add(self.skew_ms)
    }
}
