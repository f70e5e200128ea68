//! Unmounting: never lazily, never while it is in use.

use std::time::Duration;

use super::record::{self, FSTAB};
use super::{lsblk, mounts};
use crate::fence::fstab;
use crate::fence::host::busy;
use crate::fence::host::files;
use crate::fence::host::system::{Host, Tool};
use crate::fence::mountinfo;
use crate::fence::policy::{Policy, not_allowed};
use crate::fence::protocol::{ErrorKind, Trouble};
use crate::fence::request::{Persist, UsbUnmount, UsbUnmountReply};
use crate::fence::unit;

/// An unmount writes out buffers, which takes minutes on a slow disk.
const STOP: Duration = Duration::from_secs(10 * 60);

/// Unmounts it and, unless `keep` is set, removes its record and its directory.
pub(in crate::fence::host) fn unmount(host: &Host<'_>, policy: &Policy, ask: &UsbUnmount) -> Result<UsbUnmountReply, Trouble> {
    if !Policy::names(&policy.mount_names, ask.name.as_str()) {
        return Err(not_allowed(format_args!("a mount named {}", ask.name)));
    }
    let place = unit::place(ask.name.as_str());
    let unit = unit::unit_name(ask.name.as_str());
    let record = record::all(host)?.into_iter().find(|r| r.name == ask.name);
    let table = mounts(host)?;
    let here = mountinfo::at(&table, &place);
    let mut done = Vec::new();
    let Some(record) = record else {
        return match here {
            Some(m) => Err(Trouble::refused(format!("{} is mounted at {place}, but not by felhom", m.source))),
            None => Ok(UsbUnmountReply { name: ask.name.to_string(), changed: false, done }),
        };
    };
    if let Some(mounted) = here {
        // A device that was pulled out is no longer in lsblk; what is mounted then is a ghost that may go.
        let tree = lsblk(host)?;
        if let Some(block) = super::find(&tree, record.uuid.as_str())
            && !block.mounted_at().contains(&place.as_str())
        {
            return Err(Trouble::refused(format!("something else is mounted at {place}: {}", mounted.source)));
        }
        let users = busy::users(host, &place, &mounted.device);
        if !users.is_empty() {
            return Err(Trouble::new(ErrorKind::Busy, format!("{place} is in use by {}", users.join(", ")))
                .with_hint("stop these first; a forced or lazy unmount would lose data"));
        }
        match record.persist {
            Persist::None => host.must_with(Tool::Umount, &[&place], Vec::new(), STOP)?,
            Persist::Unit | Persist::Fstab => host.must_with(Tool::Systemctl, &["stop", &unit], Vec::new(), STOP)?,
        };
        if mountinfo::at(&mounts(host)?, &place).is_some() {
            return Err(Trouble::new(ErrorKind::Busy, format!("{place} is still mounted")));
        }
        done.push(format!("unmounted {place}"));
    }
    if !ask.keep || record.persist == Persist::None {
        forget(host, &record, &unit, &place, &mut done)?;
    } else if matches!(files::is_empty_dir(host, &place), Ok(true)) && super::protect(host, &place)? {
        done.push(format!("made {place} immutable while no disk is there"));
    }
    Ok(UsbUnmountReply { name: ask.name.to_string(), changed: !done.is_empty(), done })
}

/// Removes everything of the mount. The record is last: if this is interrupted, `usb status` still shows the mount.
fn forget(host: &Host<'_>, record: &record::Record, unit: &str, place: &str, done: &mut Vec<String>) -> Result<(), Trouble> {
    if record.persist == Persist::Unit {
        host.must(Tool::Systemctl, &["disable", unit])?;
    }
    if super::remove_place(host, place) {
        done.push(format!("removed {place}"));
    }
    match record.persist {
        Persist::Unit => {
            let path = record::unit_path(&record.name);
            files::remove(host, &path)?;
            done.push(format!("removed {path}"));
        }
        Persist::Fstab => {
            let now = files::read_trusted(host, FSTAB)?.unwrap_or_default();
            let text = fstab::without(&now, &record.name).map_err(Trouble::refused)?;
            files::replace(host, FSTAB, &text)?;
            done.push(format!("removed its line from {FSTAB}"));
        }
        Persist::None => return files::remove(host, &record::note_path(&record.name)),
    }
    host.must(Tool::Systemctl, &["daemon-reload"])?;
    Ok(())
}
