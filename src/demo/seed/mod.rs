//! The states that a host can begin with.

mod archives;
mod baseline;
mod demo;
mod guests;
mod history;
mod nodes;
mod parts;
mod services;

use super::host::Options;
use super::state::State;

/// The password of `root@pam` in every fresh state: it opens a toy on loopback.
pub const PASSWORD: &str = "felhom-demo";

/// A fresh state as the options ask for it.
pub fn fresh(options: &Options, now: i64) -> State {
    let mut state = if options.baseline { baseline::state(now) } else { demo::state(options, now) };
    state.speed = options.speed;
    state
}
