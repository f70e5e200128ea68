//! Half-finished mounts: shown by `usb-status`, completed by `usb-mount`.

use std::fs;

use serde_json::json;

use super::{Place, SSD, UNIT, WANTED, mount, problems};
use crate::fence::host::Tool;
use crate::fence::pretend::{Pretended, Stopped};
use crate::fence::protocol::{ErrorKind, Word};

/// Item 17: an interruption before every single tool call and file of a mount leaves a state that `usb status` shows and that the same
/// call completes.
#[test]
fn a_mount_interrupted_at_any_step_is_shown_and_completed() {
    for persist in ["unit", "fstab", "none"] {
        let request = json!({"uuid":SSD,"name":"backup","persist":persist});
        let whole = Place::new();
        let tools = Pretended::new(whole.root());
        assert!(whole.ask_with(&tools, Word::UsbMount, &request).error.is_none());
        let steps = tools.ran.borrow().len();
        for step in 0..steps {
            let place = Place::new();
            let mut tools = Pretended::new(place.root());
            tools.power_cut = Some(step);
            let cut = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| place.ask_with(&tools, Word::UsbMount, &request)));
            assert!(cut.is_err(), "{persist}: step {step} was not reached");
            let recorded = place.ok(Word::UsbStatus, &json!({}))["mounts"].as_array().expect("mounts").first().cloned();
            if let Some(row) = recorded {
                let shown = row["state"] != "mounted" || row["problems"] != json!([]);
                // After the last change only its verification is left.
                let last = tools.ran.borrow().last().map(|words| words.join(" ")).unwrap_or_default();
                let complete = ["systemctl start mnt-pve", "bin/mount ", "bin/findmnt", "bin/lsblk"].iter().any(|tool| last.contains(tool));
                assert!(shown || complete, "{persist}: step {step}: {row}");
            }
            let again = place.ok(Word::UsbMount, &request);
            assert_eq!((&again["mount"]["state"], &again["mount"]["problems"]), (&json!("mounted"), &json!([])), "{persist}: step {step}");
            assert_eq!(place.ok(Word::UsbMount, &request)["changed"], false, "{persist}: step {step}");
            place.ok(Word::UsbUnmount, &json!({"name":"backup"}));
            assert!(!place.root().join("mnt/pve/backup").exists() && !place.root().join(UNIT).exists(), "{persist}: step {step}");
        }
    }
}

/// Item 17: an interrupted unmount stays on record until it is complete.
#[test]
fn an_unmount_interrupted_at_any_step_is_completed() {
    for persist in ["unit", "fstab", "none"] {
        let request = json!({"uuid":SSD,"name":"backup","persist":persist});
        for step in 0.. {
            let place = Place::new();
            let before = place.read("etc/fstab");
            place.ok(Word::UsbMount, &request);
            let mut tools = Pretended::new(place.root());
            tools.power_cut = Some(step);
            let unmount = json!({"name":"backup"});
            let cut = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| place.ask_with(&tools, Word::UsbUnmount, &unmount)));
            place.ok(Word::UsbUnmount, &unmount);
            let left = [UNIT, WANTED, "mnt/pve/backup", "run/felhom/usb-backup"];
            let left: Vec<&str> = left.into_iter().filter(|path| place.root().join(path).symlink_metadata().is_ok()).collect();
            assert_eq!((left, place.read("etc/fstab")), (vec![], before), "{persist}: step {step}");
            if cut.is_ok() {
                break;
            }
        }
    }
}

/// Item 17: each half-finished state by name, also while the disk is mounted.
#[test]
fn every_half_finished_state_is_named_and_repaired() {
    type Damage = fn(&Place);
    let mounted: [(&str, Damage); 2] = [
        ("not enabled", |p| fs::remove_file(p.root().join(WANTED)).expect("removed")),
        ("not loaded", |p| {
            // As after a restored backup of /etc.
            let text = p.read(UNIT).replace("TimeoutSec=30", "TimeoutSec=31");
            fs::write(p.root().join(UNIT), text).expect("written");
        }),
    ];
    let unmounted: [(&str, Damage); 3] = [
        ("is missing", |p| fs::remove_dir(p.root().join("mnt/pve/backup")).expect("removed")),
        ("is not immutable", |p| fs::remove_dir_all(p.root().join("sim/immutable")).expect("removed")),
        ("not enabled", |p| fs::remove_file(p.root().join(WANTED)).expect("removed")),
    ];
    let cases = mounted.iter().map(|case| (false, case)).chain(unmounted.iter().map(|case| (true, case)));
    for (keep, (problem, damage)) in cases {
        let place = Place::new();
        place.ok(Word::UsbMount, &mount(SSD, "backup"));
        if keep {
            place.ok(Word::UsbUnmount, &json!({"name":"backup","keep":true}));
        }
        assert_eq!(problems(&place), Vec::<String>::new());
        damage(&place);
        let found = problems(&place);
        assert!(found.len() == 1 && found[0].contains(problem), "{problem}: {found:?}");
        let repaired = place.ok(Word::UsbMount, &mount(SSD, "backup"));
        assert_eq!((&repaired["changed"], problems(&place)), (&json!(true), vec![]), "{problem}");
        assert_eq!(place.ok(Word::UsbMount, &mount(SSD, "backup"))["changed"], false, "{problem}");
    }
}

/// Item 17: mounted without a record.
#[test]
fn a_mount_whose_unit_file_is_gone_gets_it_back() {
    let place = Place::new();
    place.ok(Word::UsbMount, &mount(SSD, "backup"));
    fs::remove_file(place.root().join(UNIT)).expect("removed");
    assert_eq!(place.ok(Word::UsbStatus, &json!({}))["mounts"], json!([]));
    assert_eq!(place.ok(Word::UsbMount, &mount(SSD, "backup"))["changed"], true);
    assert!(place.read(UNIT).contains(SSD) && place.read("proc/self/mountinfo").contains("/mnt/pve/backup"));
    assert_eq!(problems(&place), Vec::<String>::new());
}

/// Item 17: a record that cannot be completed is not undone under a mounted disk.
#[test]
fn a_failed_repair_leaves_the_disk_mounted() {
    let place = Place::new();
    place.ok(Word::UsbMount, &mount(SSD, "backup"));
    fs::remove_file(place.root().join(UNIT)).expect("removed");
    fs::remove_file(place.root().join(WANTED)).expect("removed");
    let mut tools = Pretended::new(place.root());
    tools.stopped.push(Stopped { tool: Tool::Systemctl, when: "enable".into(), code: 1, stderr: "Read-only file system".into() });
    assert_eq!(place.ask_with(&tools, Word::UsbMount, &mount(SSD, "backup")).error.expect("a failure").kind, ErrorKind::Tool);
    assert!(place.read("proc/self/mountinfo").contains("/mnt/pve/backup"));
    assert_eq!(problems(&place), ["the unit is not enabled"]);
}
