//! `fence check`: proves from the outside what the door lets through, and that near misses are refused.

use serde::Serialize;

use super::client::{Door, Fence, answer_envelope};
use super::host::gate::remote_line;
use super::protocol::{ErrorKind, HELPER, Word};
use super::sudoers;
use crate::fault::{Fault, Result};

/// Which kind of door was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A shell, and sudo behind it.
    Sudo,
    /// A key that may ask for words alone.
    Gate,
}

impl Kind {
    pub fn word(self) -> &'static str {
        match self {
            Self::Sudo => "sudo",
            Self::Gate => "gate",
        }
    }
}

/// One thing that was tried at the door.
#[derive(Debug, Clone, Serialize)]
pub struct Proof {
    pub door: Kind,
    /// In words.
    pub tried: String,
    /// `allowed` or `refused`.
    pub expected: &'static str,
    pub seen: String,
    pub ok: bool,
}

/// A request that no helper carries out: it is of protocol 0. The refusal shows that the word was let through, as root where
/// it needs root, since that is looked at first.
const HARMLESS: &[u8] = br#"{"protocol":0,"request":{}}"#;

/// Tries every word, and every near miss.
pub fn check(fence: &Fence) -> Result<Vec<Proof>> {
    match fence.door() {
        Door::Ssh { .. } | Door::Sudo => {}
        _ => {
            return Err(Fault::usage("there is no door to check: as root everything is allowed")
                .with_hint("run it as the user that the fence is for, or over ssh"));
        }
    }
    let door = find(fence)?;
    let mut proofs = Vec::new();
    for word in Word::ALL {
        proofs.push(allowed(fence, door, word)?);
    }
    match door {
        Kind::Sudo => {
            proofs.push(listing(fence)?);
            for (tried, line) in near_misses() {
                proofs.push(refused_by_sudo(fence, tried, &line)?);
            }
        }
        Kind::Gate => {
            for (tried, line) in gate_misses() {
                proofs.push(refused_by_gate(fence, tried, &line)?);
            }
        }
    }
    Ok(proofs)
}

fn find(fence: &Fence) -> Result<Kind> {
    let done = fence.line("echo felhom-door", b"")?;
    if done.stdout_text().lines().any(|l| l.trim() == "felhom-door") {
        return Ok(Kind::Sudo);
    }
    match answer_envelope(&done.stdout).and_then(|e| e.error) {
        Some(error) if error.kind == ErrorKind::Gate => Ok(Kind::Gate),
        _ => Err(fence.unanswered(&done)),
    }
}

fn allowed(fence: &Fence, door: Kind, word: Word) -> Result<Proof> {
    let done = fence.line(&remote_line(word), HARMLESS)?;
    let error = answer_envelope(&done.stdout).and_then(|e| e.error);
    let ok = error.as_ref().is_some_and(|e| e.kind == ErrorKind::Protocol);
    let seen = match error {
        Some(_) if ok => "allowed".to_owned(),
        Some(error) => error.message,
        None => format!("refused: {}", fence.unanswered(&done).message),
    };
    let tried = if word.needs_root() { format!("`{word}` as root") } else { format!("`{word}`") };
    Ok(Proof { door, tried, expected: "allowed", seen, ok })
}

/// The whole of what sudo would let through.
fn listing(fence: &Fence) -> Result<Proof> {
    let done = fence.line("LC_ALL=C sudo -n -l", b"")?;
    let beyond = sudoers::beyond(&done.stdout_text());
    let known = done.ok() && done.stdout_text().contains("may run the following commands");
    let seen = match (known, beyond.as_slice()) {
        (false, _) => format!("no list: {}", done.stderr_text()),
        (true, []) => "refused".to_owned(),
        (true, more) => format!("allowed: {}", more.join("; ")),
    };
    Ok(Proof { door: Kind::Sudo, tried: "anything else in sudo's own list".into(), expected: "refused", ok: seen == "refused", seen })
}

/// Command lines close to the allowed ones. Where one is let through, the helper refuses it still, or `id` tells.
fn near_misses() -> Vec<(&'static str, String)> {
    let sudo = |rest: &str| format!("sudo -n {rest}");
    let helper = |rest: &str| format!("sudo -n {HELPER} {rest}");
    vec![
        ("no word", format!("sudo -n {HELPER}")),
        ("one more argument", helper("version x")),
        ("an empty argument more", helper("version ''")),
        ("two words as one", helper("'version smart'")),
        ("a longer word", helper("versionx")),
        ("a word in capitals", helper("VERSION")),
        ("another word", helper("shell")),
        ("the gate as root", helper("gate")),
        ("`disks` as root", helper("disks")),
        ("`sensors` as root", helper("sensors")),
        ("`usb-status` as root", helper("usb-status")),
        ("as another user (-u)", sudo(&format!("-u nobody {HELPER} version"))),
        ("as another group (-g)", sudo(&format!("-g nogroup {HELPER} version"))),
        ("a shell (-s)", sudo("-s id -u")),
        ("a login shell (-i)", sudo("-i id -u")),
        ("another directory (-D)", sudo(&format!("-D /tmp {HELPER} version"))),
        ("another root (-R)", sudo(&format!("-R /tmp {HELPER} version"))),
        ("the environment kept (-E)", sudo(&format!("-E {HELPER} version"))),
        ("a variable set", sudo(&format!("FELHOM_X=1 {HELPER} version"))),
        ("a library loaded", sudo(&format!("LD_PRELOAD=/tmp/x.so {HELPER} version"))),
        ("a file edited (-e)", "EDITOR=/bin/true sudo -n -e /etc/hostname".to_owned()),
        (
            "a link to the helper",
            format!(
                "d=$(mktemp -d) && ln -s {HELPER} \"$d/felhom-fence\" && sudo -n \"$d/felhom-fence\" version; r=$?; rm -rf \"$d\"; exit $r"
            ),
        ),
        ("another program", sudo("/usr/bin/id -u")),
        ("a root shell", sudo("/bin/sh -c 'id -u'")),
        ("writing to the helper", format!("test -w {HELPER} || test -w /usr/libexec/felhom || test -w /usr/libexec")),
        ("writing to its policy", "test -w /etc/felhom/fence.toml || test -w /etc/felhom".to_owned()),
    ]
}

fn refused_by_sudo(fence: &Fence, tried: &str, line: &str) -> Result<Proof> {
    let done = fence.line(line, HARMLESS)?;
    let through = answer_envelope(&done.stdout).is_some() || done.ok() || done.stdout_text().trim() == "0";
    let seen = if through { "allowed".to_owned() } else { "refused".to_owned() };
    Ok(Proof { door: Kind::Sudo, tried: tried.to_owned(), expected: "refused", ok: !through, seen })
}

fn gate_misses() -> Vec<(&'static str, String)> {
    let line = remote_line(Word::Version);
    vec![
        ("no word", String::new()),
        ("one more argument", "version x".to_owned()),
        ("another word", "shell".to_owned()),
        ("the gate itself", "gate".to_owned()),
        ("a second command", "version; id".to_owned()),
        ("a second line", "version\nid".to_owned()),
        ("a command behind the usual line", format!("{line}; id")),
        ("another option of sudo", line.replace("-n", "-n -u nobody")),
        ("a root word without sudo", format!("{HELPER} smart")),
        ("a shell", "/bin/sh".to_owned()),
        ("a file copy", "scp -t /".to_owned()),
        ("a file server", "internal-sftp".to_owned()),
    ]
}

fn refused_by_gate(fence: &Fence, tried: &str, line: &str) -> Result<Proof> {
    let done = fence.line(line, HARMLESS)?;
    let error = answer_envelope(&done.stdout).and_then(|e| e.error);
    let ok = error.as_ref().is_some_and(|e| e.kind == ErrorKind::Gate);
    let seen = if ok { "refused".to_owned() } else { format!("not refused by the gate: {}", done.stdout_text().trim()) };
    Ok(Proof { door: Kind::Gate, tried: tried.to_owned(), expected: "refused", seen, ok })
}
