//! USB disks on the host: the disks, the state of felhom's mounts, and the two changes.

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
use crate::fence::protocol::Trouble;
use crate::fence::request::{DisksReply, Persist, UsbStatusReply};
use crate::fence::unit;
use record::Record;

/// Every block device.
pub(super) fn lsblk(host: &Host<'_>) -> Result<Vec<Block>, Trouble> {
    let done = host.must(Tool::Lsblk, &["--json", "-b", "-o", LSBLK_COLUMNS])?;
    parse_lsblk(&done.stdout).map_err(Trouble::internal)
}

/// What is mounted, as this process sees it.
fn mounts(host: &Host<'_>) -> Result<Vec<Mount>, Trouble> {
    let text = files::read(host, "/proc/self/mountinfo")?.ok_or_else(|| Trouble::internal("the host has no /proc"))?;
    Ok(mountinfo::parse(&text))
}

/// The disks that hang on USB. No root is needed.
pub(super) fn disks(host: &Host<'_>) -> Result<DisksReply, Trouble> {
    let recorded: Vec<_> = record::all(host)?.iter().map(Record::recorded).collect();
    Ok(DisksReply { disks: usb_rows(&lsblk(host)?, &recorded) })
}

/// The state of felhom's mounts. No root is needed.
pub(super) fn status(host: &Host<'_>) -> Result<UsbStatusReply, Trouble> {
    let tree = lsblk(host)?;
    let mounts = mounts(host)?;
    Ok(UsbStatusReply { mounts: record::all(host)?.iter().map(|record| mount_row(host, &tree, &mounts, record)).collect() })
}

fn find<'a>(tree: &'a [Block], uuid: &str) -> Option<&'a Block> {
    tree.iter().find_map(|b| if b.uuid.as_deref() == Some(uuid) { Some(b) } else { find(&b.children, uuid) })
}

fn mount_row(host: &Host<'_>, tree: &[Block], mounts: &[Mount], record: &Record) -> MountRow {
    let place = unit::place(record.name.as_str());
    let block = find(tree, record.uuid.as_str());
    let top = mountinfo::at(mounts, &place);
    let state = match (top, block) {
        (Some(_), Some(b)) if b.mounted_at().contains(&place.as_str()) => MountState::Mounted,
        (Some(_), _) => MountState::Foreign,
        (None, Some(_)) => MountState::NotMounted,
        (None, None) => MountState::Unplugged,
    };
    let space = (state == MountState::Mounted).then(|| host.tools().space(&place)).flatten();
    MountRow {
        name: record.name.to_string(),
        uuid: record.uuid.to_string(),
        place,
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

/// What is incomplete of a mount on record: a power cut or a person can have left any of it.
fn problems(host: &Host<'_>, record: &Record, mounted: bool) -> Vec<String> {
    let place = unit::place(record.name.as_str());
    let mut found = Vec::new();
    if record.persist == Persist::Unit && !systemd::is_enabled(host, &record.name) {
        found.push("the unit is not enabled".to_owned());
    }
    if record.persist != Persist::None && systemd::is_stale(host, &record.name) {
        found.push("systemd has not loaded the unit".to_owned());
    }
    // The directory below a mount cannot be seen.
    if !mounted {
        match files::is_empty_dir(host, &place) {
            Ok(false) => found.push(format!("{place} is not empty")),
            Ok(true) if host.tools().immutable(&place) == Some(false) => found.push(format!("{place} is not immutable")),
            Ok(true) => {}
            Err(_) => found.push(format!("{place} is missing")),
        }
    }
    found.extend(systemd::obstacle(host, &record.name, &record.uuid, record.persist).map(|trouble| trouble.message));
    found
}

/// Makes an empty directory immutable, against writes while the disk is away. Returns whether that was a change; not every
/// filesystem has the attribute (ZFS has not).
fn protect(host: &Host<'_>, place: &str) -> Result<bool, Trouble> {
    Ok(host.tools().immutable(place) != Some(true) && host.run(Tool::Chattr, &["+i", place])?.ok())
}

/// Removes the directory of a mount if it is empty. Returns whether it was removed.
fn remove_place(host: &Host<'_>, place: &str) -> bool {
    if !matches!(files::is_empty_dir(host, place), Ok(true)) {
        return false;
    }
    let _ = host.run(Tool::Chattr, &["-i", place]);
    std::fs::remove_dir(host.path(place)).is_ok()
}
