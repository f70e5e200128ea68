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
    match find(fence)? {
        Kind::Sudo => at_sudo(fence),
        Kind::Gate => at_gate(fence),
    }
}

/// What one line came to.
struct Came {
    code: i32,
    stdout: String,
}

/// Behind a shell all lines go in one connection, each between marks.
fn at_sudo(fence: &Fence) -> Result<Vec<Proof>> {
    let near = near_misses();
    let words = Word::ALL.map(remote_line);
    let lines: Vec<&str> = words.iter().map(String::as_str).chain([LISTING]).chain(near.iter().map(|(_, line)| line.as_str())).collect();
    let harmless = String::from_utf8_lossy(HARMLESS);
    let script: String = lines
        .iter()
        .enumerate()
        .map(|(number, line)| {
            format!("printf '\\n<{number}>\\n'; printf '%s' '{harmless}' | ( {line} ) 2>&1; printf '\\n</{number} %s>\\n' $?\n")
        })
        .collect();
    let done = fence.line("/bin/sh", script.as_bytes())?;
    let text = done.stdout_text();
    let came = |number: usize| -> Result<Came> {
        let after = text.split_once(&format!("\n<{number}>\n")).map(|(_, rest)| rest);
        let found = after.and_then(|rest| rest.split_once(&format!("\n</{number} ")));
        let (stdout, rest) = found.ok_or_else(|| fence.unanswered(&done))?;
        let code = rest.split('>').next().and_then(|c| c.parse().ok()).unwrap_or(-1);
        Ok(Came { code, stdout: stdout.to_owned() })
    };
    let mut proofs = Vec::new();
    for (number, word) in Word::ALL.into_iter().enumerate() {
        proofs.push(allowed(Kind::Sudo, word, &came(number)?));
    }
    proofs.push(listing(&came(Word::ALL.len())?));
    for (number, (tried, _)) in near.iter().enumerate() {
        proofs.push(refused_by_sudo(tried, &came(Word::ALL.len() + 1 + number)?));
    }
    Ok(proofs)
}

/// The gate takes one word a connection: a few connections at a time.
fn at_gate(fence: &Fence) -> Result<Vec<Proof>> {
    let misses = gate_misses();
    let words = Word::ALL.map(|word| (Some(word), String::new(), remote_line(word)));
    let tries: Vec<(Option<Word>, String, String)> =
        words.into_iter().chain(misses.into_iter().map(|(tried, line)| (None, tried.to_owned(), line))).collect();
    let one = |(word, tried, line): &(Option<Word>, String, String)| -> Result<Proof> {
        let done = fence.line(line, HARMLESS)?;
        let came = Came { code: done.code.unwrap_or(-1), stdout: done.stdout_text() };
        Ok(match word {
            Some(word) => allowed(Kind::Gate, *word, &came),
            None => refused_by_gate(tried, &came),
        })
    };
    std::thread::scope(|scope| {
        let size = tries.len().div_ceil(4);
        let threads: Vec<_> = tries.chunks(size).map(|some| scope.spawn(|| some.iter().map(one).collect::<Result<Vec<_>>>())).collect();
        let mut proofs = Vec::new();
        for thread in threads {
            proofs.extend(thread.join().unwrap_or_else(|_| Err(Fault::other("a proof broke off")))?);
        }
        Ok(proofs)
    })
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

fn allowed(door: Kind, word: Word, came: &Came) -> Proof {
    let error = answer_envelope(came.stdout.as_bytes()).and_then(|e| e.error);
    let ok = error.as_ref().is_some_and(|e| e.kind == ErrorKind::Protocol);
    let seen = match error {
        Some(_) if ok => "allowed".to_owned(),
        Some(error) => error.message,
        None => format!("refused: {}", last(came)),
    };
    let tried = if word.needs_root() { format!("`{word}` as root") } else { format!("`{word}`") };
    Proof { door, tried, expected: "allowed", seen, ok }
}

fn last(came: &Came) -> String {
    match came.stdout.lines().rev().map(str::trim).find(|l| !l.is_empty()) {
        Some(line) => line.to_owned(),
        None => format!("ended with {}", came.code),
    }
}

/// The whole of what sudo would let through.
const LISTING: &str = "LC_ALL=C sudo -n -l";

fn listing(came: &Came) -> Proof {
    let beyond = sudoers::beyond(&came.stdout);
    let known = came.code == 0 && came.stdout.contains("may run the following commands");
    let seen = match (known, beyond.as_slice()) {
        (false, _) => format!("no list: {}", last(came)),
        (true, []) => "refused".to_owned(),
        (true, more) => format!("allowed: {}", more.join("; ")),
    };
    Proof { door: Kind::Sudo, tried: "anything else in sudo's own list".into(), expected: "refused", ok: seen == "refused", seen }
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
        (
            "the environment kept (-E)",
            format!("sudo --version 2>&1 </dev/null | grep -qi sudo-rs && echo '{IGNORED}'; sudo -n -E {HELPER} version"),
        ),
        ("a variable set", sudo(&format!("FELHOM_X=1 {HELPER} version"))),
        ("a library loaded", sudo(&format!("LD_PRELOAD=/tmp/x.so {HELPER} version"))),
        ("a file edited (-e)", "EDITOR=/bin/true sudo -n -e /etc/hostname".to_owned()),
        // A link of the same name would do no harm: sudo runs the path that its rule names, whatever led there.
        ("a link of another name", elsewhere(&format!("ln -s {HELPER} \"$d/fence\""), "fence")),
        ("another program by its name", elsewhere("ln -s /usr/bin/id \"$d/felhom-fence\"", "felhom-fence")),
        ("a copy elsewhere", elsewhere(&format!("cp {HELPER} \"$d/felhom-fence\""), "felhom-fence")),
        ("another program", sudo("/usr/bin/id -u")),
        ("a root shell", sudo("/bin/sh -c 'id -u'")),
        ("writing to the helper", format!("test -w {HELPER} || test -w /usr/libexec/felhom || test -w /usr/libexec")),
        ("writing to its policy", "test -w /etc/felhom/fence.toml || test -w /etc/felhom".to_owned()),
    ]
}

/// Something of the caller's own in a directory of its own, tried through sudo.
fn elsewhere(make: &str, name: &str) -> String {
    format!("d=$(mktemp -d) && {make} && sudo -n \"$d/{name}\" version; r=$?; rm -rf \"$d\"; exit $r")
}

fn refused_by_sudo(tried: &str, came: &Came) -> Proof {
    let through = answer_envelope(came.stdout.as_bytes()).is_some() || came.code == 0 || came.stdout.trim() == "0";
    let seen = match through {
        // sudo-rs runs the word and keeps nothing of the environment, which is what the proof is about.
        true if came.stdout.contains(IGNORED) => "ignored",
        true => "allowed",
        false => "refused",
    };
    Proof { door: Kind::Sudo, tried: tried.to_owned(), expected: "refused", ok: seen != "allowed", seen: seen.to_owned() }
}

/// What sudo-rs says to `-E` from some version on; the older ones ignore it without a word, so it is said for them.
const IGNORED: &str = "preserving the entire environment is not supported";

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

fn refused_by_gate(tried: &str, came: &Came) -> Proof {
    let error = answer_envelope(came.stdout.as_bytes()).and_then(|e| e.error);
    let ok = error.as_ref().is_some_and(|e| e.kind == ErrorKind::Gate);
    let seen = if ok { "refused".to_owned() } else { format!("not refused by the gate: {}", last(came)) };
    Proof { door: Kind::Gate, tried: tried.to_owned(), expected: "refused", seen, ok }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_that_sudo_rs_ignores_is_told_from_one_that_is_taken() {
        let answer = r#"{"protocol":1,"host":"h","error":{"kind":"protocol","message":"x"}}"#;
        let seen = |stdout: String| {
            let proof = refused_by_sudo("the environment kept (-E)", &Came { code: 10, stdout });
            (proof.seen, proof.ok)
        };
        assert_eq!(seen(format!("sudo: {IGNORED}, '-E' is ignored\n{answer}\n")), ("ignored".to_owned(), true));
        assert_eq!(seen(format!("{answer}\n")), ("allowed".to_owned(), false));
        assert_eq!(seen("sudo: a password is required".to_owned()), ("refused".to_owned(), true));
    }
}
