//! Disks on USB: the mount goes through the fence, the storage on it through the API.

use std::path::Path;

use assert_cmd::Command;
use felhom::api::GuestKind;
use felhom::demo::state::State;
use felhom::ops::role::measure::{self, Scope, narrowest, verbs};

use super::{Less, hand_out, judge};
use crate::support::Demo;

pub(super) const VERBS: &[&str] = &["usb mount", "usb unmount", "usb status"];

const SSD: &str = "3f2b1c9a-7d54-4e0b-9a51-0c1d2e3f4a5b";
const MOUNT: &[&str] = &["usb", "mount", SSD, "--name", "backup"];
const AS_STORAGE: &[&str] = &["usb", "mount", SSD, "--name", "backup", "--as-storage", "usbdisk"];

fn copy(from: &Path, to: &Path) {
    let done = Command::new("cp").arg("-a").args([from, to]).output().unwrap();
    assert!(done.status.success(), "{done:?}");
}

/// Runs the words on a demo host where the agent has the measured role and nothing else.
fn prove(words: &[&str], before: &[&[&str]], options: &[&str], done: fn(&State) -> bool) {
    let demo = Demo::new();
    demo.run(["guest", "list", "-o", "id"]).ok();
    for words in before {
        demo.run(*words).ok();
    }
    let (place, kept) = (demo.home.state().join("demo"), demo.home.path().join("kept"));
    copy(&place, &kept);
    let needs = measure::needs(verbs(&words[..2].join(" ")).unwrap()[0], Some(GuestKind::Lxc));
    let scope = Scope { storages: vec!["usbdisk".into()], ..Scope::default() };
    let measured = narrowest(&needs.with_options(options), &scope);
    let state = |file: &Path| -> State { serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap() };
    let wrong = judge(&words.join(" "), 0, &measured, |less| {
        std::fs::remove_dir_all(&place).unwrap();
        copy(&kept, &place);
        let file = place.join("state.json");
        let mut state_now = state(&file);
        state_now.access.acl.clear();
        hand_out(&mut state_now, "agent", &measured, less);
        std::fs::write(&file, serde_json::to_string(&state_now).unwrap()).unwrap();
        let run = demo.run(words);
        assert!(less != Less::Nothing || done(&state(&file)), "it was not done: {run}");
        run
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn there(state: &State) -> bool {
    state.storages.contains_key("usbdisk")
}

fn off(state: &State) -> bool {
    state.storages["usbdisk"].config.get("disable").is_some_and(|off| off == 1 || off == "1")
}

#[test]
fn mounts() {
    prove(MOUNT, &[], &[], |_| true);
    prove(AS_STORAGE, &[], &["--as-storage"], there);
    prove(&["usb", "status"], &[AS_STORAGE], &[], there);
}

#[test]
fn unmounts() {
    prove(&["usb", "unmount", "backup"], &[MOUNT], &[], |_| true);
    prove(&["usb", "unmount", "backup", "--disable-storage"], &[AS_STORAGE], &["--disable-storage"], off);
}
