//! Which mounts are on record on the host: ours, by unit, fstab line or until the next boot; and those of others.

use crate::fence::disks::Recorded;
use crate::fence::fstab;
use crate::fence::host::files;
use crate::fence::host::lock::RUN_DIR;
use crate::fence::host::system::Host;
use crate::fence::protocol::Trouble;
use crate::fence::request::Persist;
use crate::fence::text::{MountName, Uuid};
use crate::fence::unit::{self, UNIT_DIR};

pub(super) const FSTAB: &str = "/etc/fstab";

/// A mount of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) name: MountName,
    pub(super) uuid: Uuid,
    pub(super) persist: Persist,
}

impl Record {
    pub(super) fn recorded(&self) -> Recorded {
        Recorded { name: self.name.to_string(), uuid: self.uuid.to_string(), unit: unit::unit_name(self.name.as_str()) }
    }
}

/// Where a unit file is.
pub(super) fn unit_path(name: &MountName) -> String {
    format!("{UNIT_DIR}/{}", unit::unit_name(name.as_str()))
}

/// Where a mount without a lasting record is noted until the next boot.
pub(super) fn note_path(name: &MountName) -> String {
    format!("{RUN_DIR}/usb-{name}")
}

/// Every mount of ours, by name.
pub(super) fn all(host: &Host<'_>) -> Result<Vec<Record>, Trouble> {
    let mut found = Vec::new();
    for (file, text) in units(host)? {
        let parsed = unit::parse(&text);
        let name = file.strip_prefix("mnt-pve-").and_then(|f| f.strip_suffix(".mount")).and_then(|n| MountName::new(n).ok());
        if let (true, Some(name), Some(uuid)) = (parsed.ours, name, parsed.uuid.and_then(|u| Uuid::new(u).ok())) {
            found.push(Record { name, uuid, persist: Persist::Unit });
        }
    }
    let table = files::read(host, FSTAB)?.unwrap_or_default();
    for entry in fstab::parse(&table).unwrap_or_default() {
        let name = entry.ours.as_deref().and_then(|n| MountName::new(n).ok());
        if let (Some(name), Some(uuid)) = (name, entry.uuid().and_then(|u| Uuid::new(u).ok())) {
            found.push(Record { name, uuid, persist: Persist::Fstab });
        }
    }
    for (file, text) in listing(host, RUN_DIR)? {
        let name = file.strip_prefix("usb-").and_then(|n| MountName::new(n).ok());
        if let (Some(name), Ok(uuid)) = (name, Uuid::new(text.trim())) {
            found.push(Record { name, uuid, persist: Persist::None });
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

/// Why a mount would meet another's: the same place or the same filesystem, in a unit or line that is not ours.
pub(super) fn foreign(host: &Host<'_>, name: &MountName, uuid: &Uuid) -> Result<Option<String>, Trouble> {
    let place = unit::place(name.as_str());
    for (file, text) in units(host)? {
        let parsed = unit::parse(&text);
        if !parsed.ours && (parsed.place.as_deref() == Some(&place) || parsed.uuid.as_deref() == Some(uuid.as_str())) {
            return Ok(Some(format!("the unit {file} mounts it already, and is not felhom's")));
        }
    }
    let mine = unit::unit_name(name.as_str());
    for dir in [UNIT_DIR, "/run/systemd/system", "/usr/lib/systemd/system"] {
        for extra in [format!("{dir}/{mine}.d"), format!("{dir}/{}", mine.replace(".mount", ".automount"))] {
            if host.path(&extra).symlink_metadata().is_ok() {
                return Ok(Some(format!("{extra} would change what the mount does")));
            }
        }
    }
    let table = files::read(host, FSTAB)?.unwrap_or_default();
    let entries = fstab::parse(&table).map_err(Trouble::refused)?;
    let other = entries.iter().find(|e| e.ours.is_none() && (e.place.trim_end_matches('/') == place || e.uuid() == Some(uuid.as_str())));
    Ok(other.map(|e| format!("{FSTAB} mounts it already at {}, and the line is not felhom's", e.place)))
}

fn units(host: &Host<'_>) -> Result<Vec<(String, String)>, Trouble> {
    Ok(listing(host, UNIT_DIR)?.into_iter().filter(|(file, _)| file.ends_with(".mount")).collect())
}

/// The regular files of a directory and what they hold, by name.
fn listing(host: &Host<'_>, dir: &str) -> Result<Vec<(String, String)>, Trouble> {
    let entries = match std::fs::read_dir(host.path(dir)) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(Trouble::io(format!("cannot look into {dir}"), &e)),
    };
    let mut found = Vec::new();
    for entry in entries.flatten() {
        let file = entry.file_name().to_string_lossy().into_owned();
        let wanted = file.ends_with(".mount") || file.starts_with("usb-");
        if wanted && entry.file_type().is_ok_and(|t| t.is_file()) {
            found.push((file.clone(), files::read(host, &format!("{dir}/{file}"))?.unwrap_or_default()));
        }
    }
    found.sort();
    Ok(found)
}
