//! Containers and VMs. Both kinds have the same calls with different paths.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::api::{Call, lenient};
use crate::path;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum GuestKind {
    /// Containers
    Lxc,
    /// VMs
    Qemu,
}

impl GuestKind {
    /// The name in paths and JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Lxc => "lxc",
            Self::Qemu => "qemu",
        }
    }

    /// The abbreviation in Proxmox VE's messages.
    pub fn short(self) -> &'static str {
        match self {
            Self::Lxc => "CT",
            Self::Qemu => "VM",
        }
    }
}

impl fmt::Display for GuestKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// The parts of a guest's path: node, kind, VMID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub node: String,
    pub kind: GuestKind,
    pub vmid: u32,
}

impl Place {
    /// Returns `/nodes/{node}/{kind}/{vmid}` followed by `rest`.
    pub(super) fn path(&self, rest: &[&str]) -> Vec<String> {
        let mut path = path!["nodes", self.node, self.kind, self.vmid];
        path.extend(rest.iter().map(|segment| (*segment).to_owned()));
        path
    }

    pub fn status(&self) -> Call<Json> {
        Call::get(self.path(&["status", "current"]))
    }

    pub fn config(&self) -> Call<Map<String, Json>> {
        Call::get(self.path(&["config"]))
    }

    /// The configuration without pending changes.
    pub fn current_config(&self) -> Call<Map<String, Json>> {
        self.config().with("current", true)
    }

    pub fn pending(&self) -> Call<Vec<PendingValue>> {
        Call::get(self.path(&["pending"]))
    }

    pub fn set_config(&self) -> Call<Json> {
        Call::put(self.path(&["config"]))
    }

    /// Changes the configuration in a task, for changes that take long. VMs only.
    pub fn set_config_in_task(&self) -> Call<Json> {
        Call::post(self.path(&["config"]))
    }

    pub fn power(&self, action: &str) -> Call<Json> {
        Call::post(self.path(&["status", action]))
    }

    pub fn snapshots(&self) -> Call<Vec<Snapshot>> {
        Call::get(self.path(&["snapshot"]))
    }

    pub fn create_snapshot(&self, name: &str) -> Call<Json> {
        Call::post(self.path(&["snapshot"])).with("snapname", name)
    }

    pub fn rollback(&self, name: &str) -> Call<Json> {
        Call::post(self.path(&["snapshot", name, "rollback"]))
    }

    pub fn delete_snapshot(&self, name: &str) -> Call<Json> {
        Call::delete(self.path(&["snapshot", name]))
    }

    /// The configuration in a snapshot.
    pub fn snapshot_config(&self, name: &str) -> Call<Map<String, Json>> {
        Call::get(self.path(&["snapshot", name, "config"]))
    }

    pub fn feature(&self, feature: &str) -> Call<Feature> {
        Call::get(self.path(&["feature"])).with("feature", feature)
    }

    pub fn copy(&self) -> Call<Json> {
        Call::post(self.path(&["clone"]))
    }

    /// Sets the size of a disk. VMs do so in a task that also reports errors.
    pub fn resize(&self, disk: &str, size: &str) -> Call<Json> {
        Call::put(self.path(&["resize"])).with("disk", disk).with("size", size)
    }

    /// Moves a disk to another storage or guest.
    pub fn move_disk(&self) -> Call<Json> {
        let last = match self.kind {
            GuestKind::Lxc => "move_volume",
            GuestKind::Qemu => "move_disk",
        };
        Call::post(self.path(&[last]))
    }

    /// Where the guest can be migrated to.
    pub fn migration_targets(&self) -> Call<MigrationTargets> {
        Call::get(self.path(&["migrate"]))
    }

    pub fn migrate(&self) -> Call<Json> {
        Call::post(self.path(&["migrate"]))
    }

    pub fn destroy(&self) -> Call<Json> {
        Call::delete(self.path(&[]))
    }

    /// Network interfaces as the container's kernel reports them.
    pub fn interfaces(&self) -> Call<Json> {
        Call::get(self.path(&["interfaces"]))
    }

    /// Network interfaces as the VM's guest agent reports them.
    pub fn agent_interfaces(&self) -> Call<Json> {
        Call::get(self.path(&["agent", "network-get-interfaces"]))
    }
}

/// Preconditions of a migration. The words of containers and VMs differ.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct MigrationTargets {
    #[serde(default, alias = "allowed-nodes", rename = "allowed_nodes")]
    pub allowed: Option<Vec<String>>,
    #[serde(default, alias = "not-allowed-nodes", rename = "not_allowed_nodes")]
    pub not_allowed: Map<String, Json>,
    #[serde(default)]
    pub local_disks: Vec<Json>,
    #[serde(default)]
    pub local_resources: Vec<String>,
    /// HA resources that move along.
    #[serde(default, rename = "dependent-ha-resources")]
    pub dependent: Vec<String>,
}

/// A snapshot, or `current` for the guest's current state.
#[derive(Debug, Clone, Deserialize)]
pub struct Snapshot {
    pub name: String,
    #[serde(default, deserialize_with = "lenient::opt_u64")]
    pub snaptime: Option<u64>,
    #[serde(default)]
    pub description: Option<String>,
    #[serde(default)]
    pub parent: Option<String>,
    /// Whether it includes the memory of a running VM.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub vmstate: bool,
}

/// Whether a guest supports a feature: snapshot, clone or copy.
#[derive(Debug, Clone, Deserialize)]
pub struct Feature {
    #[serde(rename = "hasFeature", default, deserialize_with = "lenient::flag")]
    pub has: bool,
}

/// A key of `…/pending`.
#[derive(Debug, Clone, Deserialize)]
pub struct PendingValue {
    pub key: String,
    #[serde(default, deserialize_with = "lenient::opt_text")]
    pub value: Option<String>,
    #[serde(default, deserialize_with = "lenient::opt_text")]
    pub pending: Option<String>,
    /// 1: to be deleted; 2: to be deleted by force.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub delete: bool,
}
