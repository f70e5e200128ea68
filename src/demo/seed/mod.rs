//! Initial states.

mod archives;
mod baseline;
mod ceph;
mod demo;
mod guests;
mod history;
mod nodes;
mod parts;
mod services;

use super::options::Options;
use super::state::State;

/// The password of `root@pam` in every initial state. The host listens on loopback only.
pub const PASSWORD: &str = "felhom-demo";

/// Returns the initial state for the options.
pub fn fresh(options: &Options, now: i64) -> State {
    let mut state = if options.baseline { baseline::state(options.nodes.unwrap_or(1), now) } else { demo::state(options, now) };
    state.speed = options.speed;
    state
}

const DAY: i64 = 86_400;
/// Seconds in which the nightly backup is complete.
const WHILE: i64 = 1800;

/// Returns the start of the last completed nightly backup, at 02:00; shortly after 02:00 that is yesterday's.
fn last_night(now: i64) -> i64 {
    let ended = now - WHILE;
    ended - (ended - 2 * 3600).rem_euclid(DAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_nightly_backup_has_ended() {
        let midnight = 20_000 * DAY;
        assert_eq!(last_night(midnight + 12 * 3600), midnight + 2 * 3600);
        assert_eq!(last_night(midnight + 2 * 3600 + 60), midnight - DAY + 2 * 3600);
        assert_eq!(last_night(midnight + 3 * 3600), midnight + 2 * 3600);
    }
}
