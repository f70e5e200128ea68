//! Nodes, their certificates and disks.

use serde::Deserialize;
use serde_json::Value as Json;

use crate::api::{Call, Value, lenient};
use crate::path;
use crate::secret::Secret;

/// A node in `/nodes`.
#[derive(Debug, Clone, Deserialize)]
pub struct Node {
    pub node: String,
    #[serde(default)]
    pub status: String,
    #[serde(default, deserialize_with = "lenient::opt_f64")]
    pub cpu: Option<f64>,
    #[serde(default, deserialize_with = "lenient::opt_f64")]
    pub maxcpu: Option<f64>,
    #[serde(default, deserialize_with = "lenient::opt_u64")]
    pub mem: Option<u64>,
    #[serde(default, deserialize_with = "lenient::opt_u64")]
    pub maxmem: Option<u64>,
    #[serde(default, deserialize_with = "lenient::opt_u64")]
    pub disk: Option<u64>,
    #[serde(default, deserialize_with = "lenient::opt_u64")]
    pub maxdisk: Option<u64>,
    #[serde(default, deserialize_with = "lenient::opt_u64")]
    pub uptime: Option<u64>,
    #[serde(default)]
    pub level: Option<String>,
    #[serde(default)]
    pub ssl_fingerprint: Option<String>,
}

impl Node {
    pub fn online(&self) -> bool {
        self.status == "online"
    }
}

pub fn list() -> Call<Vec<Node>> {
    Call::get(path!["nodes"])
}

/// A certificate of a node, or of the cluster's certificate authority.
#[derive(Debug, Clone, Deserialize)]
pub struct Certificate {
    #[serde(default)]
    pub filename: String,
    #[serde(default)]
    pub pem: Option<String>,
}

/// File name of the cluster's certificate authority, which signs the default certificate of each node.
pub const CLUSTER_CA: &str = "pve-root-ca.pem";

/// The certificates of a node; any login may read them.
pub fn certificates(node: &str) -> Call<Vec<Certificate>> {
    Call::get(path!["nodes", node, "certificates", "info"])
}

pub fn status(node: &str) -> Call<Json> {
    Call::get(path!["nodes", node, "status"])
}

/// The disks of a node without their health, since reading the health of all would wake them.
#[cfg(feature = "fence")]
pub fn disks(node: &str) -> Call<Vec<crate::fence::smart::ApiDisk>> {
    Call::get(path!["nodes", node, "disks", "list"]).with("skipsmart", "1").slow()
}

/// The SMART data of one disk.
pub fn smart(node: &str, disk: &str) -> Call<Json> {
    Call::get(path!["nodes", node, "disks", "smart"]).with("disk", disk).slow()
}

/// Reboots or shuts down a node (`reboot` or `shutdown`). Starts no task.
pub fn command(node: &str, command: &str) -> Call<Json> {
    Call::post(path!["nodes", node, "status"]).with("command", command)
}

fn custom_certificate(node: &str) -> Vec<String> {
    path!["nodes", node, "certificates", "custom"]
}

/// Uploads a custom certificate; without a key, the node's current key is used.
pub fn upload_certificate(node: &str, pem: &str, key: Option<Secret>) -> Call<Json> {
    Call::post(custom_certificate(node)).with("certificates", pem).with_some("key", key.map(Value::Secret)).slow()
}

pub fn delete_certificate(node: &str) -> Call<Json> {
    Call::delete(custom_certificate(node)).slow()
}
