//! Snapshots.

use super::{Case, lxc, prove, qemu};

const SNAP: &[&str] = &["snapshot", "create", "101", "s1"];
const SNAP_VM: &[&str] = &["snapshot", "create", "201", "s1"];

pub(super) static CASES: &[Case] = &[
    lxc("snapshot create", &["101", "s1"], &[]),
    qemu("snapshot create", &["201", "s1"], &[]),
    lxc("snapshot list", &["101"], &[SNAP]),
    qemu("snapshot list", &["201"], &[SNAP_VM]),
    lxc("snapshot rollback", &["101", "s1", "--confirm", "s1"], &[SNAP]),
    qemu("snapshot rollback", &["201", "s1", "--confirm", "s1"], &[SNAP_VM]),
    lxc("snapshot delete", &["101", "s1", "--confirm", "s1"], &[SNAP]),
    qemu("snapshot delete", &["201", "s1", "--confirm", "s1"], &[SNAP_VM]),
];

#[test]
fn all() {
    prove(CASES);
}
