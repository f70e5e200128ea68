//! The engine of declared commands: nouns (`src/nouns`) as clap commands, calls, tables and changes.

mod args;
mod asked;
mod change;
mod params;
mod show;
mod units;

use clap::ArgMatches;

use super::Ctx;
use crate::fault::Result;
use crate::nouns::{Noun, Shape, Verb};

pub use args::{graft_below, graft_beside, graft_built};

/// Runs a declared command with its own matches.
pub fn run(ctx: &Ctx, noun: &'static Noun, verb: &'static Verb, matches: &ArgMatches) -> Result<()> {
    match verb.shape {
        Shape::Change => change::run(ctx, noun, verb, matches),
        _ => show::run(ctx, noun, verb, matches),
    }
}
