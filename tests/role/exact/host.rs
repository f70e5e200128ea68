//! Nodes, storages, tasks, and what felhom asks about itself.

use super::{Case, lxc, prove};
use felhom::demo::state::State;

const ADD: &[&str] =
    &["context", "add", "home", "--endpoint", "{endpoint}", "--token-id", "felhom@pve!rig", "--secret", "{secret}", "--ca-file", "{ca}"];
const BACKUP: &[&str] = &["backup", "run", "101", "--storage", "local"];

/// The tasks are the token's own: others' take Sys.Audit to see, and Sys.Modify to stop.
fn own(state: &mut State) {
    state.tasks.iter_mut().for_each(|task| task.user = "felhom@pve!rig".into());
}

/// The same, and the last of them has an hour to go.
fn running(state: &mut State) {
    own(state);
    let task = state.tasks.last_mut().unwrap();
    task.end_ms = task.start_ms + 3_600_000_000;
}

pub(super) static CASES: &[Case] = &[
    lxc("node list", &["-o", "id"], &[]),
    lxc("node status", &["pve1"], &[]),
    lxc("node smart", &["pve1"], &[]),
    lxc("storage list", &["-o", "id"], &[]),
    lxc("task list", &["-o", "id"], &[BACKUP]).set(own),
    lxc("task show", &["{upid}"], &[BACKUP]).set(own),
    lxc("task log", &["{upid}"], &[BACKUP]).set(own),
    lxc("task wait", &["{upid}"], &[BACKUP]).set(own),
    lxc("task stop", &["{upid}", "--yes"], &[BACKUP]).set(running),
    // It says what it may not see: that is a problem.
    lxc("doctor", &[], &[]).ends(1),
    // And this, that nothing is granted.
    lxc("role check", &[], &[]).ends(4),
    lxc("role list", &["--builtin", "-o", "id"], &[]),
    lxc("role show", &["PVEAuditor"], &[]),
    lxc("context test", &[], &[]),
    lxc("context add", ADD.split_at(2).1, &[]),
    lxc("context trust", &["home", "--ca-file", "{ca}"], &[]),
];

#[test]
fn all() {
    prove(CASES);
}
