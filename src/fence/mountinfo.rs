//! `/proc/PID/mountinfo`: mount points and their devices.

use super::fstab::unescape;

/// One mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// `major:minor` of the filesystem.
    pub device: String,
    pub mount_point: String,
    pub options: Vec<String>,
    pub fstype: String,
    pub source: String,
}

/// Parses the lines and skips malformed ones, which the kernel does not write.
pub fn parse(text: &str) -> Vec<Mount> {
    text.lines()
        .filter_map(|line| {
            let (left, right) = line.split_once(" - ")?;
            let left: Vec<&str> = left.split(' ').collect();
            let right: Vec<&str> = right.split(' ').collect();
            Some(Mount {
                device: (*left.get(2)?).to_owned(),
                mount_point: unescape(left.get(4)?),
                options: left.get(5)?.split(',').map(ToOwned::to_owned).collect(),
                fstype: (*right.first()?).to_owned(),
                source: unescape(right.get(1)?),
            })
        })
        .collect()
}

/// Returns the topmost mount at a mount point.
pub fn at<'a>(mounts: &'a [Mount], mount_point: &str) -> Option<&'a Mount> {
    mounts.iter().rev().find(|m| m.mount_point == mount_point)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_mount_at_a_mount_point_is_the_topmost() {
        let text = "36 35 98:0 / /mnt/pve/a\\040b rw,noatime master:1 - ext4 /dev/sdb1 rw,errors=continue\n\
                    40 35 0:44 / /mnt/pve/x rw - autofs systemd-1 rw\n41 40 8:17 / /mnt/pve/x rw,nosuid - ext4 /dev/sdb1 rw\nbroken";
        let mounts = parse(text);
        assert_eq!(mounts.len(), 3);
        assert_eq!(mounts[0].mount_point, "/mnt/pve/a b");
        assert_eq!(at(&mounts, "/mnt/pve/x").map(|m| (m.device.as_str(), m.fstype.as_str())), Some(("8:17", "ext4")));
        assert!(at(&mounts, "/mnt/pve").is_none());
    }
}
