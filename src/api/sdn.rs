//! Software-defined networking: pending changes and applying them.

use serde::Deserialize;
use serde_json::{Map, Value as Json};

use crate::api::Call;
use crate::path;

/// A kind of SDN object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Zone,
    Vnet,
    Controller,
}

impl Kind {
    pub const ALL: [Self; 3] = [Self::Zone, Self::Vnet, Self::Controller];

    /// The name of the kind, which is also the key of an object's name.
    pub fn word(self) -> &'static str {
        match self {
            Self::Zone => "zone",
            Self::Vnet => "vnet",
            Self::Controller => "controller",
        }
    }

    fn folder(self) -> &'static str {
        match self {
            Self::Zone => "zones",
            Self::Vnet => "vnets",
            Self::Controller => "controllers",
        }
    }
}

/// An SDN object with its pending changes.
#[derive(Debug, Clone, Deserialize)]
pub struct Object {
    /// `new`, `changed` or `deleted`; absent without pending changes.
    #[serde(default)]
    pub state: Option<String>,
    /// Pending values; `deleted` if the object or key will be deleted.
    #[serde(default)]
    pub pending: Option<Map<String, Json>>,
    #[serde(flatten)]
    pub values: Map<String, Json>,
}

/// Objects of a kind with their pending changes.
pub fn pending(kind: Kind) -> Call<Vec<Object>> {
    Call::get(path!["cluster", "sdn", kind.folder()]).with("pending", true)
}

/// The state of a zone on a node.
#[derive(Debug, Clone, Deserialize)]
pub struct NodeZone {
    pub zone: String,
    /// `available`, `pending` or `error`.
    #[serde(default)]
    pub status: String,
}

/// The zones of a node that the token can see.
pub fn zones_on(node: &str) -> Call<Vec<NodeZone>> {
    Call::get(path!["nodes", node, "sdn", "zones"])
}

/// The state of a VNet on a node.
#[derive(Debug, Clone, Deserialize)]
pub struct NodeVnet {
    #[serde(default)]
    pub status: Option<String>,
    /// Why it is not available.
    #[serde(default)]
    pub statusmsg: Option<String>,
}

/// The VNets of a zone on a node.
pub fn vnets_on(node: &str, zone: &str) -> Call<Vec<NodeVnet>> {
    Call::get(path!["nodes", node, "sdn", "zones", zone, "content"])
}

/// Applies pending changes on all nodes.
pub fn apply() -> Call<Json> {
    Call::put(path!["cluster", "sdn"]).slow()
}
