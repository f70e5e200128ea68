//! How a call travels, and the client that everything else speaks to.

mod clock;
pub mod https;
mod limits;
#[cfg(feature = "exec")]
pub mod pvesh;
#[cfg(feature = "exec")]
pub mod ssh;
pub mod tls;

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::api::{Call, Pace, Reply, Request, Upid, cluster, tasks};
use crate::fault::{Fault, Kind, Result};
use crate::guard::Permit;
use crate::interrupt::{Interrupt, Signal};
use crate::routes;
use crate::session::stopped;
use limits::Limits;

/// A way to a host. Reads are free; a write takes the permit that only the guard makes.
pub trait Transport: Send + Sync {
    /// Both end early after a signal and at the deadline of `stop`.
    fn read(&self, request: &Request, stop: &Interrupt) -> Result<Reply>;
    fn write(&self, request: &Request, permit: &Permit, stop: &Interrupt) -> Result<Reply>;
    /// Who the host sees: `felhom@pve!agent`, or `root@pam` through ssh.
    fn who(&self) -> &str;
    /// The host's time now in Unix seconds, not later than it really is; `None` before any answer showed it.
    fn host_time(&self) -> Option<u64> {
        None
    }
}

/// The read path takes nothing that changes something: for that there is no way but with a permit.
fn reads_only(request: &Request) -> Result<()> {
    if request.is_read() { Ok(()) } else { Err(Fault::other(format!("{request} changes something: it goes through the guard"))) }
}

/// How often a read is tried again after a connection failed, and how long that may take in all.
const RETRIES: u32 = 2;
/// How far a host's clock may be behind ours where it was never seen, in seconds.
const UNSEEN_CLOCK: i64 = 60;
const FIRST_PAUSE: Duration = Duration::from_millis(150);

/// Speaks to one host (or cluster) for one verb.
pub struct Client {
    transport: Box<dyn Transport>,
    verb: String,
    interrupt: Interrupt,
    limits: Limits,
    /// Tasks that existed before a change of this run was sent: none of them can be the one that a lost answer named.
    tasks: Mutex<HashSet<String>>,
}

impl Client {
    pub fn new(transport: Box<dyn Transport>, verb: String, interrupt: Interrupt) -> Self {
        Self { transport, verb, interrupt, limits: Limits::default(), tasks: Mutex::default() }
    }

    pub fn who(&self) -> &str {
        self.transport.who()
    }

    /// The host's time now, never later than it really is: no task that is started from now on has an earlier start.
    pub fn host_time(&self) -> u64 {
        self.transport.host_time().unwrap_or_else(|| u64::try_from(jiff::Timestamp::now().as_second() - UNSEEN_CLOCK).unwrap_or_default())
    }

    /// Remembers a task as one that existed before the next change is sent.
    pub fn note_task(&self, upid: &Upid) {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).insert(upid.to_string());
    }

    /// Whether this task existed before the last change was sent.
    pub fn knows(&self, upid: &Upid) -> bool {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).contains(&upid.to_string())
    }

    /// The host has just been given up for this run: true once.
    pub fn gave_up(&self) -> bool {
        self.limits.gave_up()
    }

    /// Reads, trying again where the connection failed.
    pub fn get<T: DeserializeOwned>(&self, call: &Call<T>) -> Result<T> {
        self.fetch(&call.request)?.read(&call.request)
    }

    /// Reads without a retry.
    pub fn get_once<T: DeserializeOwned>(&self, call: &Call<T>) -> Result<T> {
        self.poll(call, &self.interrupt.armed())
    }

    /// Reads without a retry, until a signal or the deadline of `stop`.
    pub fn poll<T: DeserializeOwned>(&self, call: &Call<T>, stop: &Interrupt) -> Result<T> {
        reads_only(&call.request)?;
        self.belongs(&call.request)?;
        let _place = self.limits.enter();
        self.transport.read(&call.request, stop)?.read(&call.request)
    }

    /// The answer of a read, unread.
    pub fn fetch(&self, request: &Request) -> Result<Reply> {
        reads_only(request)?;
        self.belongs(request)?;
        let stop = self.interrupt.armed();
        let mut pause = FIRST_PAUSE;
        for _ in 0..RETRIES {
            let fault = match self.read(request, &stop) {
                Err(fault) if matches!(fault.kind, Kind::Unreachable | Kind::NodeDown) => fault,
                settled => return settled,
            };
            match stop.wait(jitter(pause)) {
                Ok(()) => pause *= 3,
                Err(Signal::Deadline) => return Err(fault),
                Err(signal) => return Err(stopped(signal, &format!("{request}: interrupted before it was answered"))),
            }
        }
        self.read(request, &stop)
    }

    fn read(&self, request: &Request, stop: &Interrupt) -> Result<Reply> {
        self.limits.check()?;
        let _place = self.limits.enter();
        let result = self.transport.read(request, stop);
        self.limits.note(&result);
        result
    }

    /// Is the host there, and does it know who asks? To be asked before the first change of a run: later the answer could be lost.
    pub fn greet(&self) -> Result<()> {
        // Root on the node may do everything, and each question costs a start of pvesh.
        if self.who() != "root@pam" {
            self.get(&cluster::version())?;
            self.get(&cluster::permissions()).map(drop)?;
            if let Some(why) = self.without_quorum() {
                return Err(Fault::refused_as(Kind::NoQuorum, format!("{why}; nothing was sent")));
            }
        }
        self.get(&tasks::recent())?.iter().for_each(|entry| self.note_task(&entry.upid));
        Ok(())
    }

    /// Why the cluster takes no changes: it has no quorum. A host that does not tell is asked no further.
    pub fn without_quorum(&self) -> Option<String> {
        self.get(&cluster::status()).ok().and_then(|members| cluster::without_quorum(&members))
    }

    /// Sends a change, once.
    pub fn send(&self, request: &Request, permit: &Permit) -> Result<Reply> {
        self.send_until(request, permit, &self.interrupt.armed())
    }

    /// Sends a change, once, and waits for the answer until a signal or the deadline of `stop`.
    pub fn send_until(&self, request: &Request, permit: &Permit, stop: &Interrupt) -> Result<Reply> {
        self.belongs(request)?;
        self.limits.check()?;
        stop.check().map_err(|signal| stopped(signal, &format!("{request}: interrupted before it was sent")))?;
        // Uploads are few and long, and are counted apart: by not being counted.
        if request.pace != Pace::Transfer {
            self.limits.spend(stop)?;
        }
        let _place = self.limits.enter();
        let result = self.transport.write(request, permit, stop);
        self.limits.note(&result);
        result
    }

    /// A verb that makes a call which the routing table does not name for it is a fault of ours: it would be missing from
    /// `role check`, plans and roles made to measure.
    fn belongs(&self, request: &Request) -> Result<()> {
        if cfg!(debug_assertions)
            && let Some(verb) = routes::verb(&self.verb)
        {
            if !routes::allows(verb, request) {
                return Err(Fault::other(format!(
                    "`felhom {}` makes a call that src/routes/verbs.rs does not name for it: {request}",
                    self.verb
                )));
            }
            if let Some(option) = routes::sends(&self.verb).and_then(|sends| sends.unnamed(request)) {
                return Err(Fault::other(format!(
                    "`felhom {}` sends {option}, which src/routes/sends.rs does not say: {request}",
                    self.verb
                )));
            }
        }
        Ok(())
    }
}

/// Between half of it and all of it, so that many clients do not come back together.
fn jitter(pause: Duration) -> Duration {
    let nanos = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.subsec_nanos());
    pause.mul_f64(0.5 + f64::from(nanos % 1000) / 2000.0)
}
