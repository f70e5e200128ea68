//! The engine of declared commands: nouns (`src/nouns`) as clap commands, calls, tables and changes.

mod args;
mod asked;
mod change;
mod params;
mod show;
mod units;

use clap::ArgMatches;

use super::Ctx;
use crate::fault::{Kind, Result};
use crate::nouns::{Noun, Shape, Verb};

pub use args::{graft_below, graft_beside, graft_built};

/// Whether a command that is not declared lists these objects.
fn lists(words: &str) -> bool {
    let command = super::command_built();
    let noun = words.split(' ').try_fold(&command, |command, word| command.find_subcommand(word));
    noun.is_some_and(|noun| noun.find_subcommand("list").is_some())
}

/// Runs a declared command with its own matches.
pub fn run(ctx: &Ctx, noun: &'static Noun, verb: &'static Verb, matches: &ArgMatches) -> Result<()> {
    let done = match verb.shape {
        Shape::Change => change::run(ctx, noun, verb, matches),
        _ => show::run(ctx, noun, verb, matches),
    };
    done.map_err(|fault| {
        let home = noun.home();
        if fault.kind != Kind::NotFound || fault.hint.is_some() || !(noun.listed().is_some() || lists(home.words)) {
            return fault;
        }
        fault.with_hint(format!("list the {} with `felhom {} list`", home.many, home.words))
    })
}
