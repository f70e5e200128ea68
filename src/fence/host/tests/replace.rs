//! Atomic replacement of files keeps mode, owner and extended attributes.

use std::fs;

use serde_json::json;

use super::{SSD, TestHost, UNIT, mount};
use crate::fence::protocol::Word;

/// Item 16.
#[test]
fn a_replaced_fstab_keeps_its_mode_owner_and_extended_attributes() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let host = TestHost::new();
    let fstab = host.root().join("etc/fstab");
    fs::set_permissions(&fstab, fs::Permissions::from_mode(0o600)).expect("mode");
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(&fstab, None, Some(4)).expect("a group");
    }
    let attribute = rustix::fs::setxattr(&fstab, "user.felhom", b"kept", rustix::fs::XattrFlags::empty()).is_ok();
    let before = fs::metadata(&fstab).expect("fstab");
    let request = json!({"uuid":SSD,"name":"backup","persist":"fstab"});
    for (word, request) in [(Word::UsbMount, request), (Word::UsbUnmount, json!({"name":"backup"}))] {
        let inode = fs::metadata(&fstab).expect("fstab").ino();
        host.ok(word, &request);
        let after = fs::metadata(&fstab).expect("fstab");
        assert_ne!(inode, after.ino(), "{word} replaces the file");
        assert_eq!((before.mode(), before.uid(), before.gid()), (after.mode(), after.uid(), after.gid()), "{word}");
        if attribute {
            let mut value = [0; 16];
            let length = rustix::fs::getxattr(&fstab, "user.felhom", &mut value).expect("the attribute");
            assert_eq!(&value[..length], b"kept", "{word}");
        }
    }
}

/// Item 16: a replaced unit file keeps its mode; a new one is readable.
#[test]
fn a_replaced_unit_file_keeps_its_mode() {
    use std::os::unix::fs::PermissionsExt;
    let host = TestHost::new();
    host.ok(Word::UsbMount, &mount(SSD, "backup"));
    let unit = host.root().join(UNIT);
    let mode = || fs::metadata(&unit).expect("the unit").permissions().mode() & 0o777;
    assert_eq!(mode(), 0o644);
    fs::set_permissions(&unit, fs::Permissions::from_mode(0o640)).expect("mode");
    host.ok(Word::UsbMount, &json!({"uuid":SSD,"name":"backup","options":["ro"]}));
    assert!(host.read(UNIT).contains(",ro\n"));
    assert_eq!(mode(), 0o640);
}

/// Item 16: a replacement follows no link and removes the file of an interrupted replacement.
#[test]
fn a_replacement_follows_no_link_and_removes_an_interrupted_one() {
    let host = TestHost::new();
    let fstab = host.root().join("etc/fstab");
    let left = host.root().join("etc/.fstab.felhom-new");
    std::os::unix::fs::symlink("/etc/hostname", &left).expect("linked");
    host.ok(Word::UsbMount, &json!({"uuid":SSD,"name":"backup","persist":"fstab"}));
    assert!(left.symlink_metadata().is_err() && host.read("etc/fstab").contains("x-felhom=backup"));
    host.ok(Word::UsbUnmount, &json!({"name":"backup"}));
    fs::rename(&fstab, host.root().join("etc/fstab.real")).expect("moved");
    std::os::unix::fs::symlink("fstab.real", &fstab).expect("linked");
    host.refused(Word::UsbMount, &json!({"uuid":SSD,"name":"backup","persist":"fstab"}));
    assert!(!host.read("etc/fstab.real").contains("felhom"));
}
