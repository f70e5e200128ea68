//! Unmounts a disk that is not in use, never lazily.

use std::time::Duration;

use super::record::{self, FSTAB};
use super::{lsblk, mounts};
use crate::fence::fstab;
use crate::fence::host::busy;
use crate::fence::host::files;
use crate::fence::host::system::{Host, Tool};
use crate::fence::mountinfo;
use crate::fence::policy::{Policy, not_allowed};
use crate::fence::protocol::{ErrorKind, HelperError};
use crate::fence::request::{Persist, UsbUnmount, UsbUnmountReply};
use crate::fence::unit;

/// Time limit. An unmount writes buffers, which takes minutes on a slow disk.
const STOP: Duration = Duration::from_secs(10 * 60);

/// Unmounts the disk and, without `keep`, removes its record and its mount point.
pub(in crate::fence::host) fn unmount(host: &Host<'_>, policy: &Policy, request: &UsbUnmount) -> Result<UsbUnmountReply, HelperError> {
    if !Policy::contains(&policy.mount_names, request.name.as_str()) {
        return Err(not_allowed(format_args!("the mount name '{}'", request.name)));
    }
    let mount_point = unit::mount_point(request.name.as_str());
    let unit = unit::unit_name(request.name.as_str());
    let record = record::all(host)?.into_iter().find(|r| r.name == request.name);
    let table = mounts(host)?;
    let here = mountinfo::at(&table, &mount_point);
    let mut done = Vec::new();
    let Some(record) = record else {
        return match here {
            Some(m) => Err(HelperError::refused(format!("{} is mounted at {mount_point}, but not by felhom", m.source))),
            None => Ok(UsbUnmountReply { name: request.name.to_string(), changed: false, done }),
        };
    };
    if let Some(mounted) = here {
        // lsblk does not list a device that was unplugged; its stale mount can be removed.
        let tree = lsblk(host)?;
        if let Some(block) = super::find(&tree, record.uuid.as_str())
            && !block.mounted_at().contains(&mount_point.as_str())
        {
            return Err(HelperError::refused(format!("another filesystem is mounted at {mount_point}: {}", mounted.source)));
        }
        let users = busy::users(host, &mount_point, &mounted.device);
        if !users.is_empty() {
            return Err(HelperError::new(ErrorKind::Busy, format!("{mount_point} is in use by {}", users.join(", ")))
                .with_hint("stop these first; a forced or lazy unmount could lose data"));
        }
        match record.persist {
            Persist::None => host.must_with(Tool::Umount, &[&mount_point], Vec::new(), STOP)?,
            Persist::Unit | Persist::Fstab => host.must_with(Tool::Systemctl, &["stop", &unit], Vec::new(), STOP)?,
        };
        if mountinfo::at(&mounts(host)?, &mount_point).is_some() {
            return Err(HelperError::new(ErrorKind::Tool, format!("{mount_point} is still mounted")));
        }
        done.push(format!("unmounted {mount_point}"));
    }
    if !request.keep || record.persist == Persist::None {
        remove_record(host, &record, &unit, &mount_point, &mut done)?;
    } else if matches!(files::is_empty_dir(host, &mount_point), Ok(true)) && super::protect(host, &mount_point)? {
        done.push(format!("made {mount_point} immutable while unmounted"));
    }
    Ok(UsbUnmountReply { name: request.name.to_string(), changed: !done.is_empty(), done })
}

/// Removes the unit, the mount point and, last, the record: after an interruption, `usb status` still shows the mount.
fn remove_record(
    host: &Host<'_>,
    record: &record::Record,
    unit: &str,
    mount_point: &str,
    done: &mut Vec<String>,
) -> Result<(), HelperError> {
    if record.persist == Persist::Unit {
        host.must(Tool::Systemctl, &["disable", unit])?;
    }
    if super::remove_mount_point(host, mount_point) {
        done.push(format!("removed {mount_point}"));
    }
    match record.persist {
        Persist::Unit => {
            let path = record::unit_path(&record.name);
            files::remove(host, &path)?;
            done.push(format!("removed {path}"));
        }
        Persist::Fstab => {
            let now = files::read_trusted(host, FSTAB)?.unwrap_or_default();
            let text = fstab::without(&now, &record.name).map_err(HelperError::refused)?;
            files::replace(host, FSTAB, &text)?;
            done.push(format!("removed the line from {FSTAB}"));
        }
        Persist::None => return files::remove(host, &record::note_path(&record.name)),
    }
    host.must(Tool::Systemctl, &["daemon-reload"])?;
    Ok(())
}
