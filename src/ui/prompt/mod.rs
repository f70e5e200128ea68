//! Questions on a terminal, asked on stderr. Without a terminal, each is a usage error that names the option to use instead.
//!
//! Ctrl-C returns [`Kind::Interrupted`]. This requires an installed `Interrupt`; otherwise the signal ends the program.

mod password;
mod picker;

use std::io::{ErrorKind, IsTerminal as _};

use console::Term;
use dialoguer::theme::{ColorfulTheme, SimpleTheme, Theme};
use dialoguer::{Confirm, Input};

use super::clean;
use crate::fault::{Fault, Kind, Result};
use crate::secret::Secret;

/// Maximum length of a question: a long name could push the important part off the screen.
const LONGEST: usize = 300;

/// Whether there is a terminal to ask on.
pub fn present() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Asks a yes/no question with a default.
pub fn confirm(question: &str, default: bool) -> Result<bool> {
    require(present(), question, "add --yes to answer it beforehand")?;
    let question = clean::short(question, LONGEST);
    let theme = theme();
    // Requires Enter: otherwise, the line feed after `y` would answer the next question.
    let asked = Confirm::with_theme(&*theme).with_prompt(question).default(default).wait_for_newline(true);
    answer(asked.interact_on(&Term::stderr()))
}

/// Asks to type `word`. Returns false for anything else.
pub fn typed(word: &str, question: &str) -> Result<bool> {
    require(present(), question, &format!("add --confirm {} to confirm it beforehand", quoted(word)))?;
    let prompt = format!("{} (type {} to go on)", clean::short(question, LONGEST), clean::line(word));
    let theme = theme();
    let asked = Input::<String>::with_theme(&*theme).with_prompt(prompt).allow_empty(true);
    Ok(answer(asked.interact_text_on(&Term::stderr()))?.trim() == word)
}

/// Asks for a password without echo.
pub fn password(question: &str) -> Result<Secret> {
    require(present(), question, "add --password-stdin and write it to stdin")?;
    password::ask(&clean::short(question, LONGEST))
}

/// Asks for a line of text; Enter alone selects the default, if there is one.
pub fn line(question: &str, default: Option<&str>) -> Result<String> {
    require(present(), question, "give it on the command line; --help shows the flag")?;
    let theme = theme();
    let mut asked = Input::<String>::with_theme(&*theme).with_prompt(clean::short(question, LONGEST));
    if let Some(default) = default {
        asked = asked.default(default.to_owned());
    }
    answer(asked.interact_text_on(&Term::stderr())).map(|text| text.trim().to_owned())
}

/// Asks to choose: arrow keys move, letters filter, Esc cancels.
pub fn choose(question: &str, options: &[String]) -> Result<Option<usize>> {
    require(present(), question, "give it on the command line; --help shows the argument")?;
    picker::ask(&clean::short(question, LONGEST), options)
}

fn require(present: bool, question: &str, hint: &str) -> Result<()> {
    if present {
        return Ok(());
    }
    let question = clean::short(question.trim().trim_end_matches([':', '?']), LONGEST);
    Err(Fault::usage(format!("there is no terminal to ask on: {question}")).with_hint(hint))
}

fn answer<T>(asked: dialoguer::Result<T>) -> Result<T> {
    asked.map_err(|dialoguer::Error::IO(error)| {
        let term = Term::stderr();
        // The question may have hidden the cursor and left its line open.
        let _ = term.show_cursor().and_then(|()| term.write_line(""));
        failed(&error)
    })
}

fn failed(error: &std::io::Error) -> Fault {
    match error.kind() {
        ErrorKind::Interrupted => interrupted(),
        ErrorKind::UnexpectedEof => Fault::refused("nothing was answered"),
        _ => Fault::io("cannot ask on the terminal", error),
    }
}

fn interrupted() -> Fault {
    Fault::new(Kind::Interrupted, "interrupted at a question").with_hint("run the command again to be asked again")
}

fn theme() -> Box<dyn Theme> {
    if console::colors_enabled_stderr() { Box::new(ColorfulTheme::default()) } else { Box::new(SimpleTheme) }
}

/// Quotes a word for a shell.
fn quoted(word: &str) -> String {
    let plain = !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_./:@".contains(&b));
    if plain { word.to_owned() } else { format!("'{}'", clean::line(word).replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_terminal_the_fault_names_the_flag() {
        let fault = require(false, "Delete 101\n(web)?", "add --yes").unwrap_err();
        assert_eq!((fault.kind, fault.exit_code()), (Kind::Usage, 2));
        assert_eq!(fault.message, "there is no terminal to ask on: Delete 101␤(web)");
        assert_eq!(fault.hint(), "add --yes");
        require(true, "Delete?", "").unwrap();
    }

    #[test]
    fn errors_of_the_terminal() {
        assert_eq!(failed(&ErrorKind::Interrupted.into()).exit_code(), 130);
        assert_eq!(failed(&ErrorKind::UnexpectedEof.into()).exit_code(), 3);
        assert_eq!(failed(&ErrorKind::Other.into()).exit_code(), 1);
    }

    #[test]
    fn words_are_quoted_for_a_shell() {
        assert_eq!(quoted("101"), "101");
        assert_eq!(quoted("vzdump-lxc-101-2026_11_20-13_05_00.tar.zst"), "vzdump-lxc-101-2026_11_20-13_05_00.tar.zst");
        assert_eq!(quoted("it's"), "'it'\\''s'");
        assert_eq!(quoted(""), "''");
    }
}
