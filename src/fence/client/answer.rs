//! What came back, told apart: an answer, a refusal of the helper, of sudo, of ssh, or no helper at all.

use crate::exec::Done;
use crate::fault::{Fate, Fault, Kind, Result};
use crate::fence::protocol::{Envelope, ErrorKind, PROTOCOL, Trouble, Word};
use crate::transport::ssh::SshTrouble;

use super::Door;

/// What to do about a change whose outcome is unknown.
pub(super) const LOOK: &str = "check what the host did with `felhom usb status` or `felhom guest list` before you try again";

/// The envelope in what was printed. A login shell may have said something before it.
pub(in crate::fence) fn envelope(stdout: &[u8]) -> Option<Envelope> {
    let text = std::str::from_utf8(stdout).ok()?;
    text.lines().rev().map(str::trim).filter(|l| l.starts_with('{')).find_map(|l| serde_json::from_str(l).ok())
}

/// Success is an envelope. Its absence has many reasons, and each its own words.
pub(super) fn read(door: &Door, word: Word, done: &Done) -> Result<Envelope> {
    if let Some(envelope) = envelope(&done.stdout) {
        if envelope.protocol == PROTOCOL {
            return Ok(envelope);
        }
        let (older, newer) = if envelope.protocol < PROTOCOL { ("the helper", "felhom") } else { ("felhom", "the helper") };
        return Err(Fault::other(format!("the helper speaks protocol {}, this felhom {PROTOCOL}", envelope.protocol))
            .with_hint(format!("{older} is older than {newer}: `felhom fence install` brings this felhom's own helper to the host")));
    }
    let said = done.stderr_text();
    let ssh = matches!(door, Door::Ssh { .. });
    Err(match done.code {
        Some(255) if ssh => ssh_fault(word, &said),
        _ if said.contains("sudo: not found") || said.contains("sudo: command not found") || said.contains("sudo: No such file") => {
            Fault::other("sudo is not installed there").with_hint("`apt install sudo` on the host, then `felhom fence install`")
        }
        Some(126 | 127) => no_helper(door),
        _ if said.contains("command not found") || said.contains("No such file or directory") => no_helper(door),
        _ if said.contains("a password is required")
            || said.contains("authentication is required")
            || said.contains("not allowed to")
            || said.contains("not in the sudoers file")
            || said.contains("may not run sudo") =>
        {
            Fault::new(Kind::Denied, format!("sudo does not let the word through: {}", last(&said))).with_hint(
                "`felhom fence check` shows which words are allowed; `felhom fence install` or `felhom fence sudoers` writes the rule",
            )
        }
        code if word.changes() => {
            Fate::Unknown.fault(true, format!("no answer ({}): {}", ended(code, done.signal), last(&said))).with_hint(LOOK)
        }
        code => Fault::other(format!("no answer ({}): {}", ended(code, done.signal), last(&said))),
    })
}

pub(super) fn no_helper(door: &Door) -> Fault {
    let how = match door {
        Door::Ssh { host } => format!("`felhom fence install --ssh root@{}`", host.rsplit('@').next().unwrap_or_default()),
        _ => "`felhom fence install --local` as root".to_owned(),
    };
    Fault::other("the helper is not installed there").with_hint(format!("{how} installs it"))
}

fn ended(code: Option<i32>, signal: Option<i32>) -> String {
    match (code, signal) {
        (Some(code), _) => format!("ended with {code}"),
        (None, signal) => format!("ended by signal {}", signal.unwrap_or_default()),
    }
}

fn last(said: &str) -> &str {
    said.lines().rev().map(str::trim).find(|l| !l.is_empty()).unwrap_or("nothing was said")
}

/// ssh's own 255. It is also what is left when the remote side was killed: for a change, only what certainly came before it
/// counts as not done.
fn ssh_fault(word: Word, said: &str) -> Fault {
    let text = format!("ssh: {}", last(said));
    match SshTrouble::read(said) {
        SshTrouble::UnknownHostKey => Fault::new(Kind::Untrusted, "the host's ssh key is not known yet").with_hint(
            "connect once with ssh and compare the fingerprint: `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` prints it on the host",
        ),
        SshTrouble::ChangedHostKey => Fault::new(Kind::Untrusted, "the host's ssh key has changed").with_hint(
            "either the host was installed anew or somebody stands in between; `ssh-keygen -R HOST` forgets the old key once that is clear",
        ),
        SshTrouble::Denied => Fault::new(Kind::Unauthenticated, text)
            .with_hint("the key must be in the user's authorized_keys, or in an agent: ssh is never asked for a password here"),
        trouble => {
            let fault = trouble.fate().fault(word.changes(), text);
            if fault.kind == Kind::Unknown { fault.with_hint(LOOK) } else { fault }
        }
    }
}

/// The helper's own refusal or failure.
pub fn fault_of(word: Word, trouble: Trouble) -> Fault {
    let kind = match trouble.kind {
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
    let mut fault = Fault::new(kind, trouble.message);
    fault.hint = trouble.hint.or_else(|| match trouble.kind {
        ErrorKind::Protocol => {
            Some("helper and felhom are of different ages: `felhom fence install` brings this felhom's own helper to the host".into())
        }
        ErrorKind::Busy => Some("try again when it has ended".into()),
        ErrorKind::Refused => Some("`felhom usb list` shows what can be mounted, and why the rest cannot".into()),
        ErrorKind::Exists | ErrorKind::BadRequest | ErrorKind::Internal => {
            Some("the host's journal has a line for this call: `journalctl -t felhom-fence`".into())
        }
        _ => None,
    });
    fault.log = trouble.text.unwrap_or_default().lines().map(ToOwned::to_owned).collect();
    fault
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done(code: i32, stdout: &str, stderr: &str) -> Done {
        Done { code: Some(code), signal: None, stdout: stdout.into(), stderr: stderr.into(), cut: false }
    }

    fn ssh() -> Door {
        Door::Ssh { host: "felhom@192.0.2.10".into() }
    }

    #[test]
    fn an_envelope_counts_whatever_else_is_said() {
        let noisy = done(0, "Welcome!\n{\"protocol\":1,\"ok\":{\"a\":1}}\n", "sudo: unable to resolve host pve1");
        assert!(read(&ssh(), Word::Version, &noisy).expect("an answer").ok.is_some());
        // An exit code of 0 is no success without one.
        assert!(read(&ssh(), Word::Version, &done(0, "", "")).is_err());
        assert!(read(&ssh(), Word::Version, &done(0, "{\"ok\":1}", "")).is_err());
    }

    #[test]
    fn each_way_to_fail_has_its_own_kind() {
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
            "`felhom fence install --ssh root@192.0.2.10` installs it"
        );
        assert!(text(1, "sudo: /usr/libexec/felhom/felhom-fence: command not found").message.contains("helper is not installed"));
        assert!(text(127, "sh: 1: sudo: not found").message.contains("sudo is not installed"));
    }

    #[test]
    fn other_protocols_say_who_is_older() {
        let fault = |n: u32| read(&ssh(), Word::Smart, &done(0, &format!("{{\"protocol\":{n},\"ok\":{{}}}}"), "")).expect_err("refused");
        assert!(
            fault(2).hint().starts_with("felhom is older than the helper")
                && fault(0).hint().starts_with("the helper is older than felhom")
        );
    }
}
