//! Nodes.

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
    /// Whether the node is online; calls to an offline node are answered with 595.
    pub online: bool,
    /// The connection error of an online node whose API does not answer.
    #[serde(default)]
    pub unreachable: Option<String>,
    /// Unix seconds.
    pub booted: i64,
    pub cpus: u32,
    /// Bytes.
    pub memory: u64,
    pub disk: u64,
    /// Usage, 0 to 1.
    pub cpu_load: f64,
    pub memory_load: f64,
    pub disk_load: f64,
    pub fingerprint: String,
    /// The server certificate and its CA, in PEM.
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
    /// The error of the node when it reloads its network.
    #[serde(default)]
    pub reload_error: Option<String>,
    /// The version of the SDN configuration that the node has loaded.
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
    /// Answers to `GET …/disks/smart`, by device path.
    #[serde(default)]
    pub smart: Map,
    /// Mounts by mount point; an `is_mountpoint` storage requires one.
    #[serde(default)]
    pub mounts: BTreeMap<String, Mount>,
    /// Options of the node: `description`, `wakeonlan`, …
    #[serde(default)]
    pub config: Map,
    #[serde(default)]
    pub syslog: Vec<String>,
    /// Available updates, as in `GET …/apt/update`.
    #[serde(default)]
    pub updates: Vec<Value>,
}
