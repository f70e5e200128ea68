//! Software-defined networks, as far as applying them goes.

use serde::Deserialize;
use serde_json::{Map, Value as Json};

use crate::api::Call;
use crate::path;

/// What there is of SDN, each kind with the key of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Zone,
    Vnet,
    Controller,
}

impl Kind {
    pub const ALL: [Self; 3] = [Self::Zone, Self::Vnet, Self::Controller];

    /// The key of its name, and the word for one of them.
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

/// One object as it runs, with what waits to be applied.
#[derive(Debug, Clone, Deserialize)]
pub struct Object {
    /// `new`, `changed` or `deleted`; absent where nothing waits.
    #[serde(default)]
    pub state: Option<String>,
    /// New values; `deleted` for one that goes.
    #[serde(default)]
    pub pending: Option<Map<String, Json>>,
    #[serde(flatten)]
    pub values: Map<String, Json>,
}

/// Every object of a kind that the token may see, with what waits.
pub fn pending(kind: Kind) -> Call<Vec<Object>> {
    Call::get(path!["cluster", "sdn", kind.folder()]).with("pending", true)
}

/// A zone as a node runs it.
#[derive(Debug, Clone, Deserialize)]
pub struct NodeZone {
    pub zone: String,
    /// `available`, `pending` or `error`.
    #[serde(default)]
    pub status: String,
}

/// The zones of a node that the token may see.
pub fn zones_on(node: &str) -> Call<Vec<NodeZone>> {
    Call::get(path!["nodes", node, "sdn", "zones"])
}

/// A VNet as a node runs it.
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

/// Applies what waits, on every node.
pub fn apply() -> Call<Json> {
    Call::put(path!["cluster", "sdn"]).slow()
}
