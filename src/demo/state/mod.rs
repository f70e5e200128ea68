//! The state of the demo host: plain data, in memory or in one JSON file.

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

/// A JSON object that keeps its order, as configuration files do.
pub type Map = serde_json::Map<String, Value>;

/// The section of a host that reaches the Internet.
pub const INTERNET: &str = "internet";

/// A resource pool.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Pool {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub comment: String,
    #[serde(default)]
    pub guests: BTreeSet<u32>,
    #[serde(default)]
    pub storages: BTreeSet<String>,
}

/// A firewall of the cluster, a node, a guest, a VNet or a security group.
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
    /// Comments of IP sets.
    #[serde(default)]
    pub ipset_comments: BTreeMap<String, String>,
    #[serde(default)]
    pub comment: String,
}

/// HA resources (by ID: `ct:101`, `vm:201`) and rules.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Ha {
    #[serde(default)]
    pub resources: BTreeMap<String, Map>,
    #[serde(default)]
    pub rules: BTreeMap<String, Map>,
    /// Whether a manager is master, as it is once there was a resource.
    #[serde(default)]
    pub master: bool,
    /// When resources were added.
    #[serde(default)]
    pub since_ms: BTreeMap<String, i64>,
}

/// A host of another cluster that this one can join.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Neighbor {
    pub node: Node,
    pub cluster: String,
    /// The password of root@pam.
    pub password: String,
}

/// The state of a host or cluster.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct State {
    /// The cluster's name; `None` for a single host.
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
    /// Version of the applied SDN configuration.
    #[serde(default)]
    pub sdn_version: u64,
    /// Hosts that this one can join, by address.
    #[serde(default)]
    pub neighbors: BTreeMap<String, Neighbor>,
    /// By scope: `cluster`, `node/pve1`, `guest/101`, `vnet/net1`, `group/web`.
    pub firewalls: BTreeMap<String, Firewall>,
    /// Datacenter options.
    pub options: Map,
    /// Sections of configuration files and other stored objects, by kind and ID.
    #[serde(default)]
    pub sections: BTreeMap<String, BTreeMap<String, Map>>,
    #[serde(default)]
    pub tasks: Vec<Task>,
    /// Tasks that start later.
    #[serde(default)]
    pub later: Vec<Later>,
    pub next_pid: u32,
    /// The key that signs tickets, in hex.
    pub ticket_key: String,
}

impl State {
    /// Returns a copy of a firewall; empty if it was never changed.
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

    /// Returns the applied VNets whose bridges exist on a node.
    pub fn vnets_on(&self, node: &str) -> impl Iterator<Item = (&String, &Map)> {
        let current = self.nodes.get(node).is_some_and(|node| node.sdn_version >= self.sdn_version);
        self.section("sdn-vnets-applied").filter(move |_| current)
    }

    /// Returns the pool of a guest.
    pub fn pool_of(&self, vmid: u32) -> Option<&str> {
        self.pools.iter().find(|(_, p)| p.guests.contains(&vmid)).map(|(id, _)| id.as_str())
    }

    /// Returns the HA resource of a guest.
    pub fn ha_of(&self, vmid: u32) -> Option<&Map> {
        if self.ha.resources.is_empty() {
            return None;
        }
        let guest = self.guests.get(&vmid)?;
        self.ha.resources.get(&guest.ha_id())
    }

    /// Returns the lowest free VMID from `from` on.
    pub fn next_vmid(&self, from: u32) -> u32 {
        (from..).find(|id| !self.guests.contains_key(id)).unwrap_or(from)
    }

    /// Returns a volume by its ID.
    pub fn volume(&self, volid: &str) -> Option<&Volume> {
        let (storage, _) = volid.split_once(':')?;
        self.storages.get(storage)?.volumes.iter().find(|v| v.volid == volid)
    }

    pub fn volume_mut(&mut self, volid: &str) -> Option<&mut Volume> {
        let (storage, _) = volid.split_once(':')?;
        self.storages.get_mut(storage)?.volumes.iter_mut().find(|v| v.volid == volid)
    }
}

/// Returns the text of a key; empty if there is none.
pub fn text<'a>(config: &'a Map, key: &str) -> &'a str {
    config.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// Converts a JSON object to a [`Map`].
pub fn map(value: Value) -> Map {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
