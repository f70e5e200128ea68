//! The `.mount` unit of a USB disk: writing its text, and recognizing felhom's units.

use super::disks::Filesystem;
use super::request::MountOption;
use super::text::{MountName, Uuid};

/// Directory of unit files.
pub const UNIT_DIR: &str = "/etc/systemd/system";
/// Directory of mount points. Proxmox VE uses it for its own disks, and its API lists and removes them.
pub const MOUNT_DIR: &str = "/mnt/pve";

const MARK: &str = "# Written by felhom-fence: `felhom usb unmount` removes it.";

/// Returns the mount point for a name.
pub fn mount_point(name: &str) -> String {
    format!("{MOUNT_DIR}/{name}")
}

/// Returns the unit's file name. A mount name needs no systemd escaping.
pub fn unit_name(name: &str) -> String {
    format!("mnt-pve-{name}.mount")
}

/// Returns the unit that checks the filesystem before the mount.
pub fn fsck_unit(uuid: &str) -> String {
    format!("systemd-fsck@dev-disk-by\\x2duuid-{}.service", uuid.replace('-', "\\x2d"))
}

/// Returns the mount options, fixed ones first.
pub fn options(extra: &[MountOption]) -> String {
    let mut all = vec!["nofail", "nosuid", "nodev", "noexec", "noatime"];
    for option in extra {
        if !all.contains(&option.as_str()) {
            all.push(option.as_str());
        }
    }
    all.join(",")
}

/// Returns the unit's text. `JobTimeoutSec` limits the delay of a boot without the disk; a unit ignores `x-systemd.device-timeout`.
/// It counts from early in the boot: 20 s were too short in a slow VM with the disk present. Only multi-user.target waits for the
/// unit.
pub fn text(name: &MountName, uuid: &Uuid, fs: Filesystem, extra: &[MountOption]) -> String {
    let fsck = if fs.has_fsck() {
        let unit = fsck_unit(uuid.as_str());
        format!("Requires={unit}\nAfter={unit}\n")
    } else {
        String::new()
    };
    format!(
        "{MARK}\n[Unit]\nDescription=felhom usb {name}\n{fsck}JobTimeoutSec=60\n\n[Mount]\nWhat=/dev/disk/by-uuid/{uuid}\nWhere={}\nType={}\n\
         Options={}\nTimeoutSec=30\n\n[Install]\nWantedBy=multi-user.target\n",
        mount_point(name.as_str()),
        fs.mount_type(),
        options(extra)
    )
}

/// The parts of a unit file that matter here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    pub ours: bool,
    pub uuid: Option<String>,
    pub mount_point: Option<String>,
    pub options: Vec<String>,
}

/// Parses any `.mount` unit.
pub fn parse(text: &str) -> Parsed {
    let value = |key: &str| {
        text.lines().filter_map(|l| l.trim().strip_prefix(key)?.trim_start().strip_prefix('=')).next_back().map(|v| v.trim().to_owned())
    };
    let uuid = value("What").and_then(|what| {
        what.strip_prefix("/dev/disk/by-uuid/").or_else(|| what.strip_prefix("UUID=")).map(|u| u.trim_matches('"').to_owned())
    });
    let options = value("Options").unwrap_or_default().split(',').map(ToOwned::to_owned).collect();
    Parsed { ours: text.lines().next() == Some(MARK), uuid, mount_point: value("Where"), options }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "3f2b1c9a-7d54-4e0b-9a51-0c1d2e3f4a5b";

    #[test]
    fn the_text_of_a_unit() {
        let name = MountName::new("backup").expect("a name");
        let uuid = Uuid::new(UUID).expect("a uuid");
        assert_eq!(
            text(&name, &uuid, Filesystem::Ext4, &[MountOption::Ro]),
            "# Written by felhom-fence: `felhom usb unmount` removes it.\n[Unit]\nDescription=felhom usb backup\n\
             Requires=systemd-fsck@dev-disk-by\\x2duuid-3f2b1c9a\\x2d7d54\\x2d4e0b\\x2d9a51\\x2d0c1d2e3f4a5b.service\n\
             After=systemd-fsck@dev-disk-by\\x2duuid-3f2b1c9a\\x2d7d54\\x2d4e0b\\x2d9a51\\x2d0c1d2e3f4a5b.service\n\
             JobTimeoutSec=60\n\n[Mount]\nWhat=/dev/disk/by-uuid/3f2b1c9a-7d54-4e0b-9a51-0c1d2e3f4a5b\nWhere=/mnt/pve/backup\nType=ext4\n\
             Options=nofail,nosuid,nodev,noexec,noatime,ro\nTimeoutSec=30\n\n[Install]\nWantedBy=multi-user.target\n"
        );
    }

    #[test]
    fn only_felhoms_units_are_recognized() {
        let name = MountName::new("backup").expect("a name");
        let uuid = Uuid::new(UUID).expect("a uuid");
        let ours = text(&name, &uuid, Filesystem::Xfs, &[]);
        let options = |all: &str| all.split(',').map(ToOwned::to_owned).collect::<Vec<_>>();
        assert!(!ours.contains("fsck") && !ours.contains("automount"));
        assert_eq!(
            parse(&ours),
            Parsed {
                ours: true,
                uuid: Some(UUID.into()),
                mount_point: Some("/mnt/pve/backup".into()),
                options: options("nofail,nosuid,nodev,noexec,noatime")
            }
        );
        let proxmox = format!(
            "[Unit]\nDescription=Mount storage 'data'\n\n[Mount]\nOptions=defaults\nType=ext4\nWhat=/dev/disk/by-uuid/{UUID}\nWhere=/mnt/pve/data\n"
        );
        assert_eq!(
            parse(&proxmox),
            Parsed { ours: false, uuid: Some(UUID.into()), mount_point: Some("/mnt/pve/data".into()), options: options("defaults") }
        );
    }
}
