//! Mounts of the local node. The simulated host of the root helper shares the state directory, and its mounts count as well.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::state::State;

/// A mounted file system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    pub device: String,
    pub fstype: String,
}

/// Returns the root directory of the simulated host in a state directory.
pub fn host_root(state_dir: &Path) -> PathBuf {
    state_dir.join("host")
}

/// Copies the mounts of the simulated host into the state. Returns whether they changed.
pub(super) fn copy_mounts(state: &mut State, root: &Path) -> bool {
    let Ok(text) = fs::read_to_string(root.join("proc/self/mountinfo")) else { return false };
    let mounts = parse(&text);
    let Some(node) = state.nodes.get_mut(&state.local) else { return false };
    let changed = node.mounts != mounts;
    node.mounts = mounts;
    changed
}

/// Returns the mounts below `/mnt`, by mount point.
fn parse(mountinfo: &str) -> BTreeMap<String, Mount> {
    let line = |line: &str| {
        let (before, after) = line.split_once(" - ")?;
        let place = before.split(' ').nth(4)?.replace("\\040", " ");
        let mut source = after.split(' ');
        let (fstype, device) = (source.next()?.to_owned(), source.next()?.to_owned());
        place.starts_with("/mnt/").then_some((place, Mount { device, fstype }))
    };
    mountinfo.lines().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_below_mnt_are_found() {
        let text =
            "28 1 259:3 / / rw,relatime shared:1 - ext4 /dev/nvme0n1p2 rw\n90 28 8:17 / /mnt/pve/usb rw,nosuid - ext4 /dev/sdb1 rw\n";
        let mounts = parse(text);
        assert_eq!(mounts.keys().collect::<Vec<_>>(), ["/mnt/pve/usb"]);
        assert_eq!(mounts["/mnt/pve/usb"], Mount { device: "/dev/sdb1".into(), fstype: "ext4".into() });
    }

    #[test]
    fn mounts_of_the_simulated_host_are_copied() {
        let dir = tempfile::tempdir().unwrap();
        let mut state = State { local: "pve1".into(), ..State::default() };
        state.nodes.insert("pve1".into(), crate::demo::state::Node::default());
        assert!(!copy_mounts(&mut state, dir.path()));
        fs::create_dir_all(dir.path().join("proc/self")).unwrap();
        fs::write(dir.path().join("proc/self/mountinfo"), "90 28 8:17 / /mnt/pve/usb rw - ext4 /dev/sdb1 rw\n").unwrap();
        assert!(copy_mounts(&mut state, dir.path()));
        assert!(!copy_mounts(&mut state, dir.path()));
        assert!(state.nodes["pve1"].mounts.contains_key("/mnt/pve/usb"));
    }
}
