//! What a guest's backup includes, and how consistent it is.

use clap::ValueEnum;
use serde::Serialize;
use serde_json::{Map, Value as Json};

use crate::api::GuestKind;
use crate::api::lenient;
use crate::api::property::{Form, Property};

/// Backup mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Stop the guest, back it up, start it again
    Stop,
    /// Back up a snapshot while the guest runs
    Snapshot,
    /// Suspend the guest during the final copy
    Suspend,
}

impl Mode {
    pub fn word(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Snapshot => "snapshot",
            Self::Suspend => "suspend",
        }
    }

    /// Parses the host's name of a mode.
    pub fn of(word: &str) -> Option<Self> {
        [Self::Stop, Self::Snapshot, Self::Suspend].into_iter().find(|mode| mode.word() == word)
    }
}

/// Consistency of a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Consistency {
    /// The guest was stopped.
    Stopped,
    /// The guest agent froze the file systems.
    Fsfreeze,
    /// Crash-consistent, as after a power failure.
    Crash,
}

impl Consistency {
    pub fn word(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Fsfreeze => "fsfreeze",
            Self::Crash => "crash",
        }
    }

    /// Returns the expected consistency; `agent` is whether a VM's guest agent answers.
    pub fn expected(mode: Mode, running: bool, agent: bool) -> Self {
        match mode {
            _ if !running => Self::Stopped,
            Mode::Stop => Self::Stopped,
            Mode::Snapshot if agent => Self::Fsfreeze,
            Mode::Snapshot | Mode::Suspend => Self::Crash,
        }
    }
}

/// Why a backup includes or excludes a disk or mount point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The root file system, which is always included, also Docker's named volumes in it.
    Root,
    /// A mount point with `backup=1`.
    Enabled,
    /// A mount point without `backup=1`.
    NotEnabled,
    /// A disk without `backup=0`.
    Disk,
    /// A disk with `backup=0`.
    Disabled,
    /// A directory of the host.
    Bind,
    /// A device of the host.
    Device,
}

impl Reason {
    pub fn text(self) -> &'static str {
        match self {
            Self::Root => "always included, also Docker's named volumes",
            Self::Enabled => "backup=1",
            Self::NotEnabled => "no backup=1: not in the backup, empty after a restore",
            Self::Disk => "disk",
            Self::Disabled => "backup=0: not in the backup",
            Self::Bind => "bind mount: a directory of the host, never in a backup",
            Self::Device => "device of the host, never in a backup",
        }
    }

    /// A short form for one line.
    pub fn short(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Enabled => "backup=1",
            Self::NotEnabled => "no backup=1",
            Self::Disk => "disk",
            Self::Disabled => "backup=0",
            Self::Bind => "bind mount",
            Self::Device => "device",
        }
    }
}

/// A disk or mount point of a guest.
#[derive(Debug, Clone, Serialize)]
pub struct Part {
    /// `rootfs`, `mp0`, `scsi1`.
    pub key: String,
    pub volume: String,
    /// Mount point in a container.
    pub path: Option<String>,
    pub size_bytes: Option<u64>,
    pub included: bool,
    pub reason: Reason,
}

impl Part {
    /// `mp0 (/mnt/data)`.
    pub fn label(&self) -> String {
        match &self.path {
            Some(path) if self.key != "rootfs" => format!("{} ({path})", self.key),
            _ => self.key.clone(),
        }
    }

    pub fn storage(&self) -> Option<&str> {
        self.volume.split_once(':').map(|(storage, _)| storage).filter(|_| !self.volume.starts_with('/'))
    }

    /// Whether it is not a volume on a storage.
    pub fn is_foreign(&self) -> bool {
        matches!(self.reason, Reason::Bind | Reason::Device)
    }
}

/// Returns the disks and mount points of a guest in order.
pub fn of(kind: GuestKind, config: &Map<String, Json>) -> Vec<Part> {
    let mut parts: Vec<Part> = config.iter().filter_map(|(key, value)| part(kind, key, &lenient::text(value)?)).collect();
    parts.sort_by_key(|part| order(&part.key));
    parts
}

/// Sort key: `rootfs` first, then by name and number.
fn order(key: &str) -> (bool, String, u32) {
    let letters = key.trim_end_matches(|c: char| c.is_ascii_digit());
    (key != "rootfs", letters.to_owned(), key[letters.len()..].parse().unwrap_or(0))
}

fn part(kind: GuestKind, key: &str, text: &str) -> Option<Part> {
    let letters = key.trim_end_matches(|c: char| c.is_ascii_digit());
    let numbered = letters.len() < key.len();
    let fits = match kind {
        GuestKind::Lxc => key == "rootfs" || (letters == "mp" && numbered),
        GuestKind::Qemu => numbered && matches!(letters, "scsi" | "virtio" | "sata" | "ide" | "efidisk" | "tpmstate"),
    };
    if !fits {
        return None;
    }
    let property = Property::parse(Form::of(kind, key)?, text);
    let volume = property.get(if kind == GuestKind::Lxc { "volume" } else { "file" })?.to_owned();
    // A CD/DVD drive is not a disk of the guest.
    if kind == GuestKind::Qemu && (property.get("media") == Some("cdrom") || volume == "none" || volume == "cdrom") {
        return None;
    }
    let reason = match kind {
        _ if volume.starts_with("/dev/") => Reason::Device,
        _ if volume.starts_with('/') => Reason::Bind,
        GuestKind::Lxc if key == "rootfs" => Reason::Root,
        GuestKind::Lxc if property.flag("backup") => Reason::Enabled,
        GuestKind::Lxc => Reason::NotEnabled,
        GuestKind::Qemu if property.get("backup").is_some() && !property.flag("backup") => Reason::Disabled,
        GuestKind::Qemu => Reason::Disk,
    };
    let path = match kind {
        GuestKind::Lxc if key == "rootfs" => Some("/".to_owned()),
        GuestKind::Lxc => property.get("mp").map(str::to_owned),
        GuestKind::Qemu => None,
    };
    Some(Part {
        key: key.to_owned(),
        path,
        size_bytes: property.get("size").and_then(size),
        included: matches!(reason, Reason::Root | Reason::Enabled | Reason::Disk),
        reason,
        volume,
    })
}

/// Parses `8G`, `512M`, `4194304K` or bytes.
pub fn size(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor: u64 = match &text[digits.len()..] {
        "" => 1,
        "K" | "k" => 1 << 10,
        "M" | "m" => 1 << 20,
        "G" | "g" => 1 << 30,
        "T" | "t" => 1 << 40,
        _ => return None,
    };
    match digits.parse::<u64>() {
        Ok(whole) => whole.checked_mul(factor),
        Err(_) => digits.parse::<f64>().ok().filter(|n| n.is_finite() && *n >= 0.0).map(|n| (n * factor as f64) as u64),
    }
}

/// Describes what a backup includes in one line: `rootfs, mp0 (/data); not in the backup: mp1 (/bulk): no backup=1`.
pub fn line(parts: &[Part]) -> String {
    let labels = |included: bool| -> Vec<String> {
        let some = parts.iter().filter(|part| part.included == included);
        some.map(|part| if included { part.label() } else { format!("{}: {}", part.label(), part.reason.short()) }).collect()
    };
    let (inside, outside) = (labels(true), labels(false));
    let inside = if inside.is_empty() { "only the configuration".to_owned() } else { inside.join(", ") };
    if outside.is_empty() { inside } else { format!("{inside}; not in the backup: {}", outside.join(", ")) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parts(kind: GuestKind, config: Json) -> Vec<(String, bool, Reason)> {
        let Json::Object(config) = config else { unreachable!("an object") };
        of(kind, &config).into_iter().map(|part| (part.key, part.included, part.reason)).collect()
    }

    #[test]
    fn a_container_includes_its_root_and_enabled_mount_points() {
        let config = json!({
            "mp10": "local-lvm:1,mp=/late,backup=1", "mp2": "/srv/bind,mp=/mnt/bind", "mp1": "local-lvm:2,mp=/mnt/bulk,backup=0,size=1G",
            "mp0": "local-lvm:3,mp=/mnt/data,backup=1,size=1G", "rootfs": "local-lvm:4,size=8G", "mp3": "/dev/sdb1,mp=/usb", "memory": 512,
            "mp4": "local-lvm:5,mp=/plain",
        });
        let expected = [
            ("rootfs", true, Reason::Root),
            ("mp0", true, Reason::Enabled),
            ("mp1", false, Reason::NotEnabled),
            ("mp2", false, Reason::Bind),
            ("mp3", false, Reason::Device),
            ("mp4", false, Reason::NotEnabled),
            ("mp10", true, Reason::Enabled),
        ];
        assert_eq!(parts(GuestKind::Lxc, config), expected.map(|(key, included, reason)| (key.to_owned(), included, reason)));
    }

    #[test]
    fn a_vm_includes_its_disks_but_no_media() {
        let config = json!({
            "scsi0": "local-lvm:vm-201-disk-0,size=32G", "scsi1": "local-lvm:vm-201-disk-1,backup=0,size=100G", "scsihw": "virtio-scsi-pci",
            "ide2": "local:iso/debian.iso,media=cdrom", "ide0": "none,media=cdrom", "efidisk0": "local-lvm:vm-201-disk-2,size=4M",
        });
        let expected = [("efidisk0", true, Reason::Disk), ("scsi0", true, Reason::Disk), ("scsi1", false, Reason::Disabled)];
        assert_eq!(parts(GuestKind::Qemu, config), expected.map(|(key, included, reason)| (key.to_owned(), included, reason)));
    }

    #[test]
    fn consistency_depends_on_mode_and_agent() {
        use Consistency::{Crash, Fsfreeze, Stopped};
        for (mode, running, agent, expected) in [
            (Mode::Snapshot, false, false, Stopped),
            (Mode::Stop, true, true, Stopped),
            (Mode::Snapshot, true, true, Fsfreeze),
            (Mode::Snapshot, true, false, Crash),
            (Mode::Suspend, true, true, Crash),
        ] {
            assert_eq!(Consistency::expected(mode, running, agent), expected, "{mode:?} {running} {agent}");
        }
    }

    #[test]
    fn sizes_and_the_one_line_form() {
        assert_eq!(
            (size("8G"), size("1.5G"), size("4M"), size("12"), size("x")),
            (Some(8 << 30), Some(3 << 29), Some(4 << 20), Some(12), None)
        );
        let Json::Object(config) = json!({"rootfs": "a:1,size=1G", "mp0": "/srv,mp=/srv"}) else { unreachable!("an object") };
        assert_eq!(line(&of(GuestKind::Lxc, &config)), "rootfs; not in the backup: mp0 (/srv): bind mount");
    }
}
