//! Cluster-wide data: resources, status, version, permissions.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value as Json;

use crate::api::guests::GuestKind;
use crate::api::{Call, lenient};
use crate::path;

/// A guest, node or storage in `/cluster/resources`.
#[derive(Debug, Clone, Deserialize)]
pub struct Resource {
    #[serde(rename = "type", default)]
    pub kind: String,
    #[serde(default)]
    pub node: String,
    #[serde(default, deserialize_with = "lenient::opt_u32")]
    pub vmid: Option<u32>,
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub status: Option<String>,
    #[serde(default)]
    pub pool: Option<String>,
    #[serde(default)]
    pub tags: Option<String>,
    #[serde(default)]
    pub lock: Option<String>,
    #[serde(default)]
    pub hastate: Option<String>,
    #[serde(default, deserialize_with = "lenient::flag")]
    pub template: bool,
    #[serde(default, deserialize_with = "lenient::opt_f64")]
    pub cpu: Option<f64>,
    #[serde(default, alias = "cpus", deserialize_with = "lenient::opt_f64")]
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
    pub storage: Option<String>,
}

impl Resource {
    pub fn guest_kind(&self) -> Option<GuestKind> {
        match self.kind.as_str() {
            "lxc" => Some(GuestKind::Lxc),
            "qemu" => Some(GuestKind::Qemu),
            _ => None,
        }
    }
}

/// `GET /version`.
#[derive(Debug, Clone, Deserialize)]
pub struct Version {
    pub version: String,
    #[serde(default)]
    pub release: String,
    #[serde(default)]
    pub repoid: String,
}

pub fn version() -> Call<Version> {
    Call::get(path!["version"])
}

/// A row of `/cluster/status`: the cluster or a node.
#[derive(Debug, Clone, Deserialize)]
pub struct Member {
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub name: String,
    #[serde(default, deserialize_with = "lenient::opt_u64")]
    pub quorate: Option<u64>,
    #[serde(default, deserialize_with = "lenient::flag")]
    pub online: bool,
    #[serde(default)]
    pub ip: Option<String>,
    /// The node that answered.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub local: bool,
}

pub fn status() -> Call<Vec<Member>> {
    Call::get(path!["cluster", "status"])
}

/// Returns an error text if the cluster has no quorum, so nothing can be changed; `None` for a single node.
pub fn without_quorum(members: &[Member]) -> Option<String> {
    let cluster = members.iter().find(|member| member.kind == "cluster")?;
    if cluster.quorate != Some(0) {
        return None;
    }
    let nodes: Vec<&Member> = members.iter().filter(|member| member.kind == "node").collect();
    let online = nodes.iter().filter(|node| node.online).count();
    Some(format!("the cluster has no quorum ({online} of {} votes)", nodes.len()))
}

pub fn guests() -> Call<Vec<Resource>> {
    Call::get(path!["cluster", "resources"]).with("type", "vm")
}

/// The guests of one kind on a node, as the node itself lists them.
pub fn guests_on(node: &str, kind: GuestKind) -> Call<Vec<Resource>> {
    Call::get(path!["nodes", node, kind])
}

pub fn resources() -> Call<Vec<Resource>> {
    Call::get(path!["cluster", "resources"])
}

/// Returns the next free VMID as a string; with `vmid`, checks that it is free.
pub fn next_id(vmid: Option<u32>) -> Call<Json> {
    Call::get(path!["cluster", "nextid"]).with_some("vmid", vmid)
}

/// Privileges by path.
pub type Permissions = BTreeMap<String, BTreeMap<String, Json>>;

pub fn permissions() -> Call<Permissions> {
    Call::get(path!["access", "permissions"])
}

/// Permissions on one path. The list of all paths omits paths without permissions.
pub fn permissions_on(path: &str) -> Call<Permissions> {
    permissions().with("path", path)
}
