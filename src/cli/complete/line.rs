//! The rest of the command line: context, guest, demo or real host.

use std::ffi::OsString;

use clap::ArgMatches;

/// The words before the completed one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Line {
    /// Value of `-c`.
    pub context: Option<String>,
    /// The first guest on the line.
    pub guest: Option<String>,
    pub demo: bool,
}

/// Returns the command line as passed by the shell.
pub(super) fn current() -> Line {
    let words: Vec<OsString> = std::env::args_os().skip_while(|word| word != "--").skip(1).collect();
    let index = std::env::var("_CLAP_COMPLETE_INDEX").ok().and_then(|index| index.parse().ok());
    read(&words, index.unwrap_or(words.len().saturating_sub(1)))
}

/// Parses the words before `index`, which may be incomplete.
fn read(words: &[OsString], index: usize) -> Line {
    let before = &words[..index.min(words.len())];
    let Ok(matches) = super::command().ignore_errors(true).try_get_matches_from(before) else { return Line::default() };
    let demo = matches.subcommand_name() == Some("demo");
    let mut line = Line { demo, ..Line::default() };
    let mut inner = Some(&matches);
    while let Some(found) = inner {
        line.context = text(found, "context").or(line.context);
        line.guest = text(found, "guest").or_else(|| text(found, "guests")).or(line.guest);
        inner = found.subcommand().map(|(_, next)| next);
    }
    line
}

/// Returns the first value of an argument, if the command has it.
fn text(matches: &ArgMatches, id: &str) -> Option<String> {
    let mut values = matches.try_get_raw(id).ok()??;
    values.next()?.to_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Line {
        let words: Vec<OsString> = text.split(' ').map(OsString::from).collect();
        read(&words, words.len() - 1)
    }

    #[test]
    fn reads_the_rest_of_the_line() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(line("felhom guest show "), Line::default());
        assert_eq!(line("felhom -c home guest show "), Line { context: some("home"), ..Line::default() });
        assert_eq!(line("felhom guest show --context=home "), Line { context: some("home"), ..Line::default() });
        assert_eq!(line("felhom guest config web "), Line { guest: some("web"), ..Line::default() });
        assert_eq!(line("felhom demo guest config 101 "), Line { guest: some("101"), demo: true, ..Line::default() });
        assert_eq!(line("felhom guest show demo").guest, None, "the word itself is not part of what stands before");
        assert_eq!(line("felhom nosuch --what "), Line::default());
        assert_eq!(read(&[], 3), Line::default());
    }
}
