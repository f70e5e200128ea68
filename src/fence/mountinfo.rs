//! `/proc/PID/mountinfo`: what is mounted where, and from which device.

use super::fstab::unescape;

/// One mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// `major:minor` of the filesystem.
    pub device: String,
    pub place: String,
    pub options: Vec<String>,
    pub fstype: String,
    pub source: String,
}

/// Reads every line that is understood; the kernel writes no others.
pub fn parse(text: &str) -> Vec<Mount> {
    text.lines()
        .filter_map(|line| {
            let (left, right) = line.split_once(" - ")?;
            let left: Vec<&str> = left.split(' ').collect();
            let right: Vec<&str> = right.split(' ').collect();
            Some(Mount {
                device: (*left.get(2)?).to_owned(),
                place: unescape(left.get(4)?),
                options: left.get(5)?.split(',').map(ToOwned::to_owned).collect(),
                fstype: (*right.first()?).to_owned(),
                source: unescape(right.get(1)?),
            })
        })
        .collect()
}

/// The mount that is on top at a place.
pub fn at<'a>(mounts: &'a [Mount], place: &str) -> Option<&'a Mount> {
    mounts.iter().rev().find(|m| m.place == place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_mount_of_a_place_is_the_one_on_top() {
        let text = "36 35 98:0 / /mnt/pve/a\\040b rw,noatime master:1 - ext4 /dev/sdb1 rw,errors=continue\n\
                    40 35 0:44 / /mnt/pve/x rw - autofs systemd-1 rw\n41 40 8:17 / /mnt/pve/x rw,nosuid - ext4 /dev/sdb1 rw\nbroken";
        let mounts = parse(text);
        assert_eq!(mounts.len(), 3);
        assert_eq!(mounts[0].place, "/mnt/pve/a b");
        assert_eq!(at(&mounts, "/mnt/pve/x").map(|m| (m.device.as_str(), m.fstype.as_str())), Some(("8:17", "ext4")));
        assert!(at(&mounts, "/mnt/pve").is_none());
    }
}
