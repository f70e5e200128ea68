//! USB disks on the host: what is there, what became of our mounts, and the two changes.

mod mount;
mod record;
mod unmount;

pub(super) use mount::mount;
pub(super) use unmount::unmount;

use super::files;
use super::system::{Host, Tool};
use crate::fence::disks::{Block, LSBLK_COLUMNS, MountRow, MountState, parse_lsblk, usb_rows};
use crate::fence::mountinfo::{self, Mount};
use crate::fence::protocol::Trouble;
use crate::fence::request::{DisksReply, UsbStatusReply};
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

/// Our mounts and what became of them. No root is needed.
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
    }
}
