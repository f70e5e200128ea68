//! The breadth of the API as data: one file per noun, or per family of nouns. No logic, no I/O.
//!
//! A noun names its path, its key and its verbs; flags, types, help, privileges, plans and verification come from the API schema
//! (`src/cli/declared`, `src/routes/derived.rs`). To add a command, add a line to a noun here and the help of new parameters to
//! `words.txt`. Columns are written `key`, `key:option,…` or `key=TITLE:option,…`; the options are in [`COLUMN_OPTIONS`].

mod pool;
mod verb;

pub use verb::{Noun, Scope, Shape, Verb, noun};

/// What a column can be besides a key: its type where the schema does not tell, and how it is laid out.
pub const COLUMN_OPTIONS: &[&str] = &["bytes", "time", "age", "seconds", "share", "flag", "state", "list", "flex", "wide", "hidden"];

/// All nouns, in the order of the help.
pub static ALL: &[&Noun] = &[&pool::POOL];

/// Words that only contain other nouns, with their summaries.
pub const PARENTS: &[(&str, &str)] = &[];

/// The help of parameters: `name: help`, or `noun words.name: help` where a noun differs.
const WORDS: &str = include_str!("words.txt");

/// The verb with this full name: `pool create`.
pub fn find(name: &str) -> Option<(&'static Noun, &'static Verb)> {
    let (words, verb) = name.rsplit_once(' ')?;
    let noun = ALL.iter().find(|noun| noun.words == words)?;
    noun.verbs().find(|one| one.name == verb).map(|verb| (*noun, verb))
}

/// The help of a parameter.
pub fn help(noun: &str, parameter: &str) -> Option<&'static str> {
    let own = format!("{noun}.{parameter}");
    let lines = || WORDS.lines().filter_map(|line| line.split_once(": "));
    lines().find(|(name, _)| *name == own).or_else(|| lines().find(|(name, _)| *name == parameter)).map(|(_, help)| help)
}

/// Whether a noun has a line of its own for a parameter.
pub fn has_own_help(noun: &str, parameter: &str) -> bool {
    let own = format!("{noun}.{parameter}: ");
    WORDS.lines().any(|line| line.starts_with(&own))
}
