//! From a word and the bytes on stdin to one envelope.

use std::io::Read;
use std::sync::mpsc;
use std::time::Duration;

use serde::Serialize;

use super::system::{Host, Real};
use super::{files, golden, lock, sensors, smart, usb};
use crate::fence::policy::{POLICY_FILE, Policy, not_allowed};
use crate::fence::protocol::{Envelope, ErrorKind, Operation, PROTOCOL, REQUEST_CAP, Trouble, Word, parse_request};
use crate::fence::request::{Disks, GoldenCreate, Sensors, Smart, UsbMount, UsbStatus, UsbUnmount, Version, VersionReply};
use crate::interrupt::Interrupt;

/// How long a request may take to arrive: a client that says nothing holds nothing up.
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
    let envelope = match args {
        [gate] if gate == "gate" => match super::gate::pass(&host, std::env::var("SSH_ORIGINAL_COMMAND").ok().as_deref()) {
            Ok(word) => serve(&host, word, &caller),
            Err(trouble) => Envelope::error(trouble),
        },
        [word] => match Word::parse(word) {
            Some(word) => serve(&host, word, &caller),
            None => Envelope::error(Trouble::new(ErrorKind::BadRequest, "there is no such word").with_hint(words())),
        },
        _ => Envelope::error(Trouble::new(ErrorKind::BadRequest, "exactly one word is taken, and the request on stdin").with_hint(words())),
    };
    line(&envelope)
}

fn words() -> String {
    format!("the words are {}", Word::ALL.map(Word::as_str).join(", "))
}

fn line(envelope: &Envelope) -> (String, u8) {
    let text = serde_json::to_string(envelope)
        .unwrap_or_else(|_| format!(r#"{{"protocol":{PROTOCOL},"error":{{"kind":"internal","message":"the answer cannot be written"}}}}"#));
    (text, envelope.exit())
}

/// Leaves the caller's surroundings: its directory, its umask; and ends with it.
fn settle() -> Result<Interrupt, Trouble> {
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    rustix::process::chdir("/").map_err(|e| Trouble::io("cannot go to /", &e.into()))?;
    // Where sudo is killed, this process hears of it, and kills what it started.
    let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM));
    Interrupt::install().map_err(|e| Trouble::io("cannot listen for signals", &e))
}

fn serve(host: &Host<'_>, word: Word, caller: &Caller) -> Envelope {
    match read_request(std::io::stdin()) {
        Ok(bytes) => answer(host, word, &bytes, caller),
        Err(trouble) => Envelope::error(trouble),
    }
}

/// Reads stdin to its end, but not for ever and not without bound.
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

/// Does one word, and writes it down.
pub fn answer(host: &Host<'_>, word: Word, bytes: &[u8], caller: &Caller) -> Envelope {
    let (mut envelope, about) = match dispatch(host, word, bytes) {
        Ok((value, about)) => (Envelope::ok(value), format!("ok{about}")),
        Err(trouble) => {
            let about = format!("{:?}: {trouble}", trouble.kind);
            (Envelope::error(trouble), about)
        }
    };
    envelope.host = files::read(host, "/proc/sys/kernel/hostname").ok().flatten().unwrap_or_default().trim().to_owned();
    // A journal that cannot be written to must not turn a mount that happened into a failure.
    let _ = host.tools().log(&format!("{word} for {}: {about}", caller.0));
    envelope
}

type Answered = Result<(serde_json::Value, String), Trouble>;

fn dispatch(host: &Host<'_>, word: Word, bytes: &[u8]) -> Answered {
    if word.needs_root() && !host.is_root() {
        return Err(Trouble::new(ErrorKind::NotRoot, format!("`{word}` works only as root, through sudo")));
    }
    match word {
        Word::Version => {
            parse_request::<Version>(bytes)?;
            value(&version(host), String::new())
        }
        Word::Smart => {
            let ask = parse_request::<Smart>(bytes)?;
            // Reads need no policy, but a broken one closes every door.
            policy(host)?;
            value(&smart::read(host, &ask)?, String::new())
        }
        Word::UsbMount => change::<UsbMount>(host, bytes, |host, policy, ask| {
            let about = format!(" {} as {}", ask.uuid, ask.name);
            Ok((usb::mount(host, policy, &ask)?, about))
        }),
        Word::UsbUnmount => change::<UsbUnmount>(host, bytes, |host, policy, ask| {
            let about = format!(" {}", ask.name);
            Ok((usb::unmount(host, policy, &ask)?, about))
        }),
        Word::GoldenCreate => change::<GoldenCreate>(host, bytes, |host, policy, ask| {
            let about = format!(" {} from {} on {}", ask.vmid, ask.template, ask.storage);
            Ok((golden::create(host, policy, &ask)?, about))
        }),
        Word::Disks => {
            parse_request::<Disks>(bytes)?;
            value(&usb::disks(host)?, String::new())
        }
        Word::UsbStatus => {
            parse_request::<UsbStatus>(bytes)?;
            value(&usb::status(host)?, String::new())
        }
        Word::Sensors => {
            parse_request::<Sensors>(bytes)?;
            value(&sensors::read(host)?, String::new())
        }
    }
}

fn value<T: Serialize>(reply: &T, about: String) -> Answered {
    serde_json::to_value(reply).map(|v| (v, about)).map_err(|e| Trouble::internal(format!("the answer cannot be written: {e}")))
}

/// A word that changes something: the policy first, then the lock, then the deed.
fn change<T: Operation>(
    host: &Host<'_>,
    bytes: &[u8],
    deed: impl FnOnce(&Host<'_>, &Policy, T) -> Result<(T::Reply, String), Trouble>,
) -> Answered {
    let ask = parse_request::<T>(bytes)?;
    let Some(policy) = policy(host)? else {
        return Err(not_allowed(format_args!("`{}`: there is no {POLICY_FILE}, and without it only reads work", T::WORD)));
    };
    if !policy.allows(T::WORD) {
        return Err(not_allowed(format_args!("`{}`", T::WORD)));
    }
    let _lock = lock::take(host, T::WORD)?;
    let (reply, about) = deed(host, &policy, ask)?;
    value(&reply, about)
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
