//! What is done as an administrator: with a token that may do exactly what the table says, and no more.

use felhom::ops::role::measure::{Scope, measure, verbs};

use super::{hand_out, judge};
use crate::role::support::Fresh;
use crate::support::Run;

pub(super) const VERBS: &[&str] = &["role bootstrap", "role rotate", "role revoke"];

/// As root@pam!rig or as felhom@pve!rig; the token that is made is another user's.
fn run(fresh: &Fresh, admin: &str, words: &[&str]) -> Run {
    let secret = fresh.write("admin.secret", &fresh.host.secret(admin));
    let secret = format!("file:{}", secret.display());
    fresh.felhom(&[words, &["--admin-token", admin, "--admin-secret", &secret]].concat())
}

fn bootstrap(fresh: &Fresh, admin: &str) -> Run {
    let (address, print) = (fresh.address(), fresh.host.fingerprint().to_owned());
    let words = ["role", "bootstrap", "--host", &address, "--fingerprint", &print, "--user", "other@pve", "--store", "file"];
    run(fresh, admin, &words)
}

fn prove(verb: &str, act: impl Fn(&Fresh) -> Run) {
    let fresh = Fresh::new();
    let pristine = fresh.host.with_state(|state| state.clone()).unwrap();
    let measured = measure(&verbs(verb).unwrap(), &Scope::default());
    let wrong = judge(verb, 0, &measured, |less| {
        fresh.host.with_state(|state| *state = pristine.clone()).unwrap();
        let _ = std::fs::remove_dir_all(fresh.host.home.config_file().parent().unwrap());
        if verb != "role bootstrap" {
            bootstrap(&fresh, "root@pam!rig").ok();
        }
        fresh.host.with_state(|state| hand_out(state, "rig", &measured, less)).unwrap();
        act(&fresh)
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn bootstrap_needs_what_the_table_says() {
    prove("role bootstrap", |fresh| bootstrap(fresh, "felhom@pve!rig"));
}

#[test]
fn rotate_needs_what_the_table_says() {
    prove("role rotate", |fresh| run(fresh, "felhom@pve!rig", &["role", "rotate", "--yes"]));
}

#[test]
fn revoke_needs_what_the_table_says() {
    prove("role revoke", |fresh| run(fresh, "felhom@pve!rig", &["role", "revoke", "--confirm", "other@pve!agent"]));
}
