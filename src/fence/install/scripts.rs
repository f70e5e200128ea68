//! The installation scripts, for a POSIX shell as root. Data comes on stdin; values in the text are checked or quoted.

use crate::fence::policy::POLICY_FILE;
use crate::fence::protocol::HELPER;
use crate::fence::sudoers::{self, DROP_IN};
use crate::fence::text::SshKey;
use crate::transport::ssh::quote;

/// The user's home directory. The user cannot write to it, so it cannot replace its authorized_keys.
const HOME: &str = "/var/lib/felhom";

pub(super) fn probe(user: &str) -> String {
    let user = quote(user);
    format!(
        "echo uid=$(id -u); echo machine=$(uname -m); echo host=$(uname -n); echo sudo=$(command -v sudo); PATH=$PATH:/usr/sbin:/sbin; echo visudo=$(command -v visudo)\n\
         if id {user} >/dev/null 2>&1; then echo user=yes; fi\n\
         if test -e {POLICY_FILE}; then echo policy=yes; fi\n"
    )
}

pub(super) fn user(user: &str) -> String {
    let user = quote(user);
    format!(
        "set -eu; PATH=$PATH:/usr/sbin:/sbin\n\
         id {user} >/dev/null 2>&1 || useradd --system --home-dir {HOME} --no-create-home --shell /bin/sh {user}\n\
         install -d -o root -g root -m 755 {HOME}\n"
    )
}

/// Start of the message if the helper's self-test fails.
pub(super) const DOES_NOT_RUN: &str = "the helper does not run on this host";

/// Copies the helper next to the installed one, runs its self-test, and then replaces the installed one atomically.
pub(super) fn helper() -> String {
    format!(
        "set -eu; umask 022\n\
         dir=$(dirname {HELPER}); install -d -o root -g root -m 755 \"$dir\"\n\
         new=$(mktemp \"$dir/.felhom-fence.XXXXXX\"); trap 'rm -f \"$new\"' EXIT\n\
         cat > \"$new\"; chown root:root \"$new\"; chmod 755 \"$new\"; sync \"$new\"\n\
         said=$(printf '{{\"protocol\":1,\"request\":{{}}}}' | \"$new\" version 2>&1) || said=\"$said (exit code $?)\"\n\
         case $said in *'\"ok\"'*) ;; *) printf '{DOES_NOT_RUN}: %s\\n' \"$(printf %s \"$said\" | tr '\\n' ' ')\" >&2; exit 1;; esac\n\
         mv -f \"$new\" {HELPER}; trap - EXIT; sync \"$dir\"\n"
    )
}

pub(super) fn policy() -> String {
    format!(
        "set -eu; umask 022\n\
         dir=$(dirname {POLICY_FILE}); install -d -o root -g root -m 755 \"$dir\"\n\
         new=$(mktemp \"$dir/.fence.XXXXXX\"); trap 'rm -f \"$new\"' EXIT\n\
         cat > \"$new\"; chown root:root \"$new\"; chmod 644 \"$new\"; sync \"$new\"\n\
         mv -f \"$new\" {POLICY_FILE}; trap - EXIT\n"
    )
}

/// Checks the rule before sudo reads it (sudo ignores names with a dot), and each command afterwards. visudo of sudo-rs has no
/// `-s`, `-P` and `-O`.
pub(super) fn sudoers(user: &str) -> String {
    let user = quote(user);
    let checks: String = sudoers::commands().iter().map(|c| format!("allowed {c}\n")).collect();
    format!(
        "set -eu; umask 077; PATH=$PATH:/usr/sbin:/sbin\n\
         new={DROP_IN}.new; old={DROP_IN}.old; trap 'rm -f \"$new\" \"$old\"' EXIT\n\
         cat > \"$new\"; chown root:root \"$new\"; chmod 440 \"$new\"; sync \"$new\"\n\
         if visudo --version 2>&1 | grep -q sudo-rs; then visudo -c -f \"$new\" >&2; else visudo -scPO -f \"$new\" >&2; fi\n\
         if test -e {DROP_IN}; then cp -p {DROP_IN} \"$old\"; fi\n\
         mv -f \"$new\" {DROP_IN}\n\
         back() {{ if test -e \"$old\"; then mv -f \"$old\" {DROP_IN}; else rm -f {DROP_IN}; fi; }}\n\
         allowed() {{ sudo -l -U {user} \"$@\" >/dev/null 2>&1 || {{ back; echo \"the rule is valid, but sudo does not allow: $*\" >&2; exit 1; }}; }}\n\
         {checks}"
    )
}

pub(super) fn key(user: &str) -> String {
    let user = quote(user);
    format!(
        "set -eu; umask 022\n\
         home=$(getent passwd {user} | cut -d: -f6); test -n \"$home\" && test \"$home\" != /\n\
         if test -e \"$home\" && test \"$(stat -c %U \"$home\")\" != root; then echo \"the home directory $home must be owned by root, or its user could replace authorized_keys\" >&2; exit 1; fi\n\
         install -d -o root -g root -m 755 \"$home\" \"$home/.ssh\"\n\
         new=$(mktemp \"$home/.ssh/.keys.XXXXXX\"); trap 'rm -f \"$new\"' EXIT\n\
         cat > \"$new\"; chown root:root \"$new\"; chmod 644 \"$new\"; sync \"$new\"\n\
         mv -f \"$new\" \"$home/.ssh/authorized_keys\"; trap - EXIT\n"
    )
}

/// Returns the line for authorized_keys, which restricts the key to the helper's commands.
pub(super) fn key_line(key: &SshKey) -> String {
    format!("restrict,command=\"{HELPER} gate\" {key}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::Cmd;
    use crate::interrupt::Interrupt;

    #[test]
    fn every_script_parses() {
        let quiet = Interrupt::never().expect("a socket pair");
        for script in [probe("felhom"), user("felhom"), helper(), policy(), sudoers("felhom"), key("felhom")] {
            let done = Cmd::new("sh").args(["-n", "-c", &script]).run(&quiet).expect("sh runs");
            assert_eq!((done.code, done.stderr_text().as_str()), (Some(0), ""), "{script}");
        }
    }

    #[test]
    fn the_key_is_restricted_to_the_helper() {
        let key = SshKey::new(format!("ssh-ed25519 {} me", "A".repeat(68))).expect("a key");
        assert!(key_line(&key).starts_with("restrict,command=\"/usr/libexec/felhom/felhom-fence gate\" ssh-ed25519 A"));
    }
}
