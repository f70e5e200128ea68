//! Removes terminal control sequences and direction marks from text of guests and hosts.

use std::borrow::Cow;

/// Replaces an unsafe character.
const REPLACED: char = '\u{FFFD}';
/// Replaces a line break in a cell.
const NEWLINE: char = '\u{2424}';

/// Cleans one line: line breaks become `␤`, tabs become spaces, escape sequences are removed, other control characters become `�`.
pub fn line(text: &str) -> Cow<'_, str> {
    let printable = |byte| (b' '..=b'~').contains(&byte);
    if text.bytes().all(printable) {
        return Cow::Borrowed(text);
    }
    if text.chars().any(is_unsafe) { Cow::Owned(cleaned(text, NEWLINE, ' ')) } else { Cow::Borrowed(text) }
}

/// Cleans text of several lines; keeps line feeds and tabs.
pub fn text(text: &str) -> Cow<'_, str> {
    if text.chars().any(|c| is_unsafe(c) && c != '\n' && c != '\t') { Cow::Owned(cleaned(text, '\n', '\t')) } else { Cow::Borrowed(text) }
}

/// Like [`line`], shortened to a number of columns.
pub fn short(text: &str, columns: usize) -> String {
    super::table::shorten(&line(text), columns)
}

/// Whether a character is a control character, or reorders or hides its neighbours.
pub(super) fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{061C}' | '\u{180E}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
            | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
}

fn cleaned(text: &str, newline: char, tab: char) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some(length) = escape_sequence(rest) {
            rest = &rest[length..];
            continue;
        }
        rest = &rest[c.len_utf8()..];
        match c {
            '\r' if rest.starts_with('\n') => {}
            '\n' | '\r' | '\u{2028}' | '\u{2029}' => out.push(newline),
            '\t' => out.push(tab),
            c if is_unsafe(c) => out.push(REPLACED),
            c => out.push(c),
        }
    }
    out
}

/// Returns the length of the complete escape sequence at the start of the text.
fn escape_sequence(text: &str) -> Option<usize> {
    let (body, start) = match text.strip_prefix('\u{1b}') {
        Some(rest) => (rest.get(1..)?, rest.chars().next()?),
        None => match text.chars().next()? {
            c @ '\u{9b}' => (&text[c.len_utf8()..], '['),
            c @ '\u{9d}' => (&text[c.len_utf8()..], ']'),
            _ => return None,
        },
    };
    let before = text.len() - body.len();
    match start {
        '[' => {
            let end = body.find(|c: char| !matches!(c, ' '..='?'))?;
            matches!(body[end..].chars().next()?, '@'..='~').then_some(before + end + 1)
        }
        ']' | 'P' | 'X' | '^' | '_' => {
            let end = body.find(['\u{7}', '\u{1b}', '\u{9c}', '\n'])?;
            let tail = &body[end..];
            let close = ["\u{7}", "\u{1b}\\", "\u{9c}"].into_iter().find(|close| tail.starts_with(close))?;
            Some(before + end + close.len())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn harmless_text_is_not_copied() {
        assert!(matches!(line("web1 – größe 日本 👩‍🚀"), Cow::Borrowed(_)));
        assert!(matches!(text("two\nlines\twith tabs"), Cow::Borrowed(_)));
    }

    #[test]
    fn sequences_vanish_and_the_rest_is_marked() {
        assert_eq!(line("\u{1b}[31;1mred\u{1b}[0m"), "red");
        assert_eq!(line("a\u{1b}]0;title\u{7}b"), "ab");
        assert_eq!(line("a\u{1b}]8;;http://x\u{1b}\\link\u{1b}]8;;\u{1b}\\"), "alink");
        assert_eq!(line("\u{9b}2Jgone"), "gone");
        assert_eq!(line("bell\u{7}"), "bell\u{FFFD}");
        assert_eq!(line("\u{1b}"), "\u{FFFD}");
        assert_eq!(line("\u{1b}é"), "\u{FFFD}é");
        assert_eq!(line("\u{1b}[12"), "\u{FFFD}[12");
        assert_eq!(line("safe\u{202e}exe.txt"), "safe\u{FFFD}exe.txt");
    }

    #[test]
    fn ends_of_lines() {
        assert_eq!(line("a\nb\r\nc\td"), "a␤b␤c d");
        assert_eq!(text("50%\r60%\r\ndone\n"), "50%\n60%\ndone\n");
    }

    proptest! {
        #[test]
        fn nothing_unsafe_gets_through(input in any::<String>()) {
            prop_assert!(!line(&input).chars().any(is_unsafe));
            prop_assert!(!text(&input).chars().any(|c| is_unsafe(c) && c != '\n' && c != '\t'));
        }

        #[test]
        fn not_from_sequences_either(input in "[\u{1b}\u{9b}\u{9d}\\[\\];m0-9A-z\u{7}\u{9c}\\\\\r\n\u{202e}é]{0,40}") {
            prop_assert!(!line(&input).chars().any(is_unsafe));
            let once = line(&input);
            prop_assert_eq!(line(&once), once.as_ref());
        }
    }
}
