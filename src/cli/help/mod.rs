//! `felhom help`: pages for commands and topics. `-h` and `--help` of every command end here too.

mod groups;
mod page;
mod topics;

use clap::Args;

use crate::cli::{self, Ctx};
use crate::fault::{Fault, Kind, Result};

pub use groups::GROUPS;
pub use page::Page;
pub use topics::TOPICS;

/// Show help for a command or a topic
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  felhom help guest restore\n  felhom help exit-codes\n  felhom help options")]
pub struct Help {
    /// Command, or one of: contexts, selectors, options, safety, exit-codes, transports
    #[arg(value_name = "COMMAND|TOPIC", add = clap_complete::engine::ArgValueCandidates::new(topics::candidates))]
    words: Vec<String>,
}

impl Help {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let width = ctx.out.screen().width.unwrap_or(page::USUAL_WIDTH);
        if let [topic] = &self.words[..]
            && let Some(text) = topics::text(topic, width)
        {
            return ctx.out.help(&text);
        }
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        let text = text(&words, true, width).ok_or_else(|| {
            Fault::new(Kind::NotFound, format!("no command or topic '{}'", self.words.join(" ")))
                .with_hint("run `felhom help` for the commands and topics")
        })?;
        ctx.out.help(&text)
    }
}

/// The help page of the command with these names, as `--help` (`long`) or `-h` shows it.
pub fn text(names: &[&str], long: bool, width: usize) -> Option<String> {
    Pages::default().text(names, long, width)
}

/// Help pages out of one command tree, for many pages in a row.
pub struct Pages(clap::Command);

impl Default for Pages {
    fn default() -> Self {
        Self(cli::command())
    }
}

impl Pages {
    /// The same page as [`text`].
    pub fn text(&mut self, names: &[&str], long: bool, width: usize) -> Option<String> {
        // Builds only the commands on the way to this one.
        let _ = self.0.try_get_matches_from_mut(["felhom"].iter().chain(names).chain(&["--help"]));
        let command = names.iter().try_fold(&self.0, |command, name| command.find_subcommand(name))?;
        Some(Page { command, long, width }.text())
    }
}

/// The names of the commands that a command line with a help flag or without its arguments leads to.
pub fn names(args: &[std::ffi::OsString]) -> Vec<String> {
    let own = |arg: &&std::ffi::OsString| *arg != "-h" && *arg != "--help";
    let before_escape = args.iter().take_while(|arg| *arg != "--").filter(own);
    let lenient = cli::command().disable_help_flag(true).ignore_errors(true).arg_required_else_help(false);
    let Ok(matches) = lenient.try_get_matches_from(before_escape) else { return Vec::new() };
    let mut names: Vec<String> = Vec::new();
    let mut inner = &matches;
    while let Some((name, next)) = inner.subcommand() {
        // `demo guest list --help`: the words after `demo` are a command line of their own.
        if names == ["demo"] && text(&["demo", name], false, page::USUAL_WIDTH).is_none() {
            break;
        }
        names.push(name.to_owned());
        inner = next;
    }
    names
}
