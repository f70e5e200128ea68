//! Masks, drop-ins and other units that affect a mount of felhom.

use std::fs;

use super::{SSD, TestHost, mount, problems};
use crate::fence::protocol::{ErrorKind, Word};

/// Item 19.
#[test]
fn masked_units_are_refused_with_the_masking_file() {
    let fsck = crate::fence::unit::fsck_unit(SSD);
    let unit = "mnt-pve-backup.mount";
    for (dir, name, empty) in [
        ("etc/systemd/system", unit, false),
        ("etc/systemd/system.control", unit, false),
        ("etc/systemd/system", unit, true),
        ("etc/systemd/system", fsck.as_str(), false),
        ("run/systemd/system", fsck.as_str(), false),
        ("etc/systemd/system", "systemd-fsck@.service", false),
    ] {
        let host = TestHost::new();
        let path = host.root().join(dir).join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        if empty {
            fs::write(&path, "").expect("written");
        } else {
            std::os::unix::fs::symlink("/dev/null", &path).expect("linked");
        }
        let error = host.ask(Word::UsbMount, &mount(SSD, "backup")).error.expect("a refusal");
        assert_eq!(error.kind, ErrorKind::Refused);
        assert!(error.message.contains("masked") && error.message.contains(&format!("/{dir}/{name}")), "{error}");
        assert!(error.hint.as_deref().unwrap_or_default().contains("systemctl unmask"), "{error:?}");
        assert!(!host.root().join("mnt/pve/backup").exists() && path.symlink_metadata().is_ok(), "nothing is changed");
    }
    // A mask with a lower priority has no effect.
    let host = TestHost::new();
    fs::create_dir_all(host.root().join("run/systemd/system")).expect("made");
    host.ok(Word::UsbMount, &mount(SSD, "backup"));
    std::os::unix::fs::symlink("/dev/null", host.root().join("run/systemd/system").join(unit)).expect("linked");
    host.ok(Word::UsbMount, &mount(SSD, "backup"));
    // A later mask is reported.
    fs::create_dir_all(host.root().join("etc/systemd/system.control")).expect("made");
    std::os::unix::fs::symlink("/dev/null", host.root().join("etc/systemd/system.control").join(unit)).expect("linked");
    assert!(problems(&host).iter().any(|p| p.contains("masked")), "{:?}", problems(&host));
}

/// Item 19.
#[test]
fn drop_ins_and_overriding_files_are_refused_by_name() {
    for path in [
        "etc/systemd/system/mnt-pve-backup.mount.d/a.conf",
        "run/systemd/system/mnt-pve-backup.mount.d/a.conf",
        "etc/systemd/system.control/mnt-pve-backup.mount.d/50-x.conf",
        "usr/lib/systemd/system/mnt-pve-.mount.d/a.conf",
        "etc/systemd/system/mnt-.mount.d/a.conf",
        "etc/systemd/system/mount.d/a.conf",
        "run/systemd/system/mount.d/a.conf",
        "etc/systemd/system/mnt-pve-backup.automount",
        "run/systemd/transient/mnt-pve-backup.mount",
    ] {
        let host = TestHost::new();
        let file = host.root().join(path);
        fs::create_dir_all(file.parent().expect("a parent")).expect("made");
        fs::write(&file, "[Mount]\nOptions=suid\n").expect("written");
        let (kind, text) = host.refused(Word::UsbMount, &mount(SSD, "backup"));
        assert!(kind == ErrorKind::Refused && text.contains(path), "{path}: {text}");
    }
    let host = TestHost::new();
    let hidden = host.root().join("etc/systemd/system/mount.d/a.conf");
    let hides = host.root().join("etc/systemd/system.control/mount.d/a.conf");
    for file in [&hidden, &hides] {
        fs::create_dir_all(file.parent().expect("a parent")).expect("made");
    }
    fs::create_dir_all(host.root().join("etc/systemd/system/mnt-pve-backup.mount.d")).expect("made");
    fs::write(&hidden, "[Mount]\nOptions=suid\n").expect("written");
    std::os::unix::fs::symlink("/dev/null", &hides).expect("linked");
    host.ok(Word::UsbMount, &mount(SSD, "backup"));
}

/// Item 19: a linked unit is read as the unit it points to.
#[test]
fn a_linked_unit_for_the_same_disk_is_refused() {
    let host = TestHost::new();
    fs::write(host.root().join("etc/theirs"), format!("[Mount]\nWhat=/dev/disk/by-uuid/{SSD}\nWhere=/srv/x\n")).expect("written");
    std::os::unix::fs::symlink("../../theirs", host.root().join("etc/systemd/system/srv-x.mount")).expect("linked");
    let (kind, text) = host.refused(Word::UsbMount, &mount(SSD, "backup"));
    assert!(kind == ErrorKind::Refused && text.contains("srv-x.mount"), "{text}");
}
