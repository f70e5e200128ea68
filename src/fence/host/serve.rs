//! Runs one command: from its name and the request on stdin to the envelope.

use std::io::Read;
use std::sync::mpsc;
use std::time::Duration;

use serde::Serialize;

use super::system::{Host, Real, Tools};
use super::{files, golden, limits, lock, sensors, smart, usb};
use crate::fence::policy::{POLICY_FILE, Policy, not_allowed};
use crate::fence::protocol::{Envelope, ErrorKind, HelperError, PROTOCOL, REQUEST_CAP, Word, parse_request};
use crate::fence::request::{Disks, GoldenCreate, Sensors, Smart, UsbMount, UsbStatus, UsbUnmount, Version, VersionReply};
use crate::interrupt::Interrupt;

/// Time limit for the request to arrive.
const STDIN_LIMIT: Duration = Duration::from_secs(30);

/// The calling user, from sudo's variables.
#[derive(Debug, Clone)]
pub struct Caller(pub String);

impl Caller {
    /// Returns the user that sudo reports, or the user of this process.
    pub fn of_this_process() -> Self {
        let uid = rustix::process::getuid().as_raw();
        let var = |name| std::env::var(name).ok().filter(|v| v.chars().all(|c| c.is_ascii_graphic()) && v.len() < 64);
        match (uid, var("SUDO_USER"), var("SUDO_UID")) {
            (0, Some(user), Some(sudo_uid)) => Self(format!("{user} (uid {sudo_uid})")),
            _ => Self(format!("uid {uid}")),
        }
    }
}

/// Runs `felhom-fence COMMAND` or `felhom-fence gate`. Returns the envelope as a line of JSON, and the exit code.
pub fn run(args: &[String]) -> (String, u8) {
    let caller = Caller::of_this_process();
    let interrupt = match reset_environment() {
        Ok(interrupt) => interrupt,
        Err(error) => return line(&Envelope::error(error)),
    };
    let tools = Real { interrupt };
    let host = Host::real(&tools);
    let envelope = match word(&host, args).and_then(|word| Ok((word, read_request(std::io::stdin())?))) {
        Ok((word, bytes)) => answer(&host, word, &bytes, &caller),
        Err(error) => {
            let _ = tools.log(&format!("refused for {}: {error}", caller.0));
            Envelope::error(error)
        }
    };
    line(&envelope)
}

/// Returns the command from the command line, or the one that the forced command allows.
fn word(host: &Host<'_>, args: &[String]) -> Result<Word, HelperError> {
    let bad = |text: &str| Err(HelperError::new(ErrorKind::BadRequest, text).with_hint(words()));
    match args {
        [gate] if gate == "gate" => super::gate::pass(host, std::env::var("SSH_ORIGINAL_COMMAND").ok().as_deref()),
        [word] => Word::parse(word).map_or_else(|| bad("unknown command"), Ok),
        _ => bad("expected exactly one command, and the request on stdin"),
    }
}

fn words() -> String {
    format!("use one of {}", Word::ALL.map(Word::as_str).join(", "))
}

fn line(envelope: &Envelope) -> (String, u8) {
    let text = serde_json::to_string(envelope)
        .unwrap_or_else(|_| format!(r#"{{"protocol":{PROTOCOL},"error":{{"kind":"internal","message":"cannot serialize the answer"}}}}"#));
    (text, envelope.exit())
}

/// Replaces the caller's umask, resource limits and directory by fixed ones. The helper ends with its parent process.
fn reset_environment() -> Result<Interrupt, HelperError> {
    limits::set();
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    rustix::process::chdir("/").map_err(|e| HelperError::io("cannot change to /", &e.into()))?;
    // If sudo is killed, this process gets SIGTERM and ends the programs that it started.
    let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM));
    Interrupt::install().map_err(|e| HelperError::io("cannot install signal handlers", &e))
}

/// Reads stdin to its end, within a time and a size limit.
fn read_request(stdin: impl Read + Send + 'static) -> Result<Vec<u8>, HelperError> {
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = stdin.take(REQUEST_CAP as u64 + 1).read_to_end(&mut bytes).map(|_| bytes);
        let _ = tell.send(read);
    });
    match told.recv_timeout(STDIN_LIMIT) {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(e)) => Err(HelperError::io("cannot read the request", &e)),
        Err(_) => Err(HelperError::new(ErrorKind::BadRequest, "no request on stdin")),
    }
}

/// The request of any command.
enum AnyRequest {
    Version,
    Smart(Smart),
    UsbMount(UsbMount),
    UsbUnmount(UsbUnmount),
    GoldenCreate(GoldenCreate),
    Disks,
    Sensors,
    UsbStatus,
}

impl AnyRequest {
    fn parse(word: Word, bytes: &[u8]) -> Result<Self, HelperError> {
        Ok(match word {
            Word::Version => parse_request::<Version>(bytes).map(|_| Self::Version)?,
            Word::Smart => Self::Smart(parse_request(bytes)?),
            Word::UsbMount => Self::UsbMount(parse_request(bytes)?),
            Word::UsbUnmount => Self::UsbUnmount(parse_request(bytes)?),
            Word::GoldenCreate => Self::GoldenCreate(parse_request(bytes)?),
            Word::Disks => parse_request::<Disks>(bytes).map(|_| Self::Disks)?,
            Word::Sensors => parse_request::<Sensors>(bytes).map(|_| Self::Sensors)?,
            Word::UsbStatus => parse_request::<UsbStatus>(bytes).map(|_| Self::UsbStatus)?,
        })
    }

    /// Returns a summary for the journal, with a leading space and without secrets.
    fn summary(&self) -> String {
        match self {
            Self::UsbMount(request) => format!(" {} as {}", request.uuid, request.name),
            Self::UsbUnmount(request) => format!(" {}", request.name),
            Self::GoldenCreate(request) => format!(" {} from {} on {}", request.vmid, request.template, request.storage),
            Self::Smart(Smart { disk: Some(disk), .. }) => format!(" {disk}"),
            Self::Smart(_) | Self::Version | Self::Disks | Self::Sensors | Self::UsbStatus => String::new(),
        }
    }
}

/// Runs one command. It writes a line to the journal before it acts, and one with the result.
pub fn answer(host: &Host<'_>, word: Word, bytes: &[u8], caller: &Caller) -> Envelope {
    // A failure to write to the journal must not turn a successful mount into an error.
    let log = |text: &str| {
        let _ = host.tools().log(&format!("{word} for {}: {text}", caller.0));
    };
    let request = AnyRequest::parse(word, bytes);
    let summary = request.as_ref().map(AnyRequest::summary).unwrap_or_default();
    log(&format!("started{summary}"));
    let result = if word.needs_root() && !host.is_root() {
        Err(HelperError::new(ErrorKind::NotRoot, format!("`{word}` needs root: run it through sudo")))
    } else {
        request.and_then(|request| carry_out(host, word, &request))
    };
    let mut envelope = match result {
        Ok(value) => {
            log(&format!("ok{summary}"));
            Envelope::ok(value)
        }
        Err(error) => {
            log(&format!("{:?}: {error}", error.kind));
            Envelope::error(error)
        }
    };
    envelope.host = files::read(host, "/proc/sys/kernel/hostname").ok().flatten().unwrap_or_default().trim().to_owned();
    envelope
}

fn carry_out(host: &Host<'_>, word: Word, request: &AnyRequest) -> Result<serde_json::Value, HelperError> {
    match request {
        AnyRequest::Version => value(&version(host)),
        AnyRequest::Smart(request) => {
            // Reading needs no policy, but an invalid policy refuses everything.
            policy(host)?;
            value(&smart::read(host, request)?)
        }
        AnyRequest::UsbMount(request) => change(host, word, |policy| usb::mount(host, policy, request)),
        AnyRequest::UsbUnmount(request) => change(host, word, |policy| usb::unmount(host, policy, request)),
        AnyRequest::GoldenCreate(request) => change(host, word, |policy| golden::create(host, policy, request)),
        AnyRequest::Disks => value(&usb::disks(host)?),
        AnyRequest::UsbStatus => value(&usb::status(host)?),
        AnyRequest::Sensors => value(&sensors::read(host)?),
    }
}

fn value<T: Serialize>(reply: &T) -> Result<serde_json::Value, HelperError> {
    serde_json::to_value(reply).map_err(|e| HelperError::internal(format!("cannot serialize the answer: {e}")))
}

/// Runs a command that changes the host: the policy must allow it, and the lock must be free.
fn change<T: Serialize>(
    host: &Host<'_>,
    word: Word,
    carry_out: impl FnOnce(&Policy) -> Result<T, HelperError>,
) -> Result<serde_json::Value, HelperError> {
    let Some(policy) = policy(host)? else {
        return Err(not_allowed(format_args!("`{word}`: without {POLICY_FILE}, only commands that read are allowed")));
    };
    if !policy.allows(word) {
        return Err(not_allowed(format_args!("`{word}`")));
    }
    let _lock = lock::take(host, word)?;
    value(&carry_out(&policy)?)
}

fn policy(host: &Host<'_>) -> Result<Option<Policy>, HelperError> {
    let Some(text) = files::read_trusted(host, POLICY_FILE)? else { return Ok(None) };
    Policy::parse(&text).map(Some).map_err(|e| HelperError::new(ErrorKind::Policy, format!("{POLICY_FILE} is malformed: {e}")))
}

fn version(host: &Host<'_>) -> VersionReply {
    let (policy, policy_error) = match policy(host) {
        Ok(policy) => (policy, None),
        Err(error) => (None, Some(error.message)),
    };
    let words = Word::ALL.into_iter().filter(|w| !w.changes() || policy.as_ref().is_some_and(|p| p.allows(*w)));
    VersionReply {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        protocol: PROTOCOL,
        words: words.map(|w| w.as_str().to_owned()).collect(),
        policy,
        policy_error,
    }
}
