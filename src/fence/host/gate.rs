//! The gate: a forced ssh command that lets exactly one known word through.

use super::system::Host;
use crate::exec::Cmd;
use crate::fence::protocol::{ErrorKind, HELPER, Trouble, Word};

/// What a client may have typed: the bare word, or one of the two constant command lines that ours sends.
pub fn word_of(command: &str) -> Option<Word> {
    Word::ALL.into_iter().find(|word| command == word.as_str() || command == remote_line(*word))
}

/// The constant command line for a word, the same for every door.
pub fn remote_line(word: Word) -> String {
    if word.needs_root() { format!("sudo -n {HELPER} {word}") } else { format!("{HELPER} {word}") }
}

/// Lets a rootless word through to be done here; becomes sudo for the others.
pub(super) fn pass(host: &Host<'_>, command: Option<&str>) -> Result<Word, Trouble> {
    let refused = || {
        Trouble::new(ErrorKind::Gate, "this key may ask for one word of the fence alone")
            .with_hint(format!("the words are {}", Word::ALL.map(Word::as_str).join(", ")))
    };
    let word = command.and_then(word_of).ok_or_else(refused)?;
    if !word.needs_root() || host.is_root() {
        return Ok(word);
    }
    let failure =
        Cmd::new("/usr/bin/sudo").args(["-n", HELPER, word.as_str()]).clear_env().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").replace();
    Err(Trouble::new(ErrorKind::ToolMissing, format!("sudo could not be started: {failure}")).with_hint("`apt install sudo` on the host"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn three_ways_to_write_a_word_and_no_other() {
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
        fn nothing_around_a_word_gets_through(before in ".{0,8}", after in ".{0,8}") {
            prop_assume!(!(before.is_empty() && after.is_empty()));
            let typed = format!("{before}version{after}");
            prop_assert_eq!(word_of(&typed), None);
        }
    }
}
