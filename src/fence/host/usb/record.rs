//! Records of mounts on the host: felhom's (unit, fstab line, or a file until the next boot), and those of others.

use crate::fence::disks::Recorded;
use crate::fence::fstab;
use crate::fence::host::files;
use crate::fence::host::lock::RUN_DIR;
use crate::fence::host::system::Host;
use crate::fence::protocol::HelperError;
use crate::fence::request::{MountOption, Persist, UsbMount};
use crate::fence::text::{MountName, Uuid};
use crate::fence::unit::{self, UNIT_DIR};

pub(super) const FSTAB: &str = "/etc/fstab";

/// A mount that felhom manages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) name: MountName,
    pub(super) uuid: Uuid,
    pub(super) persist: Persist,
    /// Options in addition to the fixed ones; a temporary mount has none.
    pub(super) options: Vec<MountOption>,
}

impl Record {
    /// Returns the record for a request.
    pub(super) fn of(request: &UsbMount) -> Self {
        Self { name: request.name.clone(), uuid: request.uuid.clone(), persist: request.persist, options: request.options.clone() }
    }

    pub(super) fn recorded(&self) -> Recorded {
        Recorded { name: self.name.to_string(), uuid: self.uuid.to_string(), unit: unit::unit_name(self.name.as_str()) }
    }
}

/// Returns the path of a unit file.
pub(super) fn unit_path(name: &MountName) -> String {
    format!("{UNIT_DIR}/{}", unit::unit_name(name.as_str()))
}

/// Returns the path of the file that records a temporary mount.
pub(super) fn note_path(name: &MountName) -> String {
    format!("{RUN_DIR}/usb-{name}")
}

/// Returns felhom's mounts, sorted by name.
pub(super) fn all(host: &Host<'_>) -> Result<Vec<Record>, HelperError> {
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

/// Returns why the mount conflicts with another unit or fstab line for the same mount point or filesystem.
pub(super) fn foreign(host: &Host<'_>, name: &MountName, uuid: &Uuid) -> Result<Option<String>, HelperError> {
    let mount_point = unit::mount_point(name.as_str());
    for dir in [UNIT_DIR, "/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system"] {
        for (file, text) in listing(host, dir)? {
            let parsed = unit::parse(&text);
            if !parsed.ours && (parsed.mount_point.as_deref() == Some(&mount_point) || parsed.uuid.as_deref() == Some(uuid.as_str())) {
                return Ok(Some(format!("unit {dir}/{file}, which is not felhom's, already mounts it")));
            }
        }
    }
    let table = files::read(host, FSTAB)?.unwrap_or_default();
    let entries = fstab::parse(&table).map_err(HelperError::refused)?;
    let other = entries
        .iter()
        .find(|e| e.ours.is_none() && (e.mount_point.trim_end_matches('/') == mount_point || e.uuid() == Some(uuid.as_str())));
    Ok(other.map(|e| format!("a line in {FSTAB}, which is not felhom's, already mounts it at {}", e.mount_point)))
}

/// Lists the mount units and records in a directory with their text, by name, following links.
fn listing(host: &Host<'_>, dir: &str) -> Result<Vec<(String, String)>, HelperError> {
    let entries = match std::fs::read_dir(host.path(dir)) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(HelperError::io(format!("cannot list {dir}"), &e)),
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
