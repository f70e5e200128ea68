//! The client: sends a request to the helper and accepts only an envelope as the answer.

mod answer;

use std::time::Duration;

use crate::config::context::{Fence as Settings, FenceVia};
use crate::exec::{Cmd, Done, Failure};
use crate::fault::{Fate, Fault, Kind, Result};
use crate::guard::Permit;
use crate::interrupt::Interrupt;
use crate::transport::ssh::ssh_command;

use super::host::gate::remote_line;
use super::protocol::{Envelope, HELPER, Operation, Request, Word};

pub(super) use answer::envelope as answer_envelope;
pub use answer::fault_of;

/// How the helper is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Connection {
    /// ssh to a host, and sudo there, or `gate` if the key is restricted to it.
    Ssh { host: String },
    /// sudo on this machine.
    Sudo,
    /// Direct, as root on this machine.
    Root,
    /// The demo host, in a directory.
    #[cfg(feature = "demo")]
    Demo { root: std::path::PathBuf },
}

impl std::fmt::Display for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ssh { host } => f.write_str(host),
            Self::Sudo | Self::Root => f.write_str("this machine"),
            #[cfg(feature = "demo")]
            Self::Demo { .. } => f.write_str("the demo host"),
        }
    }
}

/// A reply, and the name of the host.
#[derive(Debug, Clone)]
pub struct Answer<T> {
    pub host: String,
    pub reply: T,
}

/// The root helper of one context.
#[derive(Debug, Clone)]
pub struct Fence {
    connection: Connection,
    interrupt: Interrupt,
}

impl Fence {
    pub fn new(connection: Connection, interrupt: Interrupt) -> Self {
        Self { connection, interrupt }
    }

    /// Connects as a context's settings say.
    pub fn of(settings: &Settings, interrupt: Interrupt) -> Result<Self> {
        let connection = match (settings.via, &settings.host) {
            (FenceVia::Ssh, Some(host)) => Connection::Ssh { host: host.clone() },
            (FenceVia::Ssh, None) => return Err(Fault::config("the root helper is reached over SSH, but no SSH host is set for it")),
            (FenceVia::Local, _) if rustix::process::geteuid().is_root() => Connection::Root,
            (FenceVia::Local, _) => Connection::Sudo,
        };
        Ok(Self::new(connection, interrupt))
    }

    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Sends a request that changes nothing.
    pub fn ask<T: Operation>(&self, request: T) -> Result<Answer<T::Reply>> {
        if T::WORD.changes() {
            return Err(Fault::other(format!("`{}` changes the host and needs a permit", T::WORD)));
        }
        self.send(request)
    }

    /// Sends a change that the guard has permitted.
    pub fn change<T: Operation>(&self, request: T, _: &Permit) -> Result<Answer<T::Reply>> {
        self.send(request)
    }

    fn send<T: Operation>(&self, request: T) -> Result<Answer<T::Reply>> {
        let bytes = Request::new(request).bytes();
        let envelope = self.envelope(T::WORD, bytes).map_err(|f| f.while_(format_args!("`{}` on {}", T::WORD, self.connection)))?;
        let value = match (envelope.ok, envelope.error) {
            (Some(value), None) => value,
            (_, Some(error)) => return Err(fault_of(T::WORD, error).while_(format_args!("`{}` on {}", T::WORD, self.connection))),
            (None, None) => return Err(answer::unreadable(T::WORD, "is empty")),
        };
        let host = envelope.host;
        serde_json::from_value(value).map(|reply| Answer { host, reply }).map_err(|e| {
            let fault = answer::unreadable(T::WORD, &format!("cannot be parsed: {e}"));
            if T::WORD.changes() { fault } else { fault.with_hint("run `felhom fence install` to update the helper") }
        })
    }

    fn envelope(&self, word: Word, bytes: Vec<u8>) -> Result<Envelope> {
        let cmd = match &self.connection {
            Connection::Ssh { host } => ssh_command(host, &remote_line(word)),
            Connection::Sudo if word.needs_root() => Cmd::new("sudo").args(["-n", HELPER, word.as_str()]),
            Connection::Sudo | Connection::Root => Cmd::new(HELPER).arg(word.as_str()),
            #[cfg(feature = "demo")]
            Connection::Demo { root } => return Ok(super::simulated::answer(root, word, &bytes)),
        };
        let done = cmd.stdin(bytes).timeout(time_limit(word)).run(&self.interrupt).map_err(|f| self.failure(word, &f))?;
        answer::read(&self.connection, word, &done)
    }

    /// Runs any command line where the helper is, for `fence check`.
    pub(super) fn line(&self, line: &str, stdin: &[u8]) -> Result<Done> {
        let cmd = match &self.connection {
            Connection::Ssh { host } => ssh_command(host, line),
            _ => Cmd::new("sh").args(["-c", line]),
        };
        cmd.stdin(stdin).run(&self.interrupt).map_err(|f| self.failure(Word::Version, &f))
    }

    /// Returns why the output contains no envelope.
    pub(super) fn no_answer(&self, done: &Done) -> Fault {
        match answer::read(&self.connection, Word::Version, done) {
            Err(fault) => fault.while_(format_args!("the fence on {}", self.connection)),
            Ok(_) => Fault::other(format!("unexpected answer from the helper on {}", self.connection)),
        }
    }

    fn failure(&self, word: Word, failure: &Failure) -> Fault {
        match failure {
            Failure::Start(e) if e.kind() == std::io::ErrorKind::NotFound => match self.connection {
                Connection::Ssh { .. } => Fault::other("ssh is not installed on this machine"),
                Connection::Sudo if word.needs_root() => Fault::other("sudo is not installed on this machine"),
                _ => answer::no_helper(&self.connection),
            },
            Failure::Start(e) => Fault::other(format!("cannot start: {e}")),
            Failure::TimedOut(limit) => {
                let fault = Fate::Unknown.fault(word.changes(), format!("no answer after {} s", limit.as_secs()));
                if fault.kind == Kind::Unknown { fault.with_hint(answer::CHECK_FIRST) } else { fault }
            }
            Failure::Interrupted(signal) => Fault::new((*signal).into(), "interrupted").with_hint(answer::CHECK_FIRST),
        }
    }
}

/// Returns the time limit of a command. Checking a large filesystem and unpacking a template take long.
fn time_limit(word: Word) -> Duration {
    Duration::from_secs(match word {
        Word::Version | Word::Disks | Word::Sensors | Word::UsbStatus => 90,
        Word::Smart => 10 * 60,
        Word::UsbUnmount => 15 * 60,
        Word::UsbMount | Word::GoldenCreate => 40 * 60,
    })
}
