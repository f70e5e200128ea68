//! Transports and the client.

mod clock;
pub mod https;
mod limits;
#[cfg(feature = "exec")]
pub mod pvesh;
#[cfg(feature = "exec")]
pub mod ssh;
pub mod tls;
mod upload;

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

/// Sends requests to a host. A write requires the guard's permit.
pub trait Transport: Send + Sync {
    /// Both methods end early on a signal and at the deadline of `stop`.
    fn read(&self, request: &Request, stop: &Interrupt) -> Result<Reply>;
    fn write(&self, request: &Request, permit: &Permit, stop: &Interrupt) -> Result<Reply>;
    /// The identity on the host: `felhom@pve!agent`, or `root@pam` through ssh.
    fn who(&self) -> &str;
    /// The host's time in Unix seconds, never ahead of the real time; `None` before the first answer.
    fn host_time(&self) -> Option<u64> {
        None
    }
}

/// Returns an error if the request is a change: changes require a permit.
fn reads_only(request: &Request) -> Result<()> {
    if request.is_read() { Ok(()) } else { Err(Fault::other(format!("{request} changes something: it goes through the guard"))) }
}

/// Retries of a read after a connection failure, and their total time.
const RETRIES: u32 = 2;
/// Assumed maximum lag of a host's clock before its first answer, in seconds.
const UNSEEN_CLOCK: i64 = 60;
const FIRST_PAUSE: Duration = Duration::from_millis(150);

/// The client of one host (or cluster) for one command.
pub struct Client {
    transport: Box<dyn Transport>,
    verb: String,
    interrupt: Interrupt,
    limits: Limits,
    /// Tasks that existed before a change was sent. They are not considered after a lost answer.
    tasks: Mutex<HashSet<String>>,
}

impl Client {
    pub fn new(transport: Box<dyn Transport>, verb: String, interrupt: Interrupt) -> Self {
        Self { transport, verb, interrupt, limits: Limits::default(), tasks: Mutex::default() }
    }

    pub fn who(&self) -> &str {
        self.transport.who()
    }

    /// Returns the host's time, never ahead of the real time: tasks started from now on do not start earlier.
    pub fn host_time(&self) -> u64 {
        self.transport.host_time().unwrap_or_else(|| u64::try_from(jiff::Timestamp::now().as_second() - UNSEEN_CLOCK).unwrap_or_default())
    }

    /// Records a task as one that existed before the next change.
    pub fn note_task(&self, upid: &Upid) {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).insert(upid.to_string());
    }

    /// Whether this task existed before the last change was sent.
    pub fn knows(&self, upid: &Upid) -> bool {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).contains(&upid.to_string())
    }

    /// Returns true once, when the host is first skipped for this run.
    pub fn gave_up(&self) -> bool {
        self.limits.gave_up()
    }

    /// Reads, with retries after connection failures.
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

    /// Returns the unparsed answer of a read.
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

    /// Checks connection and authentication before the first change of a run.
    pub fn greet(&self) -> Result<()> {
        // root@pam has all privileges, and each call costs a start of pvesh.
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

    /// Returns an error if the cluster has no quorum. If the host does not report it, the check passes.
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
        // Uploads are few and long, so they are not limited.
        if request.pace != Pace::Transfer {
            self.limits.spend(stop)?;
        }
        let _place = self.limits.enter();
        let result = self.transport.write(request, permit, stop);
        self.limits.note(&result);
        result
    }

    /// Returns an error if the routing table does not list the call for the command. The call would be missing from `role check`, plans and
    /// tailored roles.
    fn belongs(&self, request: &Request) -> Result<()> {
        if cfg!(development)
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

/// Returns a random time between half and all of `time`, so that many clients do not retry together.
fn jitter(pause: Duration) -> Duration {
    let nanos = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.subsec_nanos());
    pause.mul_f64(0.5 + f64::from(nanos % 1000) / 2000.0)
}
