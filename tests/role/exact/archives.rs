//! Archives that are there.

use super::{Case, lxc, prove};

const BACKUP: &[&str] = &["backup", "run", "101", "--storage", "local"];
const PROTECT: &[&str] = &["backup", "protect", "{archive}"];

pub(super) static CASES: &[Case] = &[
    lxc("backup list", &["-o", "id"], &[BACKUP]),
    lxc("backup show", &["{archive}"], &[BACKUP]),
    lxc("backup age", &[], &[BACKUP]),
    lxc("backup verify", &["{archive}"], &[BACKUP]),
    lxc("backup protect", &["{archive}"], &[BACKUP]),
    lxc("backup unprotect", &["{archive}"], &[BACKUP, PROTECT]),
    lxc("backup notes", &["{archive}", "kept"], &[BACKUP]),
    lxc("backup delete", &["{archive}", "--confirm", "{file}"], &[BACKUP]),
    lxc("backup prune", &["101", "--storage", "local", "--keep", "last=1", "--confirm", "local"], &[BACKUP, BACKUP]),
    lxc("storage content", &["local", "-o", "id"], &[BACKUP]),
    lxc("storage upload", &["local", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"), "--name", "a.iso"], &[]),
];

#[test]
fn all() {
    prove(CASES);
}
