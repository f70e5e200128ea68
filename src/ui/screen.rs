//! Properties of the terminal: presence, width, colour.

use std::io::IsTerminal as _;

use super::ColorMode;

/// Width of a terminal that does not report its own.
const USUAL_WIDTH: usize = 80;

/// Properties of stdin, stdout and stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Screen {
    pub stdin_terminal: bool,
    pub stdout_terminal: bool,
    pub stderr_terminal: bool,
    /// Maximum width of a table. Without a terminal, only `COLUMNS` limits it.
    pub width: Option<usize>,
    /// Maximum width of a progress line.
    pub stderr_width: usize,
    pub color: bool,
    pub stderr_color: bool,
}

impl Screen {
    /// Reads the environment and the terminal.
    pub fn detect(mode: ColorMode) -> Self {
        let stdout_terminal = std::io::stdout().is_terminal();
        let stderr_terminal = std::io::stderr().is_terminal();
        let columns = columns(std::env::var("COLUMNS").ok().as_deref());
        let size = |terminal: bool, term: fn() -> console::Term| {
            terminal.then(|| term().size_checked().map_or(USUAL_WIDTH, |(_, width)| usize::from(width)))
        };
        let plain = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty()) || std::env::var_os("TERM").is_some_and(|v| v == "dumb");
        Self {
            stdin_terminal: std::io::stdin().is_terminal(),
            stdout_terminal,
            stderr_terminal,
            width: columns.or_else(|| size(stdout_terminal, console::Term::stdout)),
            stderr_width: columns.or_else(|| size(stderr_terminal, console::Term::stderr)).unwrap_or(USUAL_WIDTH),
            color: colored(mode, stdout_terminal, plain),
            stderr_color: colored(mode, stderr_terminal, plain),
        }
    }

    /// Returns a screen with pipes on all sides and no colour, as in a script.
    pub fn piped() -> Self {
        Self {
            stdin_terminal: false,
            stdout_terminal: false,
            stderr_terminal: false,
            width: None,
            stderr_width: USUAL_WIDTH,
            color: false,
            stderr_color: false,
        }
    }

    /// Returns a terminal of this width without colour.
    pub fn terminal(width: usize) -> Self {
        Self {
            stdin_terminal: true,
            stdout_terminal: true,
            stderr_terminal: true,
            width: Some(width),
            stderr_width: width,
            color: false,
            stderr_color: false,
        }
    }
}

fn columns(text: Option<&str>) -> Option<usize> {
    text.and_then(|t| t.trim().parse().ok()).filter(|width| *width > 0)
}

fn colored(mode: ColorMode, terminal: bool, plain: bool) -> bool {
    match mode {
        ColorMode::Always => true,
        ColorMode::Never => false,
        ColorMode::Auto => terminal && !plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_wants_a_terminal_and_no_objection() {
        assert!(colored(ColorMode::Auto, true, false));
        assert!(!colored(ColorMode::Auto, true, true));
        assert!(!colored(ColorMode::Auto, false, false));
        assert!(colored(ColorMode::Always, false, true));
        assert!(!colored(ColorMode::Never, true, false));
    }

    #[test]
    fn columns_that_are_no_width_are_ignored() {
        assert_eq!(columns(Some("120")), Some(120));
        assert_eq!(columns(Some("0")), None);
        assert_eq!(columns(Some("wide")), None);
        assert_eq!(columns(None), None);
    }
}
