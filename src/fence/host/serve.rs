//! From a word and the bytes on stdin to one envelope.

use std::io::Read;
use std::sync::mpsc;
use std::time::Duration;

use serde::Serialize;

use super::system::{Host, Real, Tools};
use super::{files, golden, limits, lock, sensors, smart, usb};
use crate::fence::policy::{POLICY_FILE, Policy, not_allowed};
use crate::fence::protocol::{Envelope, ErrorKind, PROTOCOL, REQUEST_CAP, Trouble, Word, parse_request};
use crate::fence::request::{Disks, GoldenCreate, Sensors, Smart, UsbMount, UsbStatus, UsbUnmount, Version, VersionReply};
use crate::interrupt::Interrupt;

/// Time limit for the request to arrive.
const ARRIVAL: Duration = Duration::from_secs(30);

/// Who asks, as sudo tells it.
#[derive(Debug, Clone)]
pub struct Caller(pub String);

impl Caller {
    /// sudo sets these itself; without it, it is the user of this process.
    pub fn of_this_process() -> Self {
        let uid = rustix::process::getuid().as_raw();
        let var = |name| std::env::var(name).ok().filter(|v| v.chars().all(|c| c.is_ascii_graphic()) && v.len() < 64);
        match (uid, var("SUDO_USER"), var("SUDO_UID")) {
            (0, Some(user), Some(sudo_uid)) => Self(format!("{user} (uid {sudo_uid})")),
            _ => Self(format!("uid {uid}")),
        }
    }
}

/// The helper as a program: `felhom-fence WORD`, or the gate. Gives the envelope's line and the exit code.
pub fn run(args: &[String]) -> (String, u8) {
    let caller = Caller::of_this_process();
    let interrupt = match settle() {
        Ok(interrupt) => interrupt,
        Err(trouble) => return line(&Envelope::error(trouble)),
    };
    let tools = Real { interrupt };
    let host = Host::real(&tools);
    let envelope = match word(&host, args).and_then(|word| Ok((word, read_request(std::io::stdin())?))) {
        Ok((word, bytes)) => answer(&host, word, &bytes, &caller),
        Err(trouble) => {
            let _ = tools.log(&format!("refused for {}: {trouble}", caller.0));
            Envelope::error(trouble)
        }
    };
    line(&envelope)
}

/// The word on the command line, or the one that the ssh key's forced command lets through.
fn word(host: &Host<'_>, args: &[String]) -> Result<Word, Trouble> {
    let bad = |text: &str| Err(Trouble::new(ErrorKind::BadRequest, text).with_hint(words()));
    match args {
        [gate] if gate == "gate" => super::gate::pass(host, std::env::var("SSH_ORIGINAL_COMMAND").ok().as_deref()),
        [word] => Word::parse(word).map_or_else(|| bad("there is no such word"), Ok),
        _ => bad("exactly one word is taken, and the request on stdin"),
    }
}

fn words() -> String {
    format!("the words are {}", Word::ALL.map(Word::as_str).join(", "))
}

fn line(envelope: &Envelope) -> (String, u8) {
    let text = serde_json::to_string(envelope)
        .unwrap_or_else(|_| format!(r#"{{"protocol":{PROTOCOL},"error":{{"kind":"internal","message":"the answer cannot be written"}}}}"#));
    (text, envelope.exit())
}

/// Replaces the caller's umask, resource limits and directory by fixed ones. The helper ends when its parent does.
fn settle() -> Result<Interrupt, Trouble> {
    limits::set();
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    rustix::process::chdir("/").map_err(|e| Trouble::io("cannot go to /", &e.into()))?;
    // Where sudo is killed, this process hears of it, and kills what it started.
    let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM));
    Interrupt::install().map_err(|e| Trouble::io("cannot listen for signals", &e))
}

/// Reads stdin to its end, within the time limit and the size cap.
fn read_request(stdin: impl Read + Send + 'static) -> Result<Vec<u8>, Trouble> {
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = stdin.take(REQUEST_CAP as u64 + 1).read_to_end(&mut bytes).map(|_| bytes);
        let _ = tell.send(read);
    });
    match told.recv_timeout(ARRIVAL) {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(e)) => Err(Trouble::io("cannot read the request", &e)),
        Err(_) => Err(Trouble::new(ErrorKind::BadRequest, "no request came on stdin")),
    }
}

/// A request of any word.
enum Ask {
    Version,
    Smart(Smart),
    UsbMount(UsbMount),
    UsbUnmount(UsbUnmount),
    GoldenCreate(GoldenCreate),
    Disks,
    Sensors,
    UsbStatus,
}

impl Ask {
    fn parse(word: Word, bytes: &[u8]) -> Result<Self, Trouble> {
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

    /// The request in a log line, with a leading space; never its secrets.
    fn about(&self) -> String {
        match self {
            Self::UsbMount(ask) => format!(" {} as {}", ask.uuid, ask.name),
            Self::UsbUnmount(ask) => format!(" {}", ask.name),
            Self::GoldenCreate(ask) => format!(" {} from {} on {}", ask.vmid, ask.template, ask.storage),
            Self::Smart(Smart { disk: Some(disk), .. }) => format!(" {disk}"),
            Self::Smart(_) | Self::Version | Self::Disks | Self::Sensors | Self::UsbStatus => String::new(),
        }
    }
}

/// Answers one word. The journal gets a line before anything is done and a line with the result.
pub fn answer(host: &Host<'_>, word: Word, bytes: &[u8], caller: &Caller) -> Envelope {
    // A journal that cannot be written to must not turn a mount that happened into a failure.
    let log = |text: &str| {
        let _ = host.tools().log(&format!("{word} for {}: {text}", caller.0));
    };
    let ask = Ask::parse(word, bytes);
    let about = ask.as_ref().map(Ask::about).unwrap_or_default();
    log(&format!("started{about}"));
    let result = if word.needs_root() && !host.is_root() {
        Err(Trouble::new(ErrorKind::NotRoot, format!("`{word}` works only as root, through sudo")))
    } else {
        ask.and_then(|ask| carry_out(host, word, &ask))
    };
    let mut envelope = match result {
        Ok(value) => {
            log(&format!("ok{about}"));
            Envelope::ok(value)
        }
        Err(trouble) => {
            log(&format!("{:?}: {trouble}", trouble.kind));
            Envelope::error(trouble)
        }
    };
    envelope.host = files::read(host, "/proc/sys/kernel/hostname").ok().flatten().unwrap_or_default().trim().to_owned();
    envelope
}

fn carry_out(host: &Host<'_>, word: Word, ask: &Ask) -> Result<serde_json::Value, Trouble> {
    match ask {
        Ask::Version => value(&version(host)),
        Ask::Smart(ask) => {
            // Reads need no policy, but a broken one refuses everything.
            policy(host)?;
            value(&smart::read(host, ask)?)
        }
        Ask::UsbMount(ask) => change(host, word, |policy| usb::mount(host, policy, ask)),
        Ask::UsbUnmount(ask) => change(host, word, |policy| usb::unmount(host, policy, ask)),
        Ask::GoldenCreate(ask) => change(host, word, |policy| golden::create(host, policy, ask)),
        Ask::Disks => value(&usb::disks(host)?),
        Ask::UsbStatus => value(&usb::status(host)?),
        Ask::Sensors => value(&sensors::read(host)?),
    }
}

fn value<T: Serialize>(reply: &T) -> Result<serde_json::Value, Trouble> {
    serde_json::to_value(reply).map_err(|e| Trouble::internal(format!("the answer cannot be written: {e}")))
}

/// Carries out a word that changes the host, if the policy allows the word, under the lock.
fn change<T: Serialize>(
    host: &Host<'_>,
    word: Word,
    carry_out: impl FnOnce(&Policy) -> Result<T, Trouble>,
) -> Result<serde_json::Value, Trouble> {
    let Some(policy) = policy(host)? else {
        return Err(not_allowed(format_args!("`{word}`: there is no {POLICY_FILE}, and without it only reads work")));
    };
    if !policy.allows(word) {
        return Err(not_allowed(format_args!("`{word}`")));
    }
    let _lock = lock::take(host, word)?;
    value(&carry_out(&policy)?)
}

fn policy(host: &Host<'_>) -> Result<Option<Policy>, Trouble> {
    let Some(text) = files::read_trusted(host, POLICY_FILE)? else { return Ok(None) };
    Policy::parse(&text).map(Some).map_err(|e| Trouble::new(ErrorKind::Policy, format!("{POLICY_FILE} is malformed: {e}")))
}

fn version(host: &Host<'_>) -> VersionReply {
    let (policy, policy_error) = match policy(host) {
        Ok(policy) => (policy, None),
        Err(trouble) => (None, Some(trouble.message)),
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
