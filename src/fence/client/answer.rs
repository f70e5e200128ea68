//! Classifies the outcome of a call: an envelope, or an error of sudo, ssh or a missing helper.

use crate::exec::Done;
use crate::fault::{Fate, Fault, Kind, Result};
use crate::fence::policy::POLICY_FILE;
use crate::fence::protocol::{Envelope, ErrorKind, HelperError, PROTOCOL, Word};
use crate::transport::ssh::SshTrouble;

use super::Connection;

/// The hint for a change with an unknown outcome.
pub(super) const CHECK_FIRST: &str = "check `felhom usb status` or `felhom guest list` before you try again";

/// Finds the envelope in the output. A login shell may print other lines before it.
pub(in crate::fence) fn envelope(stdout: &[u8]) -> Option<Envelope> {
    let text = std::str::from_utf8(stdout).ok()?;
    text.lines().rev().map(str::trim).filter(|l| l.starts_with('{')).find_map(|l| serde_json::from_str(l).ok())
}

/// Returns the envelope, or an error that says why there is none.
pub(super) fn read(connection: &Connection, word: Word, done: &Done) -> Result<Envelope> {
    if let Some(envelope) = envelope(&done.stdout) {
        if envelope.protocol == PROTOCOL {
            return Ok(envelope);
        }
        let (older, newer) = if envelope.protocol < PROTOCOL { ("the helper", "felhom") } else { ("felhom", "the helper") };
        return Err(Fault::other(format!("the helper uses protocol {}, felhom uses {PROTOCOL}", envelope.protocol))
            .with_hint(format!("{older} is older than {newer}: run `felhom fence install` to install the matching helper")));
    }
    let said = done.stderr_text();
    let ssh = matches!(connection, Connection::Ssh { .. });
    Err(match done.code {
        Some(255) if ssh => ssh_fault(word, &said),
        _ if said.contains("sudo: not found") || said.contains("sudo: command not found") || said.contains("sudo: No such file") => {
            Fault::other("sudo is not installed on the host").with_hint("run `apt install sudo` on the host, then `felhom fence install`")
        }
        Some(126 | 127) => no_helper(connection),
        _ if said.contains("command not found") || said.contains("No such file or directory") => no_helper(connection),
        _ if said.contains("a password is required")
            || said.contains("authentication is required")
            || said.contains("not allowed to")
            || said.contains("not in the sudoers file")
            || said.contains("may not run sudo") =>
        {
            Fault::new(Kind::Denied, format!("sudo refuses `{word}`: {}", last(&said)))
                .with_hint("run `felhom fence install` to write the sudoers rule; `felhom fence check` lists the allowed commands")
        }
        code if word.changes() => {
            Fate::Unknown.fault(true, format!("no answer ({}): {}", ended(code, done.signal), last(&said))).with_hint(CHECK_FIRST)
        }
        code => Fault::other(format!("no answer ({}): {}", ended(code, done.signal), last(&said))),
    })
}

/// Returns the error for an answer without a usable result. The helper may have carried out a change.
pub(super) fn unreadable(word: Word, why: &str) -> Fault {
    let message = format!("the helper's answer to `{word}` {why}");
    if word.changes() { Fate::Unknown.fault(true, message).with_hint(CHECK_FIRST) } else { Fault::other(message) }
}

pub(super) fn no_helper(connection: &Connection) -> Fault {
    let how = match connection {
        Connection::Ssh { host } => format!("run `felhom fence install --ssh root@{}`", host.rsplit('@').next().unwrap_or_default()),
        _ => "run `felhom fence install --local` as root".to_owned(),
    };
    Fault::other("the root helper is not installed").with_hint(how)
}

fn ended(code: Option<i32>, signal: Option<i32>) -> String {
    match (code, signal) {
        (Some(code), _) => format!("exit code {code}"),
        (None, signal) => format!("signal {}", signal.unwrap_or_default()),
    }
}

fn last(said: &str) -> &str {
    said.lines().rev().map(str::trim).find(|l| !l.is_empty()).unwrap_or("no message")
}

/// Classifies exit code 255 of ssh. ssh also returns it if the remote process was killed, so a change has failed for certain only if
/// ssh's message says that the command did not start.
fn ssh_fault(word: Word, said: &str) -> Fault {
    let text = format!("ssh: {}", last(said));
    match SshTrouble::read(said) {
        SshTrouble::UnknownHostKey => Fault::new(Kind::Untrusted, "the host's SSH key is not known").with_hint(
            "connect once with ssh and compare the fingerprint with `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` on the host",
        ),
        SshTrouble::ChangedHostKey => Fault::new(Kind::Untrusted, "the host's SSH key has changed")
            .with_hint("find out why (reinstalled host, or an attack), then run `ssh-keygen -R HOST` to remove the old key"),
        SshTrouble::Denied => Fault::new(Kind::Unauthenticated, text)
            .with_hint("add your key to the user's authorized_keys or load it into an SSH agent: felhom does not ask for passwords here"),
        error => {
            let fault = error.fate().fault(word.changes(), text);
            if fault.kind == Kind::Unknown { fault.with_hint(CHECK_FIRST) } else { fault }
        }
    }
}

/// Converts an error of the helper into a fault.
pub fn fault_of(word: Word, error: HelperError) -> Fault {
    let kind = match error.kind {
        ErrorKind::BadRequest => Kind::BadParameter,
        ErrorKind::Protocol | ErrorKind::Internal | ErrorKind::ToolMissing => Kind::Other,
        ErrorKind::NotRoot | ErrorKind::Policy | ErrorKind::Gate => Kind::Denied,
        ErrorKind::Refused => Kind::Refused,
        ErrorKind::NotFound => Kind::NotFound,
        ErrorKind::Exists => Kind::Exists,
        ErrorKind::Busy => Kind::Locked,
        ErrorKind::Tool => Kind::Host,
        ErrorKind::TimedOut | ErrorKind::Interrupted if word.changes() => Kind::Unknown,
        ErrorKind::TimedOut | ErrorKind::Interrupted => Kind::Other,
    };
    let refused = matches!(error.kind, ErrorKind::Refused | ErrorKind::Exists | ErrorKind::Busy);
    let mut fault = if refused { Fault::refused_as(kind, error.message) } else { Fault::new(kind, error.message) };
    fault.hint = error.hint.or_else(|| match error.kind {
        ErrorKind::Protocol => Some("run `felhom fence install` to install the matching helper".into()),
        ErrorKind::Policy => Some(format!("correct {POLICY_FILE} on the host; `felhom fence show` prints the current policy")),
        ErrorKind::NotRoot | ErrorKind::Gate => Some("run `felhom fence check` to test how the root helper is called".into()),
        ErrorKind::Busy => Some("try again later".into()),
        ErrorKind::Refused => Some("run `felhom usb list` to see which disks can be mounted".into()),
        ErrorKind::Exists | ErrorKind::BadRequest | ErrorKind::Internal => {
            Some("read the host's journal: `journalctl -t felhom-fence`".into())
        }
        _ => None,
    });
    fault.log = error.text.unwrap_or_default().lines().map(ToOwned::to_owned).collect();
    fault
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done(code: i32, stdout: &str, stderr: &str) -> Done {
        Done { code: Some(code), signal: None, stdout: stdout.into(), stderr: stderr.into(), cut: false }
    }

    fn ssh() -> Connection {
        Connection::Ssh { host: "felhom@192.0.2.10".into() }
    }

    #[test]
    fn an_envelope_counts_despite_other_output() {
        let noisy = done(0, "Welcome!\n{\"protocol\":1,\"ok\":{\"a\":1}}\n", "sudo: unable to resolve host pve1");
        assert!(read(&ssh(), Word::Version, &noisy).expect("an answer").ok.is_some());
        // Exit code 0 without an envelope is not a success.
        assert!(read(&ssh(), Word::Version, &done(0, "", "")).is_err());
        assert!(read(&ssh(), Word::Version, &done(0, "{\"ok\":1}", "")).is_err());
    }

    #[test]
    fn each_failure_has_its_kind() {
        let kind = |word: Word, code: i32, stderr: &str| read(&ssh(), word, &done(code, "", stderr)).expect_err(stderr).kind;
        assert_eq!(kind(Word::Smart, 255, "ssh: connect to host x port 22: Connection refused"), Kind::Unreachable);
        assert_eq!(kind(Word::Smart, 255, "op@x: Permission denied (publickey)."), Kind::Unauthenticated);
        assert_eq!(kind(Word::Smart, 255, "Host key verification failed."), Kind::Untrusted);
        assert_eq!(kind(Word::Smart, 255, "Connection to x closed by remote host."), Kind::Unreachable);
        assert_eq!(kind(Word::UsbMount, 255, "Connection to x closed by remote host."), Kind::Unknown);
        assert_eq!(kind(Word::UsbMount, 255, ""), Kind::Unknown);
        assert_eq!(kind(Word::UsbMount, 255, "ssh: connect to host x port 22: Connection refused"), Kind::Unreachable);
        assert_eq!(kind(Word::UsbMount, 1, "sudo: a password is required"), Kind::Denied);
        assert_eq!(kind(Word::UsbMount, 137, ""), Kind::Unknown);
        let text = |code: i32, stderr: &str| read(&ssh(), Word::Smart, &done(code, "", stderr)).expect_err(stderr);
        assert_eq!(
            text(127, "sh: 1: /usr/libexec/felhom/felhom-fence: not found").hint(),
            "run `felhom fence install --ssh root@192.0.2.10`"
        );
        assert!(text(1, "sudo: /usr/libexec/felhom/felhom-fence: command not found").message.contains("helper is not installed"));
        assert!(text(127, "sh: 1: sudo: not found").message.contains("sudo is not installed"));
    }

    #[test]
    fn a_protocol_mismatch_names_the_older_side() {
        let fault = |n: u32| read(&ssh(), Word::Smart, &done(0, &format!("{{\"protocol\":{n},\"ok\":{{}}}}"), "")).expect_err("refused");
        assert!(
            fault(2).hint().starts_with("felhom is older than the helper")
                && fault(0).hint().starts_with("the helper is older than felhom")
        );
    }
}
