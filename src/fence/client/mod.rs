//! The client's side: a request goes to the helper through one of its doors, and only an envelope counts as an answer.

mod answer;

use std::time::Duration;

use crate::config::context::{Fence as Settings, FenceVia};
use crate::exec::{Cmd, Done, Failure};
use crate::fault::{Fate, Fault, Kind, Result};
use crate::guard::Permit;
use crate::interrupt::Interrupt;
use crate::transport::ssh::ssh_command;

use super::host::gate::remote_line;
use super::protocol::{Asked, Envelope, HELPER, Operation, Word};

pub(super) use answer::envelope as answer_envelope;
pub use answer::fault_of;

/// How the helper is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Door {
    /// ssh to a host, then sudo there (or the gate, where the key is restricted to it).
    Ssh { host: String },
    /// sudo on this machine.
    Sudo,
    /// This machine, as root already.
    Root,
    /// The demo's pretended host, in a directory.
    #[cfg(feature = "demo")]
    Pretended { root: std::path::PathBuf },
}

impl std::fmt::Display for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ssh { host } => f.write_str(host),
            Self::Sudo | Self::Root => f.write_str("this machine"),
            #[cfg(feature = "demo")]
            Self::Pretended { .. } => f.write_str("the demo host"),
        }
    }
}

/// A reply, and the host that gave it.
#[derive(Debug, Clone)]
pub struct Answer<T> {
    pub host: String,
    pub reply: T,
}

/// The fence of one context.
#[derive(Debug, Clone)]
pub struct Fence {
    door: Door,
    interrupt: Interrupt,
}

impl Fence {
    pub fn new(door: Door, interrupt: Interrupt) -> Self {
        Self { door, interrupt }
    }

    /// As a context says it.
    pub fn of(settings: &Settings, interrupt: Interrupt) -> Result<Self> {
        let door = match (settings.via, &settings.host) {
            (FenceVia::Ssh, Some(host)) => Door::Ssh { host: host.clone() },
            (FenceVia::Ssh, None) => return Err(Fault::config("the fence goes over ssh, but no host is named for it")),
            (FenceVia::Local, _) if rustix::process::geteuid().is_root() => Door::Root,
            (FenceVia::Local, _) => Door::Sudo,
        };
        Ok(Self::new(door, interrupt))
    }

    pub fn door(&self) -> &Door {
        &self.door
    }

    /// Asks for something that changes nothing.
    pub fn ask<T: Operation>(&self, request: T) -> Result<Answer<T::Reply>> {
        if T::WORD.changes() {
            return Err(Fault::other(format!("`{}` changes the host: it goes through the guard", T::WORD)));
        }
        self.send(request)
    }

    /// Asks for a change that the guard let pass.
    pub fn change<T: Operation>(&self, request: T, _: &Permit) -> Result<Answer<T::Reply>> {
        self.send(request)
    }

    fn send<T: Operation>(&self, request: T) -> Result<Answer<T::Reply>> {
        let bytes = Asked::new(request).bytes();
        let envelope = self.envelope(T::WORD, bytes).map_err(|f| f.while_(format_args!("`{}` on {}", T::WORD, self.door)))?;
        let value = match (envelope.ok, envelope.error) {
            (Some(value), None) => value,
            (_, Some(trouble)) => return Err(fault_of(T::WORD, trouble).while_(format_args!("`{}` on {}", T::WORD, self.door))),
            (None, None) => return Err(Fault::other(format!("the helper's answer to `{}` is empty", T::WORD))),
        };
        let host = envelope.host;
        serde_json::from_value(value).map(|reply| Answer { host, reply }).map_err(|e| {
            Fault::other(format!("the helper's answer to `{}` is not understood: {e}", T::WORD))
                .with_hint("an older helper may be installed: `felhom fence install` renews it")
        })
    }

    fn envelope(&self, word: Word, bytes: Vec<u8>) -> Result<Envelope> {
        let cmd = match &self.door {
            Door::Ssh { host } => ssh_command(host, &remote_line(word)),
            Door::Sudo if word.needs_root() => Cmd::new("sudo").args(["-n", HELPER, word.as_str()]),
            Door::Sudo | Door::Root => Cmd::new(HELPER).arg(word.as_str()),
            #[cfg(feature = "demo")]
            Door::Pretended { root } => return Ok(super::pretend::answer(root, word, &bytes)),
        };
        let done = cmd.stdin(bytes).timeout(patience(word)).run(&self.interrupt).map_err(|f| self.failure(word, &f))?;
        answer::read(&self.door, word, &done)
    }

    /// Runs any line at the door, for `fence check`.
    pub(super) fn line(&self, line: &str, stdin: &[u8]) -> Result<Done> {
        let cmd = match &self.door {
            Door::Ssh { host } => ssh_command(host, line),
            _ => Cmd::new("sh").args(["-c", line]),
        };
        cmd.stdin(stdin).run(&self.interrupt).map_err(|f| self.failure(Word::Version, &f))
    }

    /// Why there is no envelope in what came back.
    pub(super) fn unanswered(&self, done: &Done) -> Fault {
        match answer::read(&self.door, Word::Version, done) {
            Err(fault) => fault.while_(format_args!("the fence on {}", self.door)),
            Ok(_) => Fault::other(format!("{} answers, but not as a fence does", self.door)),
        }
    }

    fn failure(&self, word: Word, failure: &Failure) -> Fault {
        match failure {
            Failure::Start(e) if e.kind() == std::io::ErrorKind::NotFound => match self.door {
                Door::Ssh { .. } => Fault::other("ssh is not installed on this machine"),
                Door::Sudo if word.needs_root() => Fault::other("sudo is not installed on this machine"),
                _ => answer::no_helper(&self.door),
            },
            Failure::Start(e) => Fault::other(format!("could not be started: {e}")),
            Failure::TimedOut(limit) => {
                let fault = Fate::Unknown.fault(word.changes(), format!("no answer after {} s", limit.as_secs()));
                if fault.kind == Kind::Unknown { fault.with_hint(answer::LOOK) } else { fault }
            }
            Failure::Interrupted(signal) => Fault::new((*signal).into(), "interrupted")
                .with_hint("check `felhom usb status`: the host may have carried out the request"),
        }
    }
}

/// How long a word may take: a check of a large filesystem and the unpacking of a template take their time.
fn patience(word: Word) -> Duration {
    Duration::from_secs(match word {
        Word::Version | Word::Disks | Word::Sensors | Word::UsbStatus => 90,
        Word::Smart => 10 * 60,
        Word::UsbUnmount => 15 * 60,
        Word::UsbMount | Word::GoldenCreate => 40 * 60,
    })
}
