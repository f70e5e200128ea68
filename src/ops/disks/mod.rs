//! The disks in a guest's configuration, and their changes.

pub mod add;
pub mod relocate;
pub mod resize;
mod size;

pub use size::Size;

use serde_json::{Map, Value as Json};

use crate::api::{Form, GuestKind, Property, lenient};
use crate::fault::{Fault, Result};
use crate::guard::{Change, Item};
use crate::ops::backup::scope;
use crate::ops::guests::Guest;
use crate::ops::settings::Config;

/// The kind of a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A volume on a storage.
    Volume,
    /// A directory of the node.
    Bind,
    /// A device of the node.
    Device,
    /// A CD/DVD drive, also an empty one.
    Cdrom,
}

/// A disk or mount point.
#[derive(Debug, Clone)]
pub struct Disk {
    /// `rootfs`, `mp0`, `scsi0`, …
    pub key: String,
    /// A volume ID such as `local-lvm:vm-101-disk-0`, or a path on the node.
    pub volume: String,
    pub source: Source,
    pub property: Property,
}

impl Disk {
    /// Returns the disk in a configuration key, or `None` if the key is not a disk.
    pub fn of(kind: GuestKind, key: &str, text: &str) -> Option<Self> {
        let form @ Form::Default(part @ ("volume" | "file")) = Form::of(kind, key)? else { return None };
        let property = Property::parse(form, text);
        let volume = property.get(part)?.to_owned();
        let source = match volume.as_str() {
            "none" | "cdrom" => Source::Cdrom,
            _ if property.get("media") == Some("cdrom") => Source::Cdrom,
            path if path.starts_with("/dev/") => Source::Device,
            path if path.starts_with('/') => Source::Bind,
            _ => Source::Volume,
        };
        Some(Self { key: key.to_owned(), volume, source, property })
    }

    /// Returns the storage of the volume.
    pub fn storage(&self) -> Option<&str> {
        if self.source != Source::Volume { None } else { self.volume.split_once(':').map(|(storage, _)| storage) }
    }

    /// Whether the volume is attached to nothing.
    pub fn unused(&self) -> bool {
        self.key.starts_with("unused")
    }

    /// Returns the size from the configuration.
    pub fn size_bytes(&self) -> Option<u64> {
        self.property.get("size").and_then(scope::size)
    }

    /// The word for the disk's use: `disk`, `rootfs`, `cdrom`, …
    pub fn word(&self) -> &'static str {
        match (self.source, self.key.trim_end_matches(|c: char| c.is_ascii_digit())) {
            (Source::Bind, _) => "bind",
            (Source::Device, _) => "device",
            (_, "unused") => "unused",
            _ if self.volume.contains("cloudinit") => "cloudinit",
            (Source::Cdrom, _) => "cdrom",
            (Source::Volume, "rootfs") => "rootfs",
            (Source::Volume, "mp") => "mountpoint",
            (Source::Volume, "efidisk") => "efi",
            (Source::Volume, "tpmstate") => "tpm",
            (Source::Volume, _) => "disk",
        }
    }

    /// Returns the mount point in a container.
    pub fn mount(&self) -> &str {
        if self.key == "rootfs" { "/" } else { self.property.get("mp").unwrap_or("-") }
    }
}

/// Returns the disks in use, sorted by key.
pub fn of(kind: GuestKind, config: &Map<String, Json>) -> Vec<Disk> {
    let mut disks = all(kind, config);
    disks.retain(|disk| !disk.unused());
    disks
}

/// Returns all disks, unused volumes last.
pub fn all(kind: GuestKind, config: &Map<String, Json>) -> Vec<Disk> {
    let mut disks: Vec<Disk> = config.iter().filter_map(|(key, value)| Disk::of(kind, key, &lenient::text(value)?)).collect();
    disks.sort_by_key(|disk| (disk.unused(), natural(&disk.key)));
    disks
}

/// Returns the disk with this key, volume ID or mount point.
pub fn find(guest: &Guest, config: &Config, text: &str) -> Result<Disk> {
    let disks = all(guest.kind, config);
    let found = disks.iter().find(|disk| disk.key == text || disk.volume == text || (text.starts_with('/') && disk.mount() == text));
    found.cloned().ok_or_else(|| {
        let keys: Vec<&str> = disks.iter().map(|disk| disk.key.as_str()).collect();
        Fault::not_found(format!("{} has no disk '{text}'", guest.label())).with_hint(format!("use one of: {}", keys.join(", ")))
    })
}

/// Returns the first free key of a family such as `scsi` or `mp`.
pub fn free_key(guest: &Guest, config: &Config, family: &str) -> Result<String> {
    let count = match family {
        "mp" | "unused" => 256,
        "scsi" => 31,
        "virtio" => 16,
        "sata" => 6,
        _ => 4,
    };
    (0..count)
        .map(|n| format!("{family}{n}"))
        .find(|key| !config.contains_key(key))
        .ok_or_else(|| Fault::refused(format!("{} has no free {family} key", guest.label())))
}

/// Builds a change of one guest; a refusal becomes its result.
fn change(summary: String, start: impl Fn() -> Item, build: impl FnOnce(Item) -> Result<Item>) -> Result<Change> {
    match build(start()) {
        Ok(item) => Ok(Change::one(summary, item)),
        Err(fault) if fault.is_refusal() => Ok(Change::one(summary, start().refused(fault))),
        Err(fault) => Err(fault),
    }
}

/// Sort key: `mp2` before `mp10`, and `rootfs` first.
fn natural(key: &str) -> (bool, String, u32) {
    let letters = key.trim_end_matches(|c: char| c.is_ascii_digit());
    (key != "rootfs", letters.to_owned(), key[letters.len()..].parse().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn disks_and_their_kinds() {
        let config = json!({
            "rootfs": "local-lvm:101/vm-101-disk-0.raw,size=1G", "mp10": "/srv/bind,mp=/mnt/bind", "mp2": "dirct:2,mp=/x",
            "unused0": "local-lvm:old", "net0": "name=eth0", "memory": 512,
        });
        let disks = of(GuestKind::Lxc, config.as_object().expect("an object"));
        let seen: Vec<_> = disks.iter().map(|d| (d.key.as_str(), d.source, d.storage(), d.mount())).collect();
        assert_eq!(
            seen,
            [
                ("rootfs", Source::Volume, Some("local-lvm"), "/"),
                ("mp2", Source::Volume, Some("dirct"), "/x"),
                ("mp10", Source::Bind, None, "/mnt/bind"),
            ]
        );
        let words: Vec<_> = all(GuestKind::Lxc, config.as_object().expect("an object")).iter().map(Disk::word).collect();
        assert_eq!(words, ["rootfs", "mountpoint", "bind", "unused"]);
        let config = json!({"ide2": "none,media=cdrom", "scsi0": "local-lvm:vm-201-disk-0,size=32G", "scsihw": "virtio-scsi-pci"});
        let disks = of(GuestKind::Qemu, config.as_object().expect("an object"));
        assert_eq!(disks.iter().map(|d| d.source).collect::<Vec<_>>(), [Source::Cdrom, Source::Volume]);
    }
}
