//! Ctrl-C and SIGTERM: waiting that a signal cuts short. The only place that sleeps.

use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// Which signal asked the program to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    Interrupt,
    Terminate,
}

/// Shared by everything that waits. The first signal wakes all waiters; the second ends the program at once.
#[derive(Debug, Clone)]
pub struct Interrupt {
    seen: Arc<AtomicUsize>,
    /// Readable from the first signal on, and never read: so every waiter wakes, and stays awake.
    wake: Arc<UnixStream>,
    _keep: Arc<UnixStream>,
}

impl Interrupt {
    /// Listens for the process's signals.
    pub fn install() -> std::io::Result<Self> {
        let (wake, tell) = UnixStream::pair()?;
        let seen = Arc::new(AtomicUsize::new(0));
        // A terminal or connection that goes away ends the program as SIGTERM does.
        for (signal, code) in [(SIGINT, 130), (SIGTERM, 143), (SIGHUP, 129)] {
            let armed = Arc::new(AtomicBool::new(false));
            // The order matters: the shutdown is looked at before the flag is set, so only a second signal meets it.
            signal_hook::flag::register_conditional_shutdown(signal, code, Arc::clone(&armed))?;
            signal_hook::flag::register(signal, armed)?;
            signal_hook::flag::register_usize(signal, Arc::clone(&seen), usize::try_from(signal).unwrap_or_default())?;
            signal_hook::low_level::pipe::register(signal, tell.try_clone()?)?;
        }
        Ok(Self { seen, wake: Arc::new(wake), _keep: Arc::new(tell) })
    }

    /// One that no signal reaches: for helpers without a person in front of them, and for tests.
    pub fn never() -> std::io::Result<Self> {
        let (wake, tell) = UnixStream::pair()?;
        Ok(Self { seen: Arc::default(), wake: Arc::new(wake), _keep: Arc::new(tell) })
    }

    pub fn seen(&self) -> Option<Signal> {
        match self.seen.load(Ordering::SeqCst) {
            0 => None,
            n if matches!(i32::try_from(n), Ok(SIGTERM | SIGHUP)) => Some(Signal::Terminate),
            _ => Some(Signal::Interrupt),
        }
    }

    /// Sleeps; `Err` as soon as a signal has come.
    pub fn wait(&self, time: Duration) -> Result<(), Signal> {
        let until = Instant::now() + time;
        loop {
            if let Some(signal) = self.seen() {
                return Err(signal);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            let timeout = Timespec { tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX), tv_nsec: i64::from(left.subsec_nanos()) };
            // EINTR and readiness both lead back to the look at the flag.
            let _ = poll(&mut [PollFd::new(&*self.wake, PollFlags::IN)], Some(&timeout));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_its_time_without_a_signal() {
        let quiet = Interrupt::never().expect("a socket pair");
        let start = Instant::now();
        assert_eq!(quiet.wait(Duration::from_millis(30)), Ok(()));
        assert!(start.elapsed() >= Duration::from_millis(30));
        assert_eq!(quiet.seen(), None);
    }
}
