//! Firewalls of the cluster, its security groups, the nodes and the guests.

mod groups;
mod macros;
mod options;
mod rules;
mod sets;
mod verify;

use serde_json::{Value, json};

use super::{Refusal, Req, Route};
use crate::demo::state::{Map, sha1_hex};

pub(super) const ROUTES: &[&[Route]] = &[groups::ROUTES, options::ROUTES, rules::ROUTES, sets::ROUTES];

/// Which firewall the path is about: `cluster`, `group/web`, `node/pve1`, `guest/101`.
fn scope(req: &Req<'_>) -> Result<String, Refusal> {
    if let Some(group) = req.params.get("group").filter(|_| req.template.contains("/groups/")) {
        let scope = format!("group/{group}");
        let known = req.state.firewalls.contains_key(&scope);
        return if known { Ok(scope) } else { Err(Refusal::die(format!("no such security group '{group}'"))) };
    }
    if req.template.contains("{vmid}") {
        // The host reads and writes the firewall file of any VMID, whether there is such a guest or not.
        return Ok(format!("guest/{}", req.vmid()));
    }
    Ok(if req.template.starts_with("/nodes/") { format!("node/{}", req.node()) } else { "cluster".to_owned() })
}

fn changed_meanwhile(req: &Req<'_>, digest: &str) -> Result<(), Refusal> {
    match req.params.get("digest") {
        Some(given) if given != digest => Err(Refusal::die("detected modified configuration - file changed by other user? Try again.")),
        _ => Ok(()),
    }
}

/// The digest of a list: one for all of its rows.
fn list_digest(rows: &[Map]) -> String {
    sha1_hex(&json!(rows).to_string())
}

/// The rows of a list, each with the digest of the whole.
fn with_digest(rows: Vec<Map>) -> Vec<Value> {
    let digest = list_digest(&rows);
    let add = |mut row: Map| {
        row.insert("digest".into(), digest.clone().into());
        Value::Object(row)
    };
    rows.into_iter().map(add).collect()
}
