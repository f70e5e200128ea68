//! USB disks: listing them, the state of felhom's mounts, mounting and unmounting.

mod mount;
mod record;
mod systemd;
mod unmount;

pub(super) use mount::mount;
pub(super) use unmount::unmount;

use super::files;
use super::system::{Host, Tool};
use crate::fence::disks::{Block, LSBLK_COLUMNS, MountRow, MountState, parse_lsblk, usb_rows};
use crate::fence::mountinfo::{self, Mount};
use crate::fence::protocol::HelperError;
use crate::fence::request::{DisksReply, Persist, UsbStatusReply};
use crate::fence::unit;
use record::Record;

/// Lists all block devices.
pub(super) fn lsblk(host: &Host<'_>) -> Result<Vec<Block>, HelperError> {
    let done = host.must(Tool::Lsblk, &["--json", "-b", "-o", LSBLK_COLUMNS])?;
    parse_lsblk(&done.stdout).map_err(HelperError::internal)
}

/// Lists the mounts of this process's mount namespace.
fn mounts(host: &Host<'_>) -> Result<Vec<Mount>, HelperError> {
    let text = files::read(host, "/proc/self/mountinfo")?.ok_or_else(|| HelperError::internal("the host has no /proc"))?;
    Ok(mountinfo::parse(&text))
}

/// Lists USB disks. Needs no root.
pub(super) fn disks(host: &Host<'_>) -> Result<DisksReply, HelperError> {
    let recorded: Vec<_> = record::all(host)?.iter().map(Record::recorded).collect();
    Ok(DisksReply { disks: usb_rows(&lsblk(host)?, &recorded) })
}

/// Returns the state of felhom's mounts. Needs no root.
pub(super) fn status(host: &Host<'_>) -> Result<UsbStatusReply, HelperError> {
    let tree = lsblk(host)?;
    let mounts = mounts(host)?;
    Ok(UsbStatusReply { mounts: record::all(host)?.iter().map(|record| mount_row(host, &tree, &mounts, record)).collect() })
}

fn find<'a>(tree: &'a [Block], uuid: &str) -> Option<&'a Block> {
    tree.iter().find_map(|b| if b.uuid.as_deref() == Some(uuid) { Some(b) } else { find(&b.children, uuid) })
}

fn mount_row(host: &Host<'_>, tree: &[Block], mounts: &[Mount], record: &Record) -> MountRow {
    let mount_point = unit::mount_point(record.name.as_str());
    let block = find(tree, record.uuid.as_str());
    let top = mountinfo::at(mounts, &mount_point);
    let state = match (top, block) {
        (Some(_), Some(b)) if b.mounted_at().contains(&mount_point.as_str()) => MountState::Mounted,
        (Some(_), _) => MountState::Foreign,
        (None, Some(_)) => MountState::NotMounted,
        (None, None) => MountState::Unplugged,
    };
    let space = (state == MountState::Mounted).then(|| host.tools().space(&mount_point)).flatten();
    MountRow {
        name: record.name.to_string(),
        uuid: record.uuid.to_string(),
        mount_point,
        unit: unit::unit_name(record.name.as_str()),
        persist: record.persist,
        state,
        device: block.map(Block::path),
        fstype: block.and_then(|b| b.fstype.clone()),
        size_bytes: space.map(|s| s.size),
        used_bytes: space.map(|s| s.used),
        available_bytes: space.map(|s| s.available),
        options: record.options.clone(),
        problems: problems(host, record, top.is_some()),
    }
}

/// Returns incomplete parts of a recorded mount, as a power failure or manual changes may leave them.
fn problems(host: &Host<'_>, record: &Record, mounted: bool) -> Vec<String> {
    let mount_point = unit::mount_point(record.name.as_str());
    let mut found = Vec::new();
    if record.persist == Persist::Unit && !systemd::is_enabled(host, &record.name) {
        found.push("the unit is not enabled".to_owned());
    }
    if record.persist != Persist::None && systemd::is_stale(host, &record.name) {
        found.push("systemd has not loaded the unit".to_owned());
    }
    // The directory below a mount is not visible.
    if !mounted {
        match files::is_empty_dir(host, &mount_point) {
            Ok(false) => found.push(format!("{mount_point} is not empty")),
            Ok(true) if host.tools().immutable(&mount_point) == Some(false) => found.push(format!("{mount_point} is not immutable")),
            Ok(true) => {}
            Err(_) => found.push(format!("{mount_point} is missing")),
        }
    }
    found.extend(systemd::obstacle(host, &record.name, &record.uuid, record.persist).map(|error| error.message));
    found
}

/// Makes an empty directory immutable, so nothing is written to it while the disk is unplugged. Returns whether this was a change; not
/// every filesystem supports the attribute (ZFS does not).
fn protect(host: &Host<'_>, mount_point: &str) -> Result<bool, HelperError> {
    Ok(host.tools().immutable(mount_point) != Some(true) && host.run(Tool::Chattr, &["+i", mount_point])?.ok())
}

/// Removes the mount point if it is empty. Returns whether it was removed.
fn remove_mount_point(host: &Host<'_>, mount_point: &str) -> bool {
    if !matches!(files::is_empty_dir(host, mount_point), Ok(true)) {
        return false;
    }
    let _ = host.run(Tool::Chattr, &["-i", mount_point]);
    std::fs::remove_dir(host.path(mount_point)).is_ok()
}
