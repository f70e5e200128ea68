//! Tasks as data: log lines and effects with their times. The status of a task is a function of the clock.

mod effect;
mod spec;
mod task;

use serde::{Deserialize, Serialize};

pub use effect::Effect;
pub use spec::TaskSpec;
pub use task::{Task, Timed, stop};

use super::state::State;

/// A task that a daemon starts later.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Later {
    pub at_ms: i64,
    pub spec: TaskSpec,
    pub node: String,
    pub user: String,
}

/// Applies all effects that are due, in order. Returns whether anything changed.
pub fn settle(state: &mut State, now_ms: i64) -> bool {
    let mut changed = false;
    loop {
        if let Some(at) = state.later.iter().position(|l| l.at_ms <= now_ms) {
            let later = state.later.remove(at);
            start(state, later.spec, &later.node, &later.user, later.at_ms);
            changed = true;
        }
        let due = state
            .tasks
            .iter()
            .enumerate()
            .filter(|(_, t)| t.stopped_ms.is_none())
            .filter_map(|(i, t)| t.effects.first().filter(|e| e.at_ms <= now_ms).map(|e| (e.at_ms, i)))
            .min();
        let Some((at_ms, index)) = due else { break };
        let timed = state.tasks[index].effects.remove(0);
        effect::apply(state, timed.effect, at_ms);
        changed = true;
    }
    changed
}

/// Starts a task and returns its UPID.
pub fn start(state: &mut State, spec: TaskSpec, node: &str, user: &str, now_ms: i64) -> String {
    state.next_pid = state.next_pid.wrapping_add(7).max(1000);
    let pid = state.next_pid;
    let booted = state.nodes.get(node).map_or(0, |n| n.booted);
    let speed = if state.speed > 0.0 { state.speed } else { 1.0 };
    let task = spec.into_task(node, user, pid, booted, speed, now_ms);
    let upid = task.upid();
    state.tasks.push(task);
    let surplus = state.tasks.len().saturating_sub(1000);
    if surplus > 0 {
        let mut left = surplus;
        state.tasks.retain(|t| {
            let drop = left > 0 && !t.is_running(now_ms);
            left -= usize::from(drop);
            !drop
        });
    }
    upid
}

/// Starts a task in this many seconds (at speed 1), as a daemon does after a request.
pub fn start_later(state: &mut State, spec: TaskSpec, node: &str, user: &str, now_ms: i64, seconds: f64) {
    let speed = if state.speed > 0.0 { state.speed } else { 1.0 };
    state.later.push(Later { at_ms: now_ms + (seconds * 1000.0 / speed) as i64, spec, node: node.to_owned(), user: user.to_owned() });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::state::{Guest, GuestKind, Map, Power};

    fn state() -> State {
        let mut state = State { speed: 1.0, ..State::default() };
        state.guests.insert(101, Guest::new(101, GuestKind::Lxc, "pve1", Map::new()));
        state
    }

    #[test]
    fn the_status_of_a_task_follows_the_clock() {
        let mut state = state();
        let spec = TaskSpec::new("vzstart", 101_u32).log("begins").takes(2.0).then(Effect::power_on(101)).takes(1.0).ok();
        let upid = start(&mut state, spec, "pve1", "root@pam", 10_000);
        assert!(upid.starts_with("UPID:pve1:") && upid.ends_with(":vzstart:101:root@pam:"), "{upid}");
        let log = |state: &State, at: i64| state.tasks[0].log(at).into_iter().map(str::to_owned).collect::<Vec<_>>();

        assert!(!settle(&mut state, 11_000));
        assert_eq!((state.tasks[0].exit_status(11_000), log(&state, 11_000)), (None, vec!["begins".to_owned()]));
        assert!(settle(&mut state, 12_000));
        assert_eq!(state.guests[&101].power, Power::Running);
        assert_eq!(state.guests[&101].started, Some(12));
        assert_eq!((state.tasks[0].exit_status(13_000), log(&state, 13_000).len()), (Some("OK"), 2));
    }

    #[test]
    fn a_stopped_task_drops_its_effects_and_unlocks() {
        let mut state = state();
        let lock = |lock: Option<&str>| Effect::SetLock { vmid: 101, lock: lock.map(str::to_owned) };
        let spec = TaskSpec::new("vzdump", 101_u32)
            .then(lock(Some("backup")))
            .takes(5.0)
            .then(Effect::RemoveGuest { vmid: 101, purge: false })
            .then(lock(None))
            .on_stop(lock(None))
            .stops_with(&["ERROR: interrupted"], "job errors");
        let upid = start(&mut state, spec.ok(), "pve1", "root@pam", 0);
        settle(&mut state, 1_000);
        assert_eq!(state.guests[&101].lock(), Some("backup"));
        stop(&mut state, &upid, 2_000);
        settle(&mut state, 60_000);
        assert_eq!(state.guests[&101].lock(), None);
        assert_eq!(state.tasks[0].exit_status(60_000), Some("job errors"));
        assert_eq!(state.tasks[0].log(60_000), ["ERROR: interrupted", "TASK ERROR: job errors"]);
    }

    #[test]
    fn a_scheduled_task_starts_at_its_time() {
        let mut state = state();
        start_later(&mut state, TaskSpec::new("vzstart", 101_u32).then(Effect::power_on(101)).ok(), "pve1", "root@pam", 0, 3.0);
        assert!(!settle(&mut state, 2_999));
        assert!(settle(&mut state, 3_000));
        assert_eq!((state.tasks.len(), state.guests[&101].power), (1, Power::Running));
    }

    #[test]
    fn speed_shortens_everything() {
        let mut state = State { speed: 10.0, ..state() };
        start(&mut state, TaskSpec::new("vzdump", "").takes(20.0).ok(), "pve1", "root@pam", 0);
        assert!(state.tasks[0].is_running(1_999));
        assert!(!state.tasks[0].is_running(2_000));
    }
}
