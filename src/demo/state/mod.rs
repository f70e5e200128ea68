//! What the demo host remembers. Plain data, kept in memory or in one JSON file.

mod access;
mod clock;
mod figures;
mod guest;
mod node;
mod storage;
mod store;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use access::{Access, AclEntry, Factor, Group, Subject, Token, User};
pub use clock::Clock;
pub use figures::Figures;
pub use guest::{Guest, GuestKind, Load, Power, Snapshot, config_text, parse_size, sha1_hex};
pub use node::Node;
pub use storage::{Storage, Volume};
pub use store::Store;

use super::tasks::{Later, Task};

/// An ordered JSON object: configurations keep the order in which they were written.
pub type Map = serde_json::Map<String, Value>;

/// The section of a host that reaches the Internet.
pub const INTERNET: &str = "internet";

/// Guests and storages that are administered together.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Pool {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub comment: String,
    #[serde(default)]
    pub guests: BTreeSet<u32>,
    #[serde(default)]
    pub storages: BTreeSet<String>,
}

/// One firewall: of the cluster, a node, a guest or a security group.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Firewall {
    #[serde(default)]
    pub options: Map,
    #[serde(default)]
    pub rules: Vec<Map>,
    #[serde(default)]
    pub aliases: BTreeMap<String, Map>,
    #[serde(default)]
    pub ipsets: BTreeMap<String, Vec<Map>>,
    /// Comments of the IP sets that have one.
    #[serde(default)]
    pub ipset_comments: BTreeMap<String, String>,
    #[serde(default)]
    pub comment: String,
}

/// High availability: what is managed, and the rules about it. The keys are `ct:101`, `vm:201`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Ha {
    #[serde(default)]
    pub resources: BTreeMap<String, Map>,
    #[serde(default)]
    pub rules: BTreeMap<String, Map>,
    /// A manager has become master: there has been something to manage.
    #[serde(default)]
    pub master: bool,
    /// When resources were added.
    #[serde(default)]
    pub since_ms: BTreeMap<String, i64>,
}

/// Another host that this one could join.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Neighbor {
    pub node: Node,
    pub cluster: String,
    /// Of root@pam.
    pub password: String,
}

/// The whole host (or cluster of hosts).
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct State {
    /// The cluster's name; a single host has none.
    pub cluster: Option<String>,
    /// How many times faster than life tasks run.
    pub speed: f64,
    /// The node that answers the requests.
    pub local: String,
    pub nodes: BTreeMap<String, Node>,
    pub guests: BTreeMap<u32, Guest>,
    pub storages: BTreeMap<String, Storage>,
    pub pools: BTreeMap<String, Pool>,
    pub access: Access,
    pub ha: Ha,
    /// How many times the software-defined networks were applied.
    #[serde(default)]
    pub sdn_version: u64,
    /// Hosts that this one could join, by address.
    #[serde(default)]
    pub neighbors: BTreeMap<String, Neighbor>,
    /// By scope: `cluster`, `node/pve1`, `guest/101`, `group/web`.
    pub firewalls: BTreeMap<String, Firewall>,
    /// Options of the datacenter.
    pub options: Map,
    /// Lists that are kept as they were sent: backup jobs, replication, notification targets, mappings, … by kind and id.
    #[serde(default)]
    pub sections: BTreeMap<String, BTreeMap<String, Map>>,
    #[serde(default)]
    pub tasks: Vec<Task>,
    /// Tasks that are still to begin.
    #[serde(default)]
    pub later: Vec<Later>,
    pub next_pid: u32,
    /// Signs tickets, in hex.
    pub ticket_key: String,
}

impl State {
    /// A firewall to read; an untouched one is empty.
    pub fn firewall(&self, scope: &str) -> Firewall {
        self.firewalls.get(scope).cloned().unwrap_or_default()
    }

    pub fn firewall_mut(&mut self, scope: &str) -> &mut Firewall {
        self.firewalls.entry(scope.to_owned()).or_default()
    }

    pub fn section(&self, kind: &str) -> impl Iterator<Item = (&String, &Map)> + use<'_> {
        self.sections.get(kind).into_iter().flatten()
    }

    pub fn section_mut(&mut self, kind: &str) -> &mut BTreeMap<String, Map> {
        self.sections.entry(kind.to_owned()).or_default()
    }

    /// The applied VNets whose bridges exist on a node.
    pub fn vnets_on(&self, node: &str) -> impl Iterator<Item = (&String, &Map)> {
        let current = self.nodes.get(node).is_some_and(|node| node.sdn_version >= self.sdn_version);
        self.section("sdn-vnets-applied").filter(move |_| current)
    }

    /// The pool that a guest is in.
    pub fn pool_of(&self, vmid: u32) -> Option<&str> {
        self.pools.iter().find(|(_, p)| p.guests.contains(&vmid)).map(|(id, _)| id.as_str())
    }

    /// The HA resource of a guest: its settings, if it is managed.
    pub fn ha_of(&self, vmid: u32) -> Option<&Map> {
        if self.ha.resources.is_empty() {
            return None;
        }
        let guest = self.guests.get(&vmid)?;
        self.ha.resources.get(&guest.ha_id())
    }

    /// The lowest free VMID at or above `from`.
    pub fn next_vmid(&self, from: u32) -> u32 {
        (from..).find(|id| !self.guests.contains_key(id)).unwrap_or(from)
    }

    /// The volume that a volume id names.
    pub fn volume(&self, volid: &str) -> Option<&Volume> {
        let (storage, _) = volid.split_once(':')?;
        self.storages.get(storage)?.volumes.iter().find(|v| v.volid == volid)
    }

    pub fn volume_mut(&mut self, volid: &str) -> Option<&mut Volume> {
        let (storage, _) = volid.split_once(':')?;
        self.storages.get_mut(storage)?.volumes.iter_mut().find(|v| v.volid == volid)
    }
}

/// A JSON object as a [`Map`], for seeds and handlers that write one with `json!`.
pub fn map(value: Value) -> Map {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
