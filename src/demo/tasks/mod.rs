//! Tasks as data: a script with times, and effects on the state. What a task is at a moment follows from the clock alone.

mod effect;
mod spec;
mod task;

use serde::{Deserialize, Serialize};

pub use effect::Effect;
pub use spec::TaskSpec;
pub use task::{Task, Timed, stop};

use super::state::State;

/// A task that a daemon will start by itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Later {
    pub at_ms: i64,
    pub spec: TaskSpec,
    pub node: String,
    pub user: String,
}

/// Carries out every effect that is due, in the order of time. Says whether anything changed.
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
        let (node, user) = (state.tasks[index].node.clone(), state.tasks[index].user.clone());
        effect::apply(state, timed.effect, at_ms, &node, &user);
        changed = true;
    }
    changed
}

/// Starts a task at a moment and tells its UPID.
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

/// Starts a task so many seconds (at speed 1) from now: what a daemon does by itself a moment after it was told to.
pub fn start_later(state: &mut State, spec: TaskSpec, node: &str, user: &str, now_ms: i64, seconds: f64) {
    let speed = if state.speed > 0.0 { state.speed } else { 1.0 };
    state.later.push(Later { at_ms: now_ms + (seconds * 1000.0 / speed) as i64, spec, node: node.to_owned(), user: user.to_owned() });
}
