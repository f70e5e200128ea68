//! Tasks as data: a script with times, and effects on the state. What a task is at a moment follows from the clock alone.

mod effect;
mod spec;
mod task;

pub use effect::Effect;
pub use spec::TaskSpec;
pub use task::{Task, Timed, stop};

use super::state::State;

/// Carries out every effect that is due, in the order of time. Says whether anything changed.
pub fn settle(state: &mut State, now_ms: i64) -> bool {
    let mut changed = false;
    loop {
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
