//! Listing nodes, and asking each of them.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::api::nodes;
use crate::fault::{Fault, Kind, Result};
use crate::session::Session;

/// A node as the cluster lists it.
#[derive(Debug, Clone, Serialize)]
pub struct NodeState {
    pub context: String,
    pub node: String,
    pub status: String,
    /// CPU usage, 0 to 1.
    pub cpu: Option<f64>,
    pub cpus: Option<f64>,
    pub memory_used_bytes: Option<u64>,
    pub memory_bytes: Option<u64>,
    pub disk_used_bytes: Option<u64>,
    pub disk_bytes: Option<u64>,
    pub uptime_s: Option<u64>,
    pub ssl_fingerprint: Option<String>,
}

impl NodeState {
    pub fn online(&self) -> bool {
        self.status == "online"
    }
}

pub fn all(session: &Session) -> Result<Vec<NodeState>> {
    let mut nodes: Vec<NodeState> = session
        .client()?
        .get(&nodes::list())?
        .into_iter()
        .map(|n| NodeState {
            context: session.context.clone(),
            node: n.node,
            status: n.status,
            cpu: n.cpu,
            cpus: n.maxcpu,
            memory_used_bytes: n.mem,
            memory_bytes: n.maxmem,
            disk_used_bytes: n.disk,
            disk_bytes: n.maxdisk,
            uptime_s: n.uptime,
            ssl_fingerprint: n.ssl_fingerprint,
        })
        .collect();
    nodes.sort_by(|a, b| a.node.cmp(&b.node));
    Ok(nodes)
}

/// Returns the nodes with these names that are online.
pub fn online(session: &Session, names: &BTreeSet<String>) -> Vec<String> {
    if names.is_empty() {
        return Vec::new();
    }
    let nodes = all(session).unwrap_or_default();
    nodes.into_iter().filter(|node| node.online() && names.contains(&node.node)).map(|node| node.node).collect()
}

/// Returns the error for a node that does not exist.
pub fn unknown(name: &str) -> Fault {
    Fault::not_found(format!("there is no node '{name}'")).with_hint("list the nodes with `felhom node list`")
}

/// Returns the named node, or the only one.
pub fn pick(session: &Session, text: Option<&str>) -> Result<String> {
    let nodes = all(session)?;
    let names: Vec<&str> = nodes.iter().map(|n| n.node.as_str()).collect();
    match text {
        Some(name) if names.contains(&name) => Ok(name.to_owned()),
        Some(name) => Err(unknown(name)),
        None => match names[..] {
            [only] => Ok(only.to_owned()),
            _ => Err(Fault::usage("missing NODE").with_hint(format!("choose from {}", names.join(", ")))),
        },
    }
}

/// Asks the named node, or all nodes. Offline nodes are skipped with one warning.
pub fn each<T>(session: &Session, only: Option<&str>, ask: impl Fn(&str) -> Result<Vec<T>>) -> Result<Vec<T>> {
    if let Some(name) = only {
        return ask(&pick(session, Some(name))?);
    }
    let mut rows = Vec::new();
    let mut down: Vec<String> = Vec::new();
    for node in all(session)? {
        if node.status == "offline" {
            down.push(node.node);
            continue;
        }
        match ask(&node.node) {
            Ok(some) => rows.extend(some),
            Err(fault) if fault.kind == Kind::NodeDown => down.push(node.node),
            Err(fault) => return Err(fault),
        }
    }
    if !down.is_empty() {
        session.person.warn(&format!("nodes skipped, because they are down: {}", down.join(", ")));
    }
    Ok(rows)
}
