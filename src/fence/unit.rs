//! The `.mount` unit of a USB disk, as a text: written by us, and recognised again as ours.

use super::disks::Filesystem;
use super::request::MountOption;
use super::text::{MountName, Uuid};

/// Where units live on a host.
pub const UNIT_DIR: &str = "/etc/systemd/system";
/// Where Proxmox's own mounted disks live too: its API lists and removes what is here.
pub const MOUNT_DIR: &str = "/mnt/pve";

const MARK: &str = "# Written by felhom-fence: `felhom usb unmount` removes it.";

/// The mount point of a name.
pub fn place(name: &str) -> String {
    format!("{MOUNT_DIR}/{name}")
}

/// The unit's file name. Names have neither dashes nor other characters that systemd would escape.
pub fn unit_name(name: &str) -> String {
    format!("mnt-pve-{name}.mount")
}

/// The systemd unit that checks the filesystem first.
pub fn fsck_unit(uuid: &str) -> String {
    format!("systemd-fsck@dev-disk-by\\x2duuid-{}.service", uuid.replace('-', "\\x2d"))
}

/// The mount options, the fixed ones first.
pub fn options(extra: &[MountOption]) -> String {
    let mut all = vec!["nofail", "nosuid", "nodev", "noexec", "noatime"];
    for option in extra {
        if !all.contains(&option.as_str()) {
            all.push(option.as_str());
        }
    }
    all.join(",")
}

/// The unit's text. `JobTimeoutSec` is what bounds a boot without the disk: `x-systemd.device-timeout` is not heard in a unit.
/// It counts from early in the boot, and 20 s were too few in a slow virtual machine whose disk was there. Nothing but
/// multi-user.target waits for it.
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
        place(name.as_str()),
        fs.mount_type(),
        options(extra)
    )
}

/// What a unit file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    pub ours: bool,
    pub uuid: Option<String>,
    pub place: Option<String>,
    pub options: Vec<String>,
}

/// Reads any `.mount` unit, ours or another's.
pub fn parse(text: &str) -> Parsed {
    let value = |key: &str| {
        text.lines().filter_map(|l| l.trim().strip_prefix(key)?.trim_start().strip_prefix('=')).next_back().map(|v| v.trim().to_owned())
    };
    let uuid = value("What").and_then(|what| {
        what.strip_prefix("/dev/disk/by-uuid/").or_else(|| what.strip_prefix("UUID=")).map(|u| u.trim_matches('"').to_owned())
    });
    let options = value("Options").unwrap_or_default().split(',').map(ToOwned::to_owned).collect();
    Parsed { ours: text.lines().next() == Some(MARK), uuid, place: value("Where"), options }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "3f2b1c9a-7d54-4e0b-9a51-0c1d2e3f4a5b";

    #[test]
    fn the_unit_word_for_word() {
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
    fn it_is_recognised_and_others_are_not() {
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
                place: Some("/mnt/pve/backup".into()),
                options: options("nofail,nosuid,nodev,noexec,noatime")
            }
        );
        let proxmox = format!(
            "[Unit]\nDescription=Mount storage 'data'\n\n[Mount]\nOptions=defaults\nType=ext4\nWhat=/dev/disk/by-uuid/{UUID}\nWhere=/mnt/pve/data\n"
        );
        assert_eq!(
            parse(&proxmox),
            Parsed { ours: false, uuid: Some(UUID.into()), place: Some("/mnt/pve/data".into()), options: options("defaults") }
        );
    }
}
