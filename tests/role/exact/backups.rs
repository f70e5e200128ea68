//! Making archives, by hand and by job, and bringing guests back from them.

use super::{Case, lxc, prove, qemu};

const BACKUP: &[&str] = &["backup", "run", "101", "--storage", "local"];
const BACKUP_VM: &[&str] = &["backup", "run", "201", "--storage", "local"];
const JOB: &[&str] = &["backup", "job", "create", "--storage", "local", "--schedule", "02:00", "--guest", "101"];
const JOB_VM: &[&str] = &["backup", "job", "create", "--storage", "local", "--schedule", "02:00", "--guest", "201"];

pub(super) static CASES: &[Case] = &[
    lxc("backup run", &["101", "--storage", "local"], &[]),
    qemu("backup run", &["201", "--storage", "local"], &[]),
    lxc("backup run", &["101", "--storage", "local", "--keep", "last=1"], &[]).with(&["prune-backups"]),
    lxc("backup run", &["101", "--storage", "local", "--bwlimit", "10000"], &[]).with(&["bwlimit"]),
    lxc("backup scope", &["101"], &[]),
    qemu("backup scope", &["201"], &[]),
    lxc("backup job list", &["-o", "id"], &[JOB]),
    lxc("backup job show", &["{job}"], &[JOB]),
    lxc("backup job create", &["nightly", "--storage", "local", "--schedule", "02:00", "--guest", "101"], &[]),
    lxc("backup job create", &["nightly", "--storage", "local", "--schedule", "02:00", "--pool", "pool1"], &[]).with(&["pool"]),
    lxc("backup job set", &["{job}", "--comment", "x"], &[JOB]),
    lxc("backup job delete", &["{job}", "--yes"], &[JOB]),
    lxc("backup job run", &["{job}"], &[JOB]),
    qemu("backup job run", &["{job}"], &[JOB_VM]),
    lxc("guest restore", &["{archive}", "--vmid", "150", "--storage", "local-lvm"], &[BACKUP]).on(&[101, 150], &["local", "local-lvm"]),
    qemu("guest restore", &["{archive}", "--vmid", "250", "--storage", "dirct"], &[BACKUP_VM]).on(&[201, 250], &["local", "dirct"]),
    lxc("guest restore", &["{archive}", "--vmid", "150", "--storage", "local-lvm", "--start"], &[BACKUP])
        .on(&[101, 150], &["local", "local-lvm"])
        .with(&["--start"]),
    qemu("guest restore", &["{archive}", "--vmid", "250", "--storage", "dirct", "--start"], &[BACKUP_VM])
        .on(&[201, 250], &["local", "dirct"])
        .with(&["--start"]),
];

#[test]
fn making() {
    prove(&CASES[..6]);
}

#[test]
fn by_job() {
    prove(&CASES[6..14]);
}

#[test]
fn bringing_back() {
    prove(&CASES[14..]);
}
