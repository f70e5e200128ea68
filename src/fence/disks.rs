//! Output of `lsblk --json` as rows: filesystems on USB disks, and why one must not be mounted.

use serde::{Deserialize, Serialize};

use super::text::Uuid;

/// The columns to request.
pub const LSBLK_COLUMNS: &str = "NAME,PATH,PKNAME,TYPE,SIZE,RO,RM,TRAN,SUBSYSTEMS,FSTYPE,LABEL,UUID,PTTYPE,SERIAL,MODEL,VENDOR,MOUNTPOINTS";

/// A filesystem type that felhom can mount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filesystem {
    Ext2,
    Ext3,
    Ext4,
    Xfs,
    Btrfs,
    Vfat,
    Exfat,
    Ntfs,
}

impl Filesystem {
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "ext2" => Self::Ext2,
            "ext3" => Self::Ext3,
            "ext4" => Self::Ext4,
            "xfs" => Self::Xfs,
            "btrfs" => Self::Btrfs,
            "vfat" => Self::Vfat,
            "exfat" => Self::Exfat,
            "ntfs" => Self::Ntfs,
            _ => return None,
        })
    }

    /// The type for `mount -t`. The kernel's NTFS driver is called `ntfs3`.
    pub fn mount_type(self) -> &'static str {
        match self {
            Self::Ext2 => "ext2",
            Self::Ext3 => "ext3",
            Self::Ext4 => "ext4",
            Self::Xfs => "xfs",
            Self::Btrfs => "btrfs",
            Self::Vfat => "vfat",
            Self::Exfat => "exfat",
            Self::Ntfs => "ntfs3",
        }
    }

    /// Whether to check the filesystem before mounting it. xfs and btrfs repair themselves on mount; Proxmox VE has no NTFS checker.
    pub fn has_fsck(self) -> bool {
        matches!(self, Self::Ext2 | Self::Ext3 | Self::Ext4 | Self::Vfat | Self::Exfat)
    }

    /// Whether files are limited to 4 GiB, which is too small for backups.
    pub fn small_files_only(self) -> bool {
        self == Self::Vfat
    }
}

/// One block device as lsblk prints it.
#[derive(Debug, Clone, Deserialize)]
pub struct Block {
    pub name: String,
    #[serde(default)]
    pub path: Option<String>,
    #[serde(rename = "type", default)]
    pub kind: Option<String>,
    #[serde(default)]
    pub size: Option<u64>,
    #[serde(default)]
    pub ro: bool,
    #[serde(default)]
    pub tran: Option<String>,
    #[serde(default)]
    pub subsystems: Option<String>,
    #[serde(default)]
    pub fstype: Option<String>,
    #[serde(default)]
    pub label: Option<String>,
    #[serde(default)]
    pub uuid: Option<String>,
    #[serde(default)]
    pub pttype: Option<String>,
    #[serde(default)]
    pub serial: Option<String>,
    #[serde(default)]
    pub model: Option<String>,
    #[serde(default)]
    pub vendor: Option<String>,
    #[serde(default)]
    pub mountpoints: Vec<Option<String>>,
    #[serde(default)]
    pub children: Vec<Self>,
}

impl Block {
    pub fn path(&self) -> String {
        self.path.clone().unwrap_or_else(|| format!("/dev/{}", self.name))
    }

    /// Detects USB by transport or subsystem. `hotplug` is false for the USB disks it was tested with.
    pub fn is_usb(&self) -> bool {
        self.tran.as_deref() == Some("usb") || self.subsystems.as_deref().is_some_and(|s| s.split(':').any(|one| one == "usb"))
    }

    /// Whether this is a physical disk or looks like one, not a loop device, RAM disk, ZFS volume or network device.
    pub fn is_disk(&self) -> bool {
        const NOT: [&str; 7] = ["loop", "ram", "zram", "zd", "nbd", "rbd", "fd"];
        self.kind.as_deref() == Some("disk")
            && !NOT.iter().any(|n| self.name.strip_prefix(n).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit())))
    }

    pub fn is_partition(&self) -> bool {
        self.kind.as_deref() == Some("part")
    }

    pub fn mounted_at(&self) -> Vec<&str> {
        self.mountpoints.iter().flatten().map(String::as_str).collect()
    }

    fn all(&self) -> Vec<&Self> {
        let mut found = vec![self];
        for child in &self.children {
            found.extend(child.all());
        }
        found
    }
}

#[derive(Deserialize)]
struct Tree {
    blockdevices: Vec<Block>,
}

/// Reads lsblk's JSON.
pub fn parse_lsblk(text: &[u8]) -> Result<Vec<Block>, String> {
    serde_json::from_slice::<Tree>(text).map(|tree| tree.blockdevices).map_err(|e| format!("cannot parse lsblk's output: {e}"))
}

/// A mount that felhom manages, whether or not its disk is plugged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    pub name: String,
    pub uuid: String,
    pub unit: String,
}

/// A filesystem on a USB disk, or a USB disk without partitions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsbRow {
    pub disk: String,
    pub partition: Option<String>,
    pub uuid: Option<String>,
    pub fstype: Option<String>,
    pub label: Option<String>,
    pub size_bytes: u64,
    pub model: Option<String>,
    pub serial: Option<String>,
    pub mounted_at: Option<String>,
    pub unit: Option<String>,
    pub usable: bool,
    pub why_not: Option<String>,
}

/// The state of a mount that felhom manages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MountState {
    Mounted,
    /// The disk is plugged in but not mounted; `usb mount` mounts it.
    NotMounted,
    Unplugged,
    /// Another filesystem is mounted at the mount point.
    Foreign,
}

/// A mount that felhom manages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MountRow {
    pub name: String,
    pub uuid: String,
    #[serde(rename = "place")]
    pub mount_point: String,
    pub unit: String,
    pub persist: super::request::Persist,
    pub state: MountState,
    pub device: Option<String>,
    pub fstype: Option<String>,
    pub size_bytes: Option<u64>,
    pub used_bytes: Option<u64>,
    pub available_bytes: Option<u64>,
    /// Options in addition to the fixed ones.
    #[serde(default)]
    pub options: Vec<super::request::MountOption>,
    /// Incomplete setup on the host, which `usb mount` repairs.
    #[serde(default)]
    pub problems: Vec<String>,
}

/// Returns the rows of all USB disks. `recorded` are the mounts that felhom manages.
pub fn usb_rows(tree: &[Block], recorded: &[Recorded]) -> Vec<UsbRow> {
    let mut rows = Vec::new();
    for disk in tree.iter().filter(|b| b.is_disk() && b.is_usb()) {
        let partitions: Vec<&Block> = disk.children.iter().filter(|c| c.is_partition()).collect();
        if partitions.is_empty() || disk.fstype.is_some() {
            rows.push(row(tree, disk, None, recorded));
        }
        rows.extend(partitions.into_iter().map(|part| row(tree, disk, Some(part), recorded)));
    }
    rows
}

fn row(tree: &[Block], disk: &Block, part: Option<&Block>, recorded: &[Recorded]) -> UsbRow {
    let block = part.unwrap_or(disk);
    let unit = block.uuid.as_ref().and_then(|u| recorded.iter().find(|r| &r.uuid == u));
    let why_not = why_not(tree, disk, block, unit);
    let clean = |text: &Option<String>| text.as_deref().map(str::trim).filter(|t| !t.is_empty()).map(ToOwned::to_owned);
    UsbRow {
        disk: disk.path(),
        partition: part.map(Block::path),
        uuid: block.uuid.clone(),
        fstype: block.fstype.clone(),
        label: clean(&block.label),
        size_bytes: block.size.unwrap_or_default(),
        model: clean(&disk.model),
        serial: clean(&disk.serial),
        mounted_at: block.mounted_at().first().map(|&p| p.to_owned()),
        unit: unit.map(|r| r.unit.clone()),
        usable: why_not.is_none(),
        why_not,
    }
}

/// Returns why the filesystem must not be mounted. The helper checks this again as root before it mounts.
fn why_not(tree: &[Block], disk: &Block, block: &Block, ours: Option<&Recorded>) -> Option<String> {
    let system = |at: &str| matches!(at, "/" | "/boot" | "/boot/efi" | "/usr" | "/var" | "/etc/pve" | "[SWAP]");
    if disk.all().iter().any(|b| b.mounted_at().into_iter().any(system)) {
        return Some("the disk contains the running system or its swap".into());
    }
    if block.is_disk() && (!block.children.is_empty() || block.pttype.is_some()) {
        return Some("the disk has partitions: choose one of them".into());
    }
    let fstype = match block.fstype.as_deref() {
        Some("swap") => return Some("it is swap space".into()),
        Some("crypto_LUKS") => return Some("it is encrypted (LUKS), which felhom does not support".into()),
        Some(member) if member.ends_with("_member") => return Some(format!("it belongs to a volume group, pool or array ({member})")),
        other => other,
    };
    if let Some(holder) = block.children.first() {
        return Some(format!("it is used by {}", holder.path()));
    }
    let Some(fstype) = fstype else {
        return Some("it has no filesystem".into());
    };
    if Filesystem::parse(fstype).is_none() {
        return Some(format!("filesystem {fstype} is not supported"));
    }
    let uuid = match block.uuid.as_deref() {
        None => return Some("its filesystem has no UUID".into()),
        Some(text) if Uuid::new(text).is_err() => return Some("its UUID has an unknown format".into()),
        Some(text) => text,
    };
    let same = tree
        .iter()
        .flat_map(Block::all)
        .filter(|b| b.uuid.as_deref() == Some(uuid))
        .map(Block::path)
        .collect::<std::collections::BTreeSet<_>>();
    if same.len() != 1 {
        let names: Vec<_> = same.into_iter().collect();
        return Some(format!("the UUID is not unique: {}", names.join(", ")));
    }
    if block.ro || disk.ro {
        return Some("the device is read-only".into());
    }
    let mount_point = ours.map(|r| super::unit::mount_point(&r.name));
    block
        .mounted_at()
        .into_iter()
        .find(|at| Some(*at) != mount_point.as_deref())
        .map(|at| format!("it is mounted at {at}, but not by felhom"))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use serde_json::json;

    pub(crate) fn sample(name: &str) -> Option<Vec<u8>> {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/samples/disks").join(name);
        match std::fs::read(&path) {
            Ok(bytes) => Some(bytes),
            Err(_) if std::env::var_os("FELHOM_REQUIRE_REAL").is_none() => {
                #[expect(clippy::print_stderr, reason = "reports a skipped test")]
                {
                    eprintln!("skipped: {} is missing", path.display());
                }
                None
            }
            Err(e) => panic!("{}: {e}", path.display()),
        }
    }

    fn tree(value: &serde_json::Value) -> Vec<Block> {
        parse_lsblk(json!({ "blockdevices": value }).to_string().as_bytes()).expect("a tree")
    }

    const UUID: &str = "3f2b1c9a-7d54-4e0b-9a51-0c1d2e3f4a5b";

    fn stick(part: &serde_json::Value) -> serde_json::Value {
        let mut whole =
            json!({"name":"sdb1","path":"/dev/sdb1","type":"part","size":1000,"fstype":"ext4","uuid":UUID,"mountpoints":[null]});
        for (key, value) in part.as_object().expect("an object") {
            whole[key] = value.clone();
        }
        json!({"name":"sdb","path":"/dev/sdb","type":"disk","size":2000,"tran":"usb","pttype":"gpt","model":"Stick ","serial":"S1","mountpoints":[null],"children":[whole]})
    }

    fn reason(part: &serde_json::Value) -> Option<String> {
        usb_rows(&tree(&json!([stick(part)])), &[]).remove(0).why_not
    }

    #[test]
    fn the_sample_has_three_usb_disks_and_two_filesystems() {
        let Some(text) = sample("qemu-lsblk.json") else { return };
        let rows = usb_rows(&parse_lsblk(&text).expect("the sample parses"), &[]);
        let brief: Vec<_> =
            rows.iter().map(|r| (r.disk.as_str(), r.partition.as_deref(), r.fstype.as_deref(), r.usable, r.why_not.as_deref())).collect();
        assert_eq!(
            brief,
            [
                ("/dev/sdb", None, None, false, Some("it has no filesystem")),
                ("/dev/sdc", None, Some("vfat"), true, None),
                ("/dev/sdd", Some("/dev/sdd1"), Some("ext4"), true, None),
            ]
        );
        // A partition has no model or serial number of its own.
        assert_eq!((rows[2].model.as_deref(), rows[2].serial.as_deref()), (Some("QEMU HARDDISK"), Some("USBSER0001")));
        assert_eq!((rows[2].uuid.as_deref(), rows[2].label.as_deref(), rows[2].size_bytes), (Some(UUID), Some("USBBACKUP"), 524_288_000));
    }

    #[test]
    fn each_reason_against_mounting_is_named() {
        assert_eq!(reason(&json!({})), None);
        let says = |part: serde_json::Value, word: &str| {
            let why = reason(&part).unwrap_or_default();
            assert!(why.contains(word), "{part}: {why:?} lacks {word:?}");
        };
        says(json!({"mountpoints":["/"]}), "running system");
        says(json!({"mountpoints":["/boot/efi"]}), "running system");
        says(json!({"mountpoints":["[SWAP]"]}), "swap");
        says(json!({"fstype":"swap"}), "swap");
        says(json!({"fstype":"LVM2_member"}), "LVM2_member");
        says(json!({"fstype":"zfs_member"}), "zfs_member");
        says(json!({"fstype":"linux_raid_member"}), "linux_raid_member");
        says(json!({"fstype":"crypto_LUKS"}), "LUKS");
        says(json!({"children":[{"name":"vg-x","path":"/dev/mapper/vg-x","type":"lvm"}]}), "/dev/mapper/vg-x");
        says(json!({"fstype":null}), "no filesystem");
        says(json!({"fstype":"iso9660"}), "iso9660");
        says(json!({"uuid":null}), "no UUID");
        says(json!({"uuid":"2024-01-01-00-00-00-00"}), "unknown format");
        says(json!({"ro":true}), "read-only");
        says(json!({"mountpoints":["/media/x"]}), "/media/x");
        // The root filesystem on a logical volume.
        says(json!({"fstype":"LVM2_member","children":[{"name":"pve-root","type":"lvm","mountpoints":["/"]}]}), "running system");
    }

    #[test]
    fn a_disk_with_partitions_and_a_duplicate_uuid_are_refused() {
        let mut whole = stick(&json!({}));
        whole["fstype"] = json!("ext4");
        whole["uuid"] = json!("aaaaaaaa-7d54-4e0b-9a51-0c1d2e3f4a5b");
        let rows = usb_rows(&tree(&json!([whole])), &[]);
        assert!(rows[0].why_not.as_deref().unwrap_or_default().contains("partitions") && rows[1].usable);

        let mut copy = stick(&json!({}));
        copy["path"] = json!("/dev/sdc");
        copy["name"] = json!("sdc");
        copy["tran"] = json!("sata");
        copy["children"][0]["path"] = json!("/dev/sdc1");
        let rows = usb_rows(&tree(&json!([stick(&json!({})), copy])), &[]);
        assert_eq!(rows.len(), 1, "the SATA copy is not a USB disk, but its UUID counts");
        assert_eq!(rows[0].why_not.as_deref(), Some("the UUID is not unique: /dev/sdb1, /dev/sdc1"));
    }

    #[test]
    fn a_filesystem_mounted_by_felhom_is_usable() {
        let ours = [Recorded { name: "backup".into(), uuid: UUID.into(), unit: "mnt-pve-backup.mount".into() }];
        let rows = usb_rows(&tree(&json!([stick(&json!({"mountpoints":["/mnt/pve/backup"]}))])), &ours);
        assert_eq!((rows[0].usable, rows[0].unit.as_deref()), (true, Some("mnt-pve-backup.mount")));
        let rows = usb_rows(&tree(&json!([stick(&json!({"mountpoints":["/mnt/pve/backup","/media/x"]}))])), &ours);
        assert!(!rows[0].usable, "a second mount point is not felhom's");
    }

    #[test]
    fn usb_is_detected_by_transport_or_subsystem_never_by_hotplug() {
        let disk = |extra: serde_json::Value| {
            let mut d = json!({"name":"sdz","path":"/dev/sdz","type":"disk","size":1,"mountpoints":[null]});
            for (key, value) in extra.as_object().expect("an object") {
                d[key] = value.clone();
            }
            tree(&json!([d])).remove(0).is_usb()
        };
        assert!(disk(json!({"tran":"usb"})) && disk(json!({"subsystems":"block:scsi:usb:pci"})));
        assert!(!disk(json!({"tran":"sata","hotplug":true,"rm":true})) && !disk(json!({"subsystems":"block:scsi:pci"})));
    }
}
