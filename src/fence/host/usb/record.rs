//! The mounts on record on the host: felhom's (unit, fstab line, or a note until the next boot), and those of others.

use crate::fence::disks::Recorded;
use crate::fence::fstab;
use crate::fence::host::files;
use crate::fence::host::lock::RUN_DIR;
use crate::fence::host::system::Host;
use crate::fence::protocol::Trouble;
use crate::fence::request::{MountOption, Persist, UsbMount};
use crate::fence::text::{MountName, Uuid};
use crate::fence::unit::{self, UNIT_DIR};

pub(super) const FSTAB: &str = "/etc/fstab";

/// A mount of felhom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) name: MountName,
    pub(super) uuid: Uuid,
    pub(super) persist: Persist,
    /// Options beyond the fixed ones; a note has none.
    pub(super) options: Vec<MountOption>,
}

impl Record {
    /// The record that a request asks for.
    pub(super) fn of(ask: &UsbMount) -> Self {
        Self { name: ask.name.clone(), uuid: ask.uuid.clone(), persist: ask.persist, options: ask.options.clone() }
    }

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

/// Every mount of felhom, by name.
pub(super) fn all(host: &Host<'_>) -> Result<Vec<Record>, Trouble> {
    let mut found = Vec::new();
    for (file, text) in listing(host, UNIT_DIR)? {
        let parsed = unit::parse(&text);
        let name = file.strip_prefix("mnt-pve-").and_then(|f| f.strip_suffix(".mount")).and_then(|n| MountName::new(n).ok());
        if let (true, Some(name), Some(uuid)) = (parsed.ours, name, parsed.uuid.and_then(|u| Uuid::new(u).ok())) {
            found.push(Record {
                name,
                uuid,
                persist: Persist::Unit,
                options: MountOption::among(parsed.options.iter().map(String::as_str)),
            });
        }
    }
    let table = files::read(host, FSTAB)?.unwrap_or_default();
    for entry in fstab::parse(&table).unwrap_or_default() {
        let name = entry.ours.as_deref().and_then(|n| MountName::new(n).ok());
        if let (Some(name), Some(uuid)) = (name, entry.uuid().and_then(|u| Uuid::new(u).ok())) {
            found.push(Record {
                name,
                uuid,
                persist: Persist::Fstab,
                options: MountOption::among(entry.options.iter().map(String::as_str)),
            });
        }
    }
    for (file, text) in listing(host, RUN_DIR)? {
        let name = file.strip_prefix("usb-").and_then(|n| MountName::new(n).ok());
        if let (Some(name), Ok(uuid)) = (name, Uuid::new(text.trim())) {
            found.push(Record { name, uuid, persist: Persist::None, options: Vec::new() });
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

/// Returns why the mount would meet another's: the same place or filesystem in a unit or fstab line that is not felhom's.
pub(super) fn foreign(host: &Host<'_>, name: &MountName, uuid: &Uuid) -> Result<Option<String>, Trouble> {
    let place = unit::place(name.as_str());
    for dir in [UNIT_DIR, "/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system"] {
        for (file, text) in listing(host, dir)? {
            let parsed = unit::parse(&text);
            if !parsed.ours && (parsed.place.as_deref() == Some(&place) || parsed.uuid.as_deref() == Some(uuid.as_str())) {
                return Ok(Some(format!("the unit {dir}/{file} mounts it already, and is not felhom's")));
            }
        }
    }
    let table = files::read(host, FSTAB)?.unwrap_or_default();
    let entries = fstab::parse(&table).map_err(Trouble::refused)?;
    let other = entries.iter().find(|e| e.ours.is_none() && (e.place.trim_end_matches('/') == place || e.uuid() == Some(uuid.as_str())));
    Ok(other.map(|e| format!("{FSTAB} mounts it already at {}, and the line is not felhom's", e.place)))
}

/// The mount units and notes in a directory and their text, by name. A link counts as the file that it leads to.
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
        if wanted && std::fs::metadata(entry.path()).is_ok_and(|meta| meta.is_file()) {
            found.push((file.clone(), files::read(host, &format!("{dir}/{file}"))?.unwrap_or_default()));
        }
    }
    found.sort();
    Ok(found)
}
