//! Ctrl-C and SIGTERM, and waits that a signal interrupts. The only place that sleeps.

use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::fault::Kind;

/// How often a wait that cannot be woken checks for a signal or the deadline.
pub const TICK: Duration = Duration::from_millis(50);

/// Why a wait ended early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    Interrupt,
    Terminate,
    /// The user's time limit is over.
    Deadline,
}

impl From<Signal> for Kind {
    fn from(signal: Signal) -> Self {
        match signal {
            Signal::Interrupt => Self::Interrupted,
            Signal::Terminate => Self::Terminated,
            Signal::Deadline => Self::Unfinished,
        }
    }
}

/// Shared by all waits. The first signal wakes all of them; the second ends the program at once.
#[derive(Debug, Clone)]
pub struct Interrupt {
    seen: Arc<AtomicUsize>,
    /// Readable after the first signal and never read, so that all present and later waits end.
    wake: Arc<UnixStream>,
    _keep: Arc<UnixStream>,
    /// How long a single wait may take.
    limit: Option<Duration>,
    /// The end of the present wait.
    until: Option<Instant>,
}

impl Interrupt {
    /// Listens for the process's signals.
    pub fn install() -> std::io::Result<Self> {
        let (wake, tell) = UnixStream::pair()?;
        let seen = Arc::new(AtomicUsize::new(0));
        // A closed terminal or connection ends the program like SIGTERM.
        for (signal, code) in [(SIGINT, 130), (SIGTERM, 143), (SIGHUP, 129)] {
            let armed = Arc::new(AtomicBool::new(false));
            // The order matters: shutdown is checked before the flag is set, so only a second signal ends the program.
            signal_hook::flag::register_conditional_shutdown(signal, code, Arc::clone(&armed))?;
            signal_hook::flag::register(signal, armed)?;
            signal_hook::flag::register_usize(signal, Arc::clone(&seen), usize::try_from(signal).unwrap_or_default())?;
            signal_hook::low_level::pipe::register(signal, tell.try_clone()?)?;
        }
        Ok(Self { seen, wake: Arc::new(wake), _keep: Arc::new(tell), limit: None, until: None })
    }

    /// Returns one that no signal reaches, for helpers without a terminal and for tests.
    pub fn never() -> std::io::Result<Self> {
        let (wake, tell) = UnixStream::pair()?;
        Ok(Self { seen: Arc::default(), wake: Arc::new(wake), _keep: Arc::new(tell), limit: None, until: None })
    }

    /// Limits every request and every child process to this time, see [`Self::armed`].
    #[must_use]
    pub fn limited(self, limit: Option<Duration>) -> Self {
        Self { limit, ..self }
    }

    /// Starts the time limit, unless it is already running.
    #[must_use]
    pub fn armed(&self) -> Self {
        let until = self.until.or_else(|| self.limit.map(|limit| Instant::now() + limit));
        Self { until, ..self.clone() }
    }

    /// The same, with a deadline instead of the time limit.
    #[must_use]
    pub fn until(&self, deadline: Option<Instant>) -> Self {
        Self { until: deadline, limit: None, ..self.clone() }
    }

    pub fn seen(&self) -> Option<Signal> {
        match self.seen.load(Ordering::SeqCst) {
            0 => None,
            n if matches!(i32::try_from(n), Ok(SIGTERM | SIGHUP)) => Some(Signal::Terminate),
            _ => Some(Signal::Interrupt),
        }
    }

    /// Returns `Err` after a signal or the deadline.
    pub fn check(&self) -> Result<(), Signal> {
        match self.seen() {
            Some(signal) => Err(signal),
            None if self.until.is_some_and(|until| until <= Instant::now()) => Err(Signal::Deadline),
            None => Ok(()),
        }
    }

    /// Sleeps. Returns `Err` on a signal or at the deadline.
    pub fn wait(&self, time: Duration) -> Result<(), Signal> {
        let until = Instant::now() + time;
        loop {
            self.check()?;
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            self.poll(Vec::new(), left);
        }
    }

    /// Waits until one of these is ready, but not longer than `time`.
    pub fn wait_for<'a>(&'a self, ready: Vec<PollFd<'a>>, time: Duration) -> Result<(), Signal> {
        self.check()?;
        self.poll(ready, time);
        self.check()
    }

    fn poll<'a>(&'a self, mut ready: Vec<PollFd<'a>>, time: Duration) {
        let time = self.until.map_or(time, |until| time.min(until.saturating_duration_since(Instant::now())));
        let timeout = Timespec { tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX), tv_nsec: i64::from(time.subsec_nanos()) };
        ready.push(PollFd::from_borrowed_fd(self.wake.as_fd(), PollFlags::IN));
        // EINTR needs no handling: every caller checks again.
        let _ = poll(&mut ready, Some(&timeout));
    }

    /// Runs uninterruptible work in a thread, and stops waiting for it on a signal or at the time limit.
    pub fn during<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Signal> {
        let armed = self.armed();
        let (tell, result) = mpsc::channel();
        thread::spawn(move || tell.send(work()));
        loop {
            match result.recv_timeout(TICK) {
                Ok(done) => return Ok(done),
                Err(_) => armed.check()?,
            }
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
