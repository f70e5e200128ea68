//! Predefined roles.

use std::collections::BTreeSet;

/// The comment of users and tokens that felhom creates: `revoke` deletes nothing else.
pub const MADE: &str = "made by felhom role bootstrap";

/// A predefined role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preset {
    pub name: &'static str,
    pub role: &'static str,
    pub about: &'static str,
    pub privileges: &'static [&'static str],
    /// For one guest and one storage.
    pub narrow: bool,
}

pub static PRESETS: &[Preset] = &[
    Preset {
        name: "agent",
        role: "FelhomAgent",
        about: "back up, restore, snapshot, power and configure every guest; read the host",
        privileges: &[
            "VM.Allocate",
            "VM.Audit",
            "VM.Config.Disk",
            "VM.Config.CPU",
            "VM.Config.Memory",
            "VM.Config.Network",
            "VM.Config.Options",
            "VM.PowerMgmt",
            "VM.Snapshot",
            "VM.Snapshot.Rollback",
            "VM.Backup",
            "Datastore.Allocate",
            "Datastore.AllocateSpace",
            "Datastore.Audit",
            "Sys.Audit",
            "SDN.Use",
        ],
        narrow: false,
    },
    Preset {
        name: "self-backup",
        role: "FelhomSelfBackup",
        about: "for a guest that backs up and snapshots itself: one guest, one storage",
        privileges: &["VM.Audit", "VM.Snapshot", "VM.Backup", "Datastore.AllocateSpace", "Datastore.Audit"],
        narrow: true,
    },
    Preset {
        name: "auditor",
        role: "FelhomAuditor",
        about: "read everything, change nothing",
        privileges: &["VM.Audit", "VM.GuestAgent.Audit", "Datastore.Audit", "Sys.Audit", "SDN.Audit", "Pool.Audit", "Mapping.Audit"],
        narrow: false,
    },
];

impl Preset {
    pub fn set(&self) -> BTreeSet<String> {
        self.privileges.iter().map(|p| (*p).to_owned()).collect()
    }
}

/// Finds a preset by name.
pub fn preset(name: &str) -> Option<&'static Preset> {
    PRESETS.iter().find(|preset| preset.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_have_the_expected_privileges() {
        let counts: Vec<(&str, usize)> = PRESETS.iter().map(|p| (p.role, p.set().len())).collect();
        assert_eq!(counts, [("FelhomAgent", 16), ("FelhomSelfBackup", 5), ("FelhomAuditor", 7)]);
        assert!(PRESETS.iter().all(|p| !p.role.to_lowercase().starts_with("pve")), "the host refuses such names");
    }
}
