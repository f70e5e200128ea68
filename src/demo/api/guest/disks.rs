//! Disks of guests: settings, new volumes and their names.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::api::schema::property::{self, Fields};
use crate::api::schema::{self, Schema};
use crate::demo::api::Refusal;
use crate::demo::state::{Guest, GuestKind, Map, State, Storage, Volume};

/// The source of a disk or mount point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Volume,
    Bind,
    Device,
    /// An optical drive, or none.
    Media,
}

impl Source {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Volume => "volume",
            Self::Bind => "bind",
            Self::Device => "device",
            Self::Media => "media",
        }
    }
}

/// A disk or mount point of a configuration.
#[derive(Debug, Clone)]
pub(super) struct Disk {
    pub(super) key: String,
    pub(super) fields: Fields,
    pub(super) kind: GuestKind,
}

/// Returns the schema of a setting.
pub(super) fn setting(kind: GuestKind, key: &str) -> Option<&'static Schema> {
    let path = format!("/nodes/n/{}/100/config", kind.word());
    let (method, _) = schema::find("PUT", &path)?;
    if ["node", "vmid", "digest", "delete", "revert", "skiplock", "force", "background_delay"].contains(&key) {
        return None;
    }
    method.parameters.property(key)
}

/// Returns a value as stored in the configuration: integers and booleans as numbers, others as text.
pub(super) fn typed(kind: GuestKind, key: &str, text: &str) -> Value {
    let number = setting(kind, key).and_then(|schema| schema.kind).is_some_and(|kind| {
        use crate::api::schema::Kind;
        matches!(kind, Kind::Integer | Kind::Boolean)
    });
    match text.parse::<i64>() {
        Ok(value) if number => value.into(),
        _ => text.into(),
    }
}

pub(super) fn fields_of(kind: GuestKind, key: &str) -> Option<&'static BTreeMap<String, Schema>> {
    setting(kind, key)?.fields()
}

/// Whether a setting is a disk (not an unused one).
pub(super) fn is_disk(kind: GuestKind, key: &str) -> bool {
    let numbered = |stem: &str| key.strip_prefix(stem).is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()));
    match kind {
        GuestKind::Lxc => key == "rootfs" || numbered("mp"),
        GuestKind::Qemu => key == "efidisk0" || key == "tpmstate0" || ["scsi", "virtio", "sata", "ide"].into_iter().any(numbered),
    }
}

pub(super) fn is_net(key: &str) -> bool {
    key.strip_prefix("net").is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()))
}

/// Returns the first volume of a guest that cannot be replicated; only ZFS can.
pub(in crate::demo::api) fn unreplicable(state: &State, guest: &Guest) -> Option<String> {
    let on_zfs = |disk: &Disk| disk.storage().and_then(|id| state.storages.get(id)).is_some_and(|storage| storage.kind() == "zfspool");
    let all = disks(guest.kind, &guest.config);
    let wanted = all.iter().filter(|disk| disk.source() == Source::Volume && disk.get("replicate") != "0");
    wanted.filter(|disk| !on_zfs(disk)).map(|disk| disk.volume().to_owned()).next()
}

impl Disk {
    /// Parses the setting of a disk.
    pub(super) fn parse(kind: GuestKind, key: &str, text: &str) -> Option<Self> {
        let fields = property::split(fields_of(kind, key)?, text).ok()?;
        Some(Self { key: key.to_owned(), fields, kind })
    }

    fn volume_key(kind: GuestKind) -> &'static str {
        if kind == GuestKind::Lxc { "volume" } else { "file" }
    }

    pub(super) fn volume(&self) -> &str {
        self.get(Self::volume_key(self.kind))
    }

    pub(super) fn set_volume(&mut self, volume: &str) {
        self.set(Self::volume_key(self.kind), volume);
    }

    pub(super) fn get(&self, field: &str) -> &str {
        self.fields.get(field).and_then(Value::as_str).unwrap_or("")
    }

    pub(super) fn set(&mut self, field: &str, value: &str) {
        self.fields.insert(field.to_owned(), value.into());
    }

    pub(super) fn source(&self) -> Source {
        let volume = self.volume();
        if self.get("media") == "cdrom" || volume == "none" || volume == "cdrom" {
            Source::Media
        } else if volume.starts_with("/dev/") {
            Source::Device
        } else if volume.starts_with('/') {
            Source::Bind
        } else {
            Source::Volume
        }
    }

    /// Whether the volume of the disk was deleted from its storage.
    pub(super) fn is_lost(&self, state: &State) -> bool {
        self.source() == Source::Volume && self.wanted().is_none() && state.volume(self.volume()).is_none()
    }

    /// Returns the storage of the volume.
    pub(super) fn storage(&self) -> Option<&str> {
        (!self.volume().starts_with('/')).then(|| self.volume().split_once(':').map(|(storage, _)| storage)).flatten()
    }

    /// Returns storage and size (GiB) of a requested new volume.
    pub(super) fn wanted(&self) -> Option<(&str, f64)> {
        let (storage, size) = self.volume().split_once(':')?;
        if storage.contains(['/', ' ']) || size.starts_with('.') || size.ends_with('.') {
            return None;
        }
        size.bytes().all(|b| b.is_ascii_digit() || b == b'.').then(|| size.parse().ok()).flatten().map(|size| (storage, size))
    }

    /// Returns the size in the setting in bytes.
    pub(super) fn size(&self) -> u64 {
        property::size(self.get("size")).unwrap_or(0)
    }

    /// Returns whether a backup includes the disk, and the host's reason.
    pub(super) fn in_backup(&self) -> (bool, &'static str) {
        if self.kind == GuestKind::Qemu {
            return if self.get("backup") == "0" { (false, "disabled") } else { (true, "enabled") };
        }
        match self.source() {
            _ if self.key == "rootfs" => (true, "rootfs"),
            Source::Volume if self.get("backup") == "1" => (true, "enabled"),
            Source::Volume => (false, "disabled"),
            _ => (false, "not a volume"),
        }
    }

    /// Returns the mount point in the container.
    pub(super) fn mount(&self) -> &str {
        if self.key == "rootfs" { "/" } else { self.get("mp") }
    }

    pub(super) fn text(&self) -> String {
        fields_of(self.kind, &self.key).map_or_else(String::new, |fields| property::print(fields, &self.fields))
    }
}

/// Returns the disks of a configuration: rootfs first, then by name.
pub(super) fn disks(kind: GuestKind, config: &Map) -> Vec<Disk> {
    let mut found: Vec<Disk> =
        config.iter().filter(|(key, _)| is_disk(kind, key)).filter_map(|(key, value)| Disk::parse(kind, key, value.as_str()?)).collect();
    let number = |key: &str| key.trim_start_matches(|c: char| !c.is_ascii_digit()).parse::<u32>().unwrap_or(0);
    found.sort_by_key(|disk| (disk.key != "rootfs", disk.key.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned(), number(&disk.key)));
    found
}

/// Whether all disks of the guest support snapshots.
pub(super) fn can_snapshot(state: &State, guest: &Guest, backup_only: bool) -> bool {
    disks(guest.kind, &guest.config).iter().filter(|disk| !backup_only || disk.in_backup().0).all(|disk| match disk.source() {
        Source::Media => true,
        Source::Bind | Source::Device => false,
        Source::Volume => {
            let image = disk.volume().ends_with(".qcow2");
            image || disk.storage().and_then(|id| state.storages.get(id)).is_some_and(|storage| storage.snapshots)
        }
    })
}

/// Whether a storage keeps volumes as files in a folder per guest.
fn in_folders(storage: &Storage) -> bool {
    matches!(storage.kind(), "dir" | "nfs" | "cifs" | "btrfs" | "cephfs")
}

/// Returns the path of a directory storage.
pub(super) fn folder(state: &State, id: &str) -> String {
    let storage = state.storages.get(id);
    let path = storage.and_then(|storage| storage.text("path")).map(|path| path.trim_end_matches('/').to_owned());
    path.unwrap_or_else(|| if id == "local" { "/var/lib/vz".to_owned() } else { format!("/mnt/pve/{id}") })
}

/// Returns the path of a volume on its node.
pub(super) fn path_of(state: &State, volid: &str) -> String {
    let Some((id, name)) = volid.split_once(':') else { return volid.to_owned() };
    let folder = folder(state, id);
    let kind = state.storages.get(id).map_or("dir", Storage::kind);
    match name.split_once('/') {
        Some(("backup", file)) => format!("{folder}/dump/{file}"),
        Some(("vztmpl", file)) => format!("{folder}/template/cache/{file}"),
        Some(("iso", file)) => format!("{folder}/template/iso/{file}"),
        Some(("snippets", file)) => format!("{folder}/snippets/{file}"),
        Some(("import", file)) => format!("{folder}/import/{file}"),
        Some((_, file)) if kind == "btrfs" => {
            format!("{folder}/images/{}/disk.raw", name.trim_end_matches(".raw").replacen(file, file.trim_end_matches(".raw"), 1))
        }
        Some(_) => format!("{folder}/images/{name}"),
        None => format!("/dev/{}/{name}", state.storages.get(id).and_then(|storage| storage.text("vgname")).unwrap_or("pve")),
    }
}

/// Assigns names to new volumes of a guest.
pub(super) struct Namer {
    vmid: u32,
    taken: Vec<String>,
}

impl Namer {
    pub(super) fn new(state: &State, vmid: u32) -> Self {
        let marker = format!("-{vmid}-");
        let on_storages = state.storages.values().flat_map(|storage| storage.volumes.iter().map(|volume| volume.volid.clone()));
        let mut taken: Vec<String> = on_storages.filter(|volid| volid.contains(&marker)).collect();
        if let Some(guest) = state.guests.get(&vmid) {
            taken.extend(guest.config.values().filter_map(|value| value.as_str()?.split(',').next().map(str::to_owned)));
        }
        Self { vmid, taken }
    }

    /// Returns the ID of a new volume; `stem` is `disk`, `cloudinit` or `state-name`.
    pub(super) fn name(&mut self, storage: &Storage, id: &str, kind: GuestKind, format: &str, base: bool) -> String {
        let vmid = self.vmid;
        let stem = match (base, storage.kind(), kind, format) {
            (true, _, _, _) => "base",
            (_, "zfspool", GuestKind::Lxc, _) | (_, _, _, "subvol") => "subvol",
            _ => "vm",
        };
        for number in 0.. {
            let used = self.taken.iter().any(|volid| {
                volid.starts_with(&format!("{id}:")) && {
                    let tail = volid.rsplit(['/', ':']).next().unwrap_or("");
                    tail.split('.').next().is_some_and(|name| name.ends_with(&format!("-{vmid}-disk-{number}")))
                }
            });
            if used {
                continue;
            }
            let plain = format!("{stem}-{vmid}-disk-{number}");
            let volid = if in_folders(storage) { format!("{id}:{vmid}/{plain}.{format}") } else { format!("{id}:{plain}") };
            self.taken.push(volid.clone());
            return volid;
        }
        String::new()
    }
}

/// A new volume of a disk, with the log lines of its creation.
pub(super) struct Made {
    pub(super) volume: Volume,
    pub(super) lines: Vec<String>,
}

/// Creates the volume that a disk setting requests and sets its ID and size.
pub(super) fn make(state: &State, namer: &mut Namer, disk: &mut Disk, node: &str, base: bool) -> Result<Option<Made>, Refusal> {
    let Some((id, gigabytes)) = disk.wanted().map(|(id, size)| (id.to_owned(), size)) else { return Ok(None) };
    let storage = usable(state, &id, node)?;
    let bytes = (gigabytes * 1024.0 * 1024.0).round() as u64 * 1024;
    let (content, fallback) = match disk.kind {
        GuestKind::Lxc => ("rootdir", "raw"),
        GuestKind::Qemu => ("images", if in_folders(storage) && storage.kind() != "btrfs" { "qcow2" } else { "raw" }),
    };
    let format = match disk.fields.get("format").and_then(Value::as_str) {
        Some(format) if disk.kind == GuestKind::Qemu => format.to_owned(),
        _ if disk.kind == GuestKind::Lxc && storage.kind() == "zfspool" => "subvol".to_owned(),
        _ => fallback.to_owned(),
    };
    let volid = namer.name(storage, &id, disk.kind, &format, base);
    let mut volume = Volume::new(&volid, content, &format, bytes);
    volume.vmid = Some(namer.vmid);
    if !storage.is_shared() {
        volume.node = Some(node.to_owned());
    }
    let lines = made_lines(state, storage, &volid, &format, bytes, disk.kind);
    disk.set_volume(&volid);
    disk.set("size", &property::size_text(bytes));
    if disk.kind == GuestKind::Qemu {
        disk.fields.shift_remove("format");
    }
    Ok(Some(Made { volume, lines }))
}

fn made_lines(state: &State, storage: &Storage, volid: &str, format: &str, bytes: u64, kind: GuestKind) -> Vec<String> {
    let mut lines = Vec::new();
    match storage.kind() {
        "lvmthin" | "lvm" => lines.push(format!("  Logical volume \"{}\" created.", volid.rsplit(':').next().unwrap_or(volid))),
        "dir" | "nfs" | "cifs" => {
            let extra =
                if format == "qcow2" { " cluster_size=65536 extended_l2=off preallocation=metadata compression_type=zlib" } else { "" };
            let path = path_of(state, volid);
            let tail = if format == "qcow2" { " lazy_refcounts=off refcount_bits=16" } else { " preallocation=off" };
            lines.push(if format == "qcow2" {
                format!("Formatting '{path}', fmt=qcow2{extra} size={bytes}{tail}")
            } else {
                format!("Formatting '{path}', fmt={format} size={bytes}{tail}")
            });
        }
        _ => {}
    }
    if kind == GuestKind::Lxc && format == "raw" {
        lines.extend(mkfs_lines(bytes));
    }
    lines
}

/// Returns the output of mke2fs.
fn mkfs_lines(bytes: u64) -> Vec<String> {
    let blocks = bytes / 4096;
    let inodes = bytes / 16_384;
    let mut groups: Vec<u64> = vec![1];
    for base in [3u64, 5, 7] {
        groups.extend((1..12).map(|power| base.pow(power)));
    }
    groups.sort_unstable();
    let copies: Vec<String> = groups.iter().map(|group| group * 32_768).filter(|at| *at < blocks).map(|at| at.to_string()).collect();
    let mut lines = vec![
        format!("Creating filesystem with {blocks} 4k blocks and {inodes} inodes"),
        format!("Filesystem UUID: {}", super::random::uuid()),
        "Superblock backups stored on blocks: ".to_owned(),
    ];
    let mut line = String::new();
    for (index, copy) in copies.iter().enumerate() {
        let last = index + 1 == copies.len();
        let piece = if last { copy.clone() } else { format!("{copy}, ") };
        if line.len() + piece.len() > 74 {
            lines.push(format!("\t{line}"));
            line.clear();
        }
        line.push_str(&piece);
    }
    if !line.is_empty() {
        lines.push(format!("\t{line}"));
    }
    lines
}

/// Returns the output of e2fsck without errors.
pub(super) fn fsck_lines(path: &str, bytes: u64) -> Vec<String> {
    let passes = [
        "Checking inodes, blocks, and sizes",
        "Checking directory structure",
        "Checking directory connectivity",
        "Checking reference counts",
    ];
    let passes = passes.into_iter().chain(["Checking group summary information"]).zip(1..);
    let mut lines = vec!["e2fsck 1.47.2 (1-Jan-2025)".to_owned()];
    lines.extend(passes.map(|(what, pass)| format!("Pass {pass}: {what}")));
    let (inodes, blocks) = (bytes / 16_384, bytes / 4096);
    lines.push(format!("{path}: {}/{inodes} files (0.0% non-contiguous), {}/{blocks} blocks", inodes / 200, blocks / 14));
    lines
}

/// Returns the statistics of rsync.
pub(super) fn rsync_lines(bytes: u64) -> Vec<String> {
    let used = bytes / 5;
    let (files, speed) = (used / 80_000, used / 2);
    let text = format!(
        "\nNumber of files: {files} (reg: {files})\nNumber of created files: {files} (reg: {files})\nNumber of deleted files: 0\n\
Number of regular files transferred: {files}\nTotal file size: {used} bytes\nTotal transferred file size: {used} bytes\n\
Literal data: {used} bytes\nMatched data: 0 bytes\nFile list size: 0\nFile list generation time: 0.001 seconds\n\
File list transfer time: 0.000 seconds\nTotal bytes sent: {used}\nTotal bytes received: {files}\n\n\
sent {used} bytes  received {files} bytes  {speed}.00 bytes/sec\ntotal size is {used}  speedup is 1.00"
    );
    text.split('\n').map(str::to_owned).collect()
}

/// Returns a storage that the node can use, or the host's error.
pub(super) fn usable<'a>(state: &'a State, id: &str, node: &str) -> Result<&'a Storage, Refusal> {
    let Some(storage) = state.storages.get(id) else {
        return Err(Refusal::die(format!("storage '{id}' does not exist")));
    };
    if !storage.is_enabled() {
        return Err(Refusal::die(format!("storage '{id}' is disabled")));
    }
    if !storage.on_node(node) {
        return Err(Refusal::die(format!("storage '{id}' is not available on node '{node}'")));
    }
    Ok(storage)
}
