//! Incomplete mounts: reported by `usb-status`, completed by `usb-mount`.

use std::fs;

use serde_json::json;

use super::{SSD, TestHost, UNIT, WANTED, mount, problems};
use crate::fence::host::Tool;
use crate::fence::protocol::{ErrorKind, Word};
use crate::fence::simulated::{SimulatedTools, ToolFailure};

/// Item 17: after an interruption before any program call or file of a mount, `usb status` shows the state and the same call completes
/// it.
#[test]
fn an_interrupted_mount_is_shown_and_completed() {
    for persist in ["unit", "fstab", "none"] {
        let request = json!({"uuid":SSD,"name":"backup","persist":persist});
        let whole = TestHost::new();
        let tools = SimulatedTools::new(whole.root());
        assert!(whole.ask_with(&tools, Word::UsbMount, &request).error.is_none());
        let steps = tools.ran.borrow().len();
        for step in 0..steps {
            let host = TestHost::new();
            let mut tools = SimulatedTools::new(host.root());
            tools.power_cut = Some(step);
            let cut = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| host.ask_with(&tools, Word::UsbMount, &request)));
            assert!(cut.is_err(), "{persist}: step {step} was not reached");
            let recorded = host.ok(Word::UsbStatus, &json!({}))["mounts"].as_array().expect("mounts").first().cloned();
            if let Some(row) = recorded {
                let shown = row["state"] != "mounted" || row["problems"] != json!([]);
                // After the last change, only verification remains.
                let last = tools.ran.borrow().last().map(|words| words.join(" ")).unwrap_or_default();
                let complete = ["systemctl start mnt-pve", "bin/mount ", "bin/findmnt", "bin/lsblk"].iter().any(|tool| last.contains(tool));
                assert!(shown || complete, "{persist}: step {step}: {row}");
            }
            let again = host.ok(Word::UsbMount, &request);
            assert_eq!((&again["mount"]["state"], &again["mount"]["problems"]), (&json!("mounted"), &json!([])), "{persist}: step {step}");
            assert_eq!(host.ok(Word::UsbMount, &request)["changed"], false, "{persist}: step {step}");
            host.ok(Word::UsbUnmount, &json!({"name":"backup"}));
            assert!(!host.root().join("mnt/pve/backup").exists() && !host.root().join(UNIT).exists(), "{persist}: step {step}");
        }
    }
}

/// Item 17: the record of an interrupted unmount remains until it is complete.
#[test]
fn an_interrupted_unmount_is_completed() {
    for persist in ["unit", "fstab", "none"] {
        let request = json!({"uuid":SSD,"name":"backup","persist":persist});
        for step in 0.. {
            let host = TestHost::new();
            let before = host.read("etc/fstab");
            host.ok(Word::UsbMount, &request);
            let mut tools = SimulatedTools::new(host.root());
            tools.power_cut = Some(step);
            let unmount = json!({"name":"backup"});
            let cut = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| host.ask_with(&tools, Word::UsbUnmount, &unmount)));
            host.ok(Word::UsbUnmount, &unmount);
            let left = [UNIT, WANTED, "mnt/pve/backup", "run/felhom/usb-backup"];
            let left: Vec<&str> = left.into_iter().filter(|path| host.root().join(path).symlink_metadata().is_ok()).collect();
            assert_eq!((left, host.read("etc/fstab")), (vec![], before), "{persist}: step {step}");
            if cut.is_ok() {
                break;
            }
        }
    }
}

/// Item 17: each incomplete state is named, also while the disk is mounted.
#[test]
fn each_incomplete_state_is_named_and_repaired() {
    type Damage = fn(&TestHost);
    let mounted: [(&str, Damage); 2] = [
        ("not enabled", |p| fs::remove_file(p.root().join(WANTED)).expect("removed")),
        ("not loaded", |p| {
            // As after restoring a backup of /etc.
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
        let host = TestHost::new();
        host.ok(Word::UsbMount, &mount(SSD, "backup"));
        if keep {
            host.ok(Word::UsbUnmount, &json!({"name":"backup","keep":true}));
        }
        assert_eq!(problems(&host), Vec::<String>::new());
        damage(&host);
        let found = problems(&host);
        assert!(found.len() == 1 && found[0].contains(problem), "{problem}: {found:?}");
        let repaired = host.ok(Word::UsbMount, &mount(SSD, "backup"));
        assert_eq!((&repaired["changed"], problems(&host)), (&json!(true), vec![]), "{problem}");
        assert_eq!(host.ok(Word::UsbMount, &mount(SSD, "backup"))["changed"], false, "{problem}");
    }
}

/// Item 17: a mounted disk without a record.
#[test]
fn a_missing_unit_file_is_restored() {
    let host = TestHost::new();
    host.ok(Word::UsbMount, &mount(SSD, "backup"));
    fs::remove_file(host.root().join(UNIT)).expect("removed");
    assert_eq!(host.ok(Word::UsbStatus, &json!({}))["mounts"], json!([]));
    assert_eq!(host.ok(Word::UsbMount, &mount(SSD, "backup"))["changed"], true);
    assert!(host.read(UNIT).contains(SSD) && host.read("proc/self/mountinfo").contains("/mnt/pve/backup"));
    assert_eq!(problems(&host), Vec::<String>::new());
}

/// Item 17: if a record cannot be completed, the disk stays mounted.
#[test]
fn a_failed_repair_leaves_the_disk_mounted() {
    let host = TestHost::new();
    host.ok(Word::UsbMount, &mount(SSD, "backup"));
    fs::remove_file(host.root().join(UNIT)).expect("removed");
    fs::remove_file(host.root().join(WANTED)).expect("removed");
    let mut tools = SimulatedTools::new(host.root());
    tools.failures.push(ToolFailure { tool: Tool::Systemctl, when: "enable".into(), code: 1, stderr: "Read-only file system".into() });
    assert_eq!(host.ask_with(&tools, Word::UsbMount, &mount(SSD, "backup")).error.expect("a failure").kind, ErrorKind::Tool);
    assert!(host.read("proc/self/mountinfo").contains("/mnt/pve/backup"));
    assert_eq!(problems(&host), ["the unit is not enabled"]);
}
