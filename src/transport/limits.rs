//! Limits of one run on one host.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::fault::{Fault, Kind, Result};
use crate::interrupt::Interrupt;

/// Requests in flight.
const IN_FLIGHT: usize = 10;
/// Writes per minute, after an initial burst of the same number.
const WRITES_A_MINUTE: f64 = 120.0;
/// Consecutive connection failures after which the host is skipped for the rest of the run.
const FAILURES: u32 = 5;

/// Counters for one host.
pub struct Limits {
    state: Mutex<State>,
    free: Condvar,
}

struct State {
    in_flight: usize,
    tokens: f64,
    filled: Instant,
    failures: u32,
    /// Whether the skipping was reported.
    told: bool,
}

/// A slot for a request in flight, released when dropped.
pub struct Place<'a>(&'a Limits);

impl Default for Limits {
    fn default() -> Self {
        Self {
            state: Mutex::new(State { in_flight: 0, tokens: WRITES_A_MINUTE, filled: Instant::now(), failures: 0, told: false }),
            free: Condvar::new(),
        }
    }
}

impl Limits {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a slot.
    pub fn enter(&self) -> Place<'_> {
        let mut state = self.free.wait_while(self.lock(), |state| state.in_flight >= IN_FLIGHT).unwrap_or_else(PoisonError::into_inner);
        state.in_flight += 1;
        Place(self)
    }

    /// Waits until another write is allowed.
    pub fn spend(&self, interrupt: &Interrupt) -> Result<()> {
        loop {
            let wait = {
                let mut state = self.lock();
                let now = Instant::now();
                state.tokens =
                    (state.tokens + now.duration_since(state.filled).as_secs_f64() * WRITES_A_MINUTE / 60.0).min(WRITES_A_MINUTE);
                state.filled = now;
                if state.tokens >= 1.0 {
                    state.tokens -= 1.0;
                    return Ok(());
                }
                Duration::from_secs_f64((1.0 - state.tokens) * 60.0 / WRITES_A_MINUTE)
            };
            interrupt.wait(wait).map_err(|signal| crate::session::stopped(signal, "interrupted before the change was sent"))?;
        }
    }

    /// Returns an error if the host failed to answer several times in a row.
    pub fn check(&self) -> Result<()> {
        if self.lock().failures < FAILURES {
            return Ok(());
        }
        Err(Fault::new(Kind::Unreachable, format!("the host is skipped for the rest of this run: {FAILURES} connections in a row failed")))
    }

    /// Returns true the first time the limit is reached, for a single message.
    pub fn gave_up(&self) -> bool {
        let mut state = self.lock();
        let now = state.failures >= FAILURES && !state.told;
        state.told |= now;
        now
    }

    /// Records the result of a request.
    pub fn note<T>(&self, result: &Result<T>) {
        let failed = matches!(result, Err(fault) if fault.kind == Kind::Unreachable);
        let mut state = self.lock();
        state.failures = if failed { state.failures + 1 } else { 0 };
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.lock().in_flight -= 1;
        self.0.free.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_a_dead_host_alone_and_forgives_at_the_first_answer() {
        let limits = Limits::default();
        let dead: Result<()> = Err(Fault::new(Kind::Unreachable, "refused"));
        (0..FAILURES - 1).for_each(|_| limits.note(&dead));
        assert!(limits.check().is_ok());
        limits.note(&Ok(()));
        (0..FAILURES).for_each(|_| limits.note(&dead));
        assert_eq!(limits.check().expect_err("skipped").kind, Kind::Unreachable);
        assert!(limits.gave_up() && !limits.gave_up(), "said once");
    }

    #[test]
    fn a_burst_of_writes_is_free_and_the_next_one_waits() {
        let limits = Limits::default();
        let quiet = Interrupt::never().expect("a socket pair");
        let begun = Instant::now();
        for _ in 0..120 {
            limits.spend(&quiet).expect("free");
        }
        assert!(begun.elapsed() < Duration::from_millis(300));
        limits.spend(&quiet).expect("after a while");
        assert!(begun.elapsed() > Duration::from_millis(300));
    }

    #[test]
    fn no_more_than_so_many_in_flight() {
        let limits = Limits::default();
        let places: Vec<Place<'_>> = (0..IN_FLIGHT).map(|_| limits.enter()).collect();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| drop(limits.enter()));
            assert!(!waiting.is_finished());
            drop(places);
            waiting.join().expect("a place came free");
        });
    }
}
