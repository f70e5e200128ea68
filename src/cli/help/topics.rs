//! What needs paragraphs: the topics of `felhom help TOPIC`.

use clap_complete::engine::CompletionCandidate;

use super::page::Page;
use crate::cli;

/// Topic and text. `options` is followed by the global options themselves.
pub const TOPICS: &[(&str, &str)] = &[
    ("contexts", include_str!("topics/contexts.txt")),
    ("selectors", include_str!("topics/selectors.txt")),
    ("options", include_str!("topics/options.txt")),
    ("safety", include_str!("topics/safety.txt")),
    ("exit-codes", include_str!("topics/exit-codes.txt")),
    ("transports", include_str!("topics/transports.txt")),
];

pub fn text(topic: &str, width: usize) -> Option<String> {
    let (name, text) = TOPICS.iter().find(|(name, _)| *name == topic)?;
    if *name != "options" {
        return Some((*text).to_owned());
    }
    let mut root = cli::command();
    root.build();
    Some(format!("{text}{}", Page { command: &root, long: true, width }.options()))
}

pub fn candidates() -> Vec<CompletionCandidate> {
    let topics = TOPICS.iter().map(|(name, _)| CompletionCandidate::new(*name));
    let root = cli::command();
    let commands = root.get_subcommands().filter(|command| !command.is_hide_set());
    topics.chain(commands.map(|command| CompletionCandidate::new(command.get_name()))).collect()
}
