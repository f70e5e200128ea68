//! Command lines of ssh: constant options, `--`, the destination, one remote command.

use std::os::unix::fs::DirBuilderExt;
use std::time::Duration;

use crate::exec::Cmd;
use crate::fault::Fate;
pub use crate::shell::quote;

/// ssh uses the first value of a repeated option, so these override its configuration.
const OPTIONS: &[&str] = &[
    "BatchMode=yes",
    "ConnectTimeout=10",
    "StrictHostKeyChecking=yes",
    "ServerAliveInterval=15",
    "ServerAliveCountMax=3",
    "ForwardAgent=no",
    "ForwardX11=no",
    "ClearAllForwardings=yes",
    "PermitLocalCommand=no",
    "RemoteCommand=none",
    "RequestTTY=no",
];

/// Returns ssh to a host with one remote command. `--` prevents a destination that is parsed as an option.
pub fn ssh_command(host: &str, remote: &str) -> Cmd {
    let options = OPTIONS.iter().flat_map(|option| ["-o", option]);
    Cmd::new("ssh").arg("-T").args(options).args(["--", host, remote]).timeout(Duration::from_secs(60))
}

/// Returns a destination with another user: `root@pve1` and `ssh://root@pve1:22` become `felhom@pve1` and `ssh://felhom@pve1:22`.
pub fn with_user(destination: &str, user: &str) -> String {
    let (scheme, rest) = split_scheme(destination);
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    format!("{scheme}{user}@{host}")
}

/// Returns the host of a destination, without user, port and brackets.
pub fn host_of(destination: &str) -> &str {
    let (scheme, rest) = split_scheme(destination);
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    if let Some((address, _)) = host.strip_prefix('[').and_then(|inside| inside.split_once(']')) {
        return address;
    }
    match host.split_once(':') {
        Some((name, _)) if !scheme.is_empty() => name,
        _ => host,
    }
}

fn split_scheme(destination: &str) -> (&str, &str) {
    destination.split_at(if destination.starts_with("ssh://") { "ssh://".len() } else { 0 })
}

/// Shares one connection between the calls of a run and of the next minute. The socket is in a private folder; without a runtime folder,
/// every call has its own connection.
pub fn multiplexed(ssh: Cmd) -> Cmd {
    let Some(dir) = std::env::var_os("XDG_RUNTIME_DIR").map(|dir| std::path::Path::new(&dir).join("felhom")) else { return ssh };
    // ssh fails if the path of the socket is too long.
    if dir.as_os_str().len() > 60 || std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&dir).is_err() {
        return ssh;
    }
    let path = format!("ControlPath={}/%C", dir.display());
    ssh.options_first(["ControlMaster=auto", &path, "ControlPersist=60"].iter().flat_map(|option| ["-o", option]))
}

/// Why ssh itself failed (exit code 255), according to its output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SshTrouble {
    UnknownHostKey,
    ChangedHostKey,
    Denied,
    Unreachable,
    NoSuchHost,
    /// The connection was lost: the remote command may have run.
    Dropped,
    Other,
}

impl SshTrouble {
    /// Returns how far the remote command got. Only failures that certainly precede the login count as not sent.
    pub fn fate(self) -> Fate {
        match self {
            Self::Dropped | Self::Other => Fate::Unknown,
            _ => Fate::NotSent,
        }
    }

    pub fn read(stderr: &str) -> Self {
        let has = |text: &str| stderr.contains(text);
        if has("REMOTE HOST IDENTIFICATION HAS CHANGED") {
            Self::ChangedHostKey
        } else if has("Host key verification failed") || has("host key is known") {
            Self::UnknownHostKey
        } else if has("Permission denied (") || has("Too many authentication failures") {
            Self::Denied
        } else if has("Could not resolve hostname") || has("Name or service not known") {
            Self::NoSuchHost
        } else if has("connect to host") || has("kex_exchange_identification") || has("Connection timed out during banner exchange") {
            Self::Unreachable
        } else if has("closed by remote host")
            || has("Connection reset")
            || has("Broken pipe")
            || has("Timeout, server")
            || has("Connection timed out")
        {
            Self::Dropped
        } else {
            Self::Other
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations_with_another_user_and_their_hosts() {
        for (destination, other, host) in [
            ("root@192.0.2.10", "felhom@192.0.2.10", "192.0.2.10"),
            ("pve1", "felhom@pve1", "pve1"),
            ("ssh://root@pve1:2222", "ssh://felhom@pve1:2222", "pve1"),
            ("ssh://root@[2001:db8::1]:22", "ssh://felhom@[2001:db8::1]:22", "2001:db8::1"),
            ("root@2001:db8::1", "felhom@2001:db8::1", "2001:db8::1"),
        ] {
            assert_eq!((with_user(destination, "felhom").as_str(), host_of(destination)), (other, host));
        }
    }
    use crate::interrupt::Interrupt;

    #[test]
    fn the_words_are_constant_and_end_with_the_destination() {
        let words = ssh_command("-oProxyCommand=id", "id").words();
        assert_eq!(words[..4], ["ssh", "-T", "-o", "BatchMode=yes"]);
        assert_eq!(words[words.len() - 3..], ["--", "-oProxyCommand=id", "id"]);
        assert!(words.contains(&"StrictHostKeyChecking=yes".to_owned()));
    }

    #[test]
    fn a_shell_gives_every_word_back() {
        let quiet = Interrupt::never().expect("a socket pair");
        for word in ["a b", "$HOME", ";id", "*", "", "it's", "\"", "a\nb", "ü", "-n", "`id`", "plain-word_1.2:3"] {
            let line = format!("printf '[%s]' {}", quote(word));
            let done = Cmd::new("sh").args(["-c", &line]).run(&quiet).expect("sh runs");
            assert_eq!(done.stdout_text(), format!("[{word}]"));
        }
    }

    #[test]
    fn the_texts_of_ssh() {
        let read = SshTrouble::read;
        assert_eq!(
            read("No ED25519 host key is known for 127.0.0.1 and you have requested strict checking.\nHost key verification failed."),
            SshTrouble::UnknownHostKey
        );
        assert_eq!(read("@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed."), SshTrouble::ChangedHostKey);
        assert_eq!(read("op@127.0.0.1: Permission denied (publickey)."), SshTrouble::Denied);
        assert_eq!(read("ssh: connect to host 127.0.0.1 port 1: Connection refused"), SshTrouble::Unreachable);
        assert_eq!(read("ssh: Could not resolve hostname nosuch: Name or service not known"), SshTrouble::NoSuchHost);
        assert_eq!(read("ssh: connect to host 127.0.0.1 port 22: Connection timed out"), SshTrouble::Unreachable);
        assert_eq!(read("Connection to 127.0.0.1 closed by remote host."), SshTrouble::Dropped);
        assert_eq!(read("Read from remote host 127.0.0.1: Connection timed out"), SshTrouble::Dropped);
    }
}
