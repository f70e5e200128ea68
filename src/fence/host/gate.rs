//! The forced SSH command `felhom-fence gate`, which allows exactly one known command per connection.

use super::system::Host;
use crate::exec::Cmd;
use crate::fence::protocol::{ErrorKind, HELPER, HelperError, Word};

/// Parses the client's command line: the bare command, or the line from [`remote_line`].
pub fn word_of(command: &str) -> Option<Word> {
    Word::ALL.into_iter().find(|word| command == word.as_str() || command == remote_line(*word))
}

/// Returns the constant command line of a command over SSH.
pub fn remote_line(word: Word) -> String {
    if word.needs_root() { format!("sudo -n {HELPER} {word}") } else { format!("{HELPER} {word}") }
}

/// Returns a command that needs no root; replaces this process by sudo for the others.
pub(super) fn pass(host: &Host<'_>, command: Option<&str>) -> Result<Word, HelperError> {
    let refused = || {
        HelperError::new(ErrorKind::Gate, "this SSH key allows only the commands of felhom-fence")
            .with_hint(format!("use one of {}", Word::ALL.map(Word::as_str).join(", ")))
    };
    let word = command.and_then(word_of).ok_or_else(refused)?;
    if !word.needs_root() || host.is_root() {
        return Ok(word);
    }
    let failure =
        Cmd::new("/usr/bin/sudo").args(["-n", HELPER, word.as_str()]).clear_env().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").replace();
    Err(HelperError::new(ErrorKind::ToolMissing, format!("cannot start sudo: {failure}")).with_hint("run `apt install sudo` on the host"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_command_has_three_accepted_forms() {
        assert_eq!(word_of("smart"), Some(Word::Smart));
        assert_eq!(word_of("sudo -n /usr/libexec/felhom/felhom-fence smart"), Some(Word::Smart));
        assert_eq!(word_of("/usr/libexec/felhom/felhom-fence disks"), Some(Word::Disks));
        for not in [
            "",
            "gate",
            "smart ",
            "smart x",
            "smart;id",
            "smart\nid",
            "sudo -n /usr/libexec/felhom/felhom-fence disks",
            "/usr/libexec/felhom/felhom-fence smart",
            "sudo -n /usr/libexec/felhom/felhom-fence  smart",
            "sudo -n /usr/libexec/felhom/felhom-fence smart; id",
            "sudo -n -u root /usr/libexec/felhom/felhom-fence smart",
            "rm -rf /; id",
            "internal-sftp",
            "scp -t /",
        ] {
            assert_eq!(word_of(not), None, "{not:?}");
        }
    }

    proptest! {
        #[test]
        fn text_around_a_command_is_refused(before in ".{0,8}", after in ".{0,8}") {
            prop_assume!(!(before.is_empty() && after.is_empty()));
            let typed = format!("{before}version{after}");
            prop_assert_eq!(word_of(&typed), None);
        }
    }
}
