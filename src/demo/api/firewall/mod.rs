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

/// Returns the firewall of the path: `cluster`, `group/web`, `node/pve1`, `guest/101`, `vnet/net1`.
fn scope(req: &Req<'_>) -> Result<String, Refusal> {
    if req.template.contains("{vnet}") {
        return vnet(req);
    }
    if let Some(group) = req.params.get("group").filter(|_| req.template.contains("/groups/")) {
        let scope = format!("group/{group}");
        let known = req.state.firewalls.contains_key(&scope);
        return if known { Ok(scope) } else { Err(Refusal::die(format!("no such security group '{group}'"))) };
    }
    if req.template.contains("{vmid}") {
        // The host has a firewall file for any VMID, even without a guest.
        return Ok(format!("guest/{}", req.vmid()));
    }
    Ok(if req.template.starts_with("/nodes/") { format!("node/{}", req.node()) } else { "cluster".to_owned() })
}

/// Returns the firewall of an applied VNet.
fn vnet(req: &Req<'_>) -> Result<String, Refusal> {
    let id = req.params.text("vnet");
    let Some(vnet) = req.state.sections.get("sdn-vnets-applied").and_then(|vnets| vnets.get(id)) else {
        return Err(Refusal::die("invalid vnet specified at /usr/share/perl5/PVE/API2/Firewall/Helpers.pm line 54."));
    };
    let path = format!("/sdn/zones/{}/{id}", vnet.get("zone").and_then(Value::as_str).unwrap_or_default());
    match req.method {
        "GET" => req.check_any(&path, &["SDN.Audit", "SDN.Allocate"])?,
        _ => req.check(&path, &["SDN.Allocate"])?,
    }
    Ok(format!("vnet/{id}"))
}

fn changed_meanwhile(req: &Req<'_>, digest: &str) -> Result<(), Refusal> {
    match req.params.get("digest") {
        Some(given) if given != digest => Err(Refusal::die("detected modified configuration - file changed by other user? Try again.")),
        _ => Ok(()),
    }
}

/// Returns the digest of a list.
fn list_digest(rows: &[Map]) -> String {
    sha1_hex(&json!(rows).to_string())
}

/// Adds the digest of the list to each row.
fn with_digest(rows: Vec<Map>) -> Vec<Value> {
    let digest = list_digest(&rows);
    let add = |mut row: Map| {
        row.insert("digest".into(), digest.clone().into());
        Value::Object(row)
    };
    rows.into_iter().map(add).collect()
}
