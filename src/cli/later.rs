//! Nouns whose commands are built when one of them is invoked: to build them all takes longer than most commands do.

use std::cell::Cell;

use clap::{ArgMatches, Command, Error, FromArgMatches, Subcommand};

use super::declared;

/// A noun of the command line that is built late.
#[derive(Debug)]
pub struct Later<T>(pub T);

thread_local! {
    /// Everything is built at once.
    static WHOLE: Cell<bool> = const { Cell::new(false) };
}

/// What `command` makes, with every noun built.
pub fn whole(command: fn() -> Command) -> Command {
    WHOLE.set(true);
    let whole = command();
    WHOLE.set(false);
    whole
}

impl<T: Subcommand> Subcommand for Later<T> {
    fn augment_subcommands(noun: Command) -> Command {
        if WHOLE.get() { T::augment_subcommands(noun) } else { noun.defer(build::<T>) }
    }

    fn augment_subcommands_for_update(noun: Command) -> Command {
        T::augment_subcommands_for_update(noun)
    }

    fn has_subcommand(name: &str) -> bool {
        T::has_subcommand(name)
    }
}

fn build<T: Subcommand>(noun: Command) -> Command {
    declared::graft_below(T::augment_subcommands(noun))
}

impl<T: FromArgMatches> FromArgMatches for Later<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        T::from_arg_matches(matches).map(Self)
    }

    fn from_arg_matches_mut(matches: &mut ArgMatches) -> Result<Self, Error> {
        T::from_arg_matches_mut(matches).map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.0.update_from_arg_matches(matches)
    }
}
