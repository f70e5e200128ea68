//! A member of the cluster.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Map;
use crate::demo::mounts::Mount;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Node {
    pub name: String,
    pub id: u32,
    pub ip: String,
    /// A node that is offline answers 595 through the others.
    pub online: bool,
    /// Why the node's API cannot be reached through the others, although it is online.
    #[serde(default)]
    pub unreachable: Option<String>,
    /// Unix seconds.
    pub booted: i64,
    pub cpus: u32,
    /// Bytes.
    pub memory: u64,
    pub disk: u64,
    /// Shares, 0 to 1.
    pub cpu_load: f64,
    pub memory_load: f64,
    pub disk_load: f64,
    pub fingerprint: String,
    /// The server's certificate and its authority's, as the host shows them.
    #[serde(default)]
    pub cert_pem: String,
    #[serde(default)]
    pub ca_pem: String,
    #[serde(default)]
    pub ca_fingerprint: String,
    pub timezone: String,
    /// `search`, `dns1`, `dns2`, `dns3`.
    pub dns: Map,
    pub hosts: String,
    /// Why the node cannot reload its network.
    #[serde(default)]
    pub reload_error: Option<String>,
    /// The version of the software-defined networks that the node runs.
    #[serde(default)]
    pub sdn_version: u64,
    /// As in `GET …/network`, by interface.
    pub network: Vec<Map>,
    /// The interfaces of the pending configuration file.
    #[serde(default)]
    pub network_pending: Option<Vec<Map>>,
    pub services: Vec<Map>,
    /// As in `GET …/disks/list`.
    pub disks: Vec<Map>,
    /// What `GET …/disks/smart` answers, by device path.
    #[serde(default)]
    pub smart: Map,
    /// Where disks are mounted: an `is_mountpoint` storage needs its place here.
    #[serde(default)]
    pub mounts: BTreeMap<String, Mount>,
    /// Options of the node: `description`, `wakeonlan`, …
    #[serde(default)]
    pub config: Map,
    #[serde(default)]
    pub syslog: Vec<String>,
    /// Packages that can be upgraded, as in `GET …/apt/update`.
    #[serde(default)]
    pub updates: Vec<Value>,
}
