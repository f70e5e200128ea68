//! Services and interfaces that felhom's own connection depends on.

use serde_json::Value as Json;

use super::{Finding, Request, members, text};
use crate::api::{Call, Method, lenient};
use crate::fault::{Fault, Result};
use crate::path;
use crate::session::Session;

/// Services without which a node cannot be managed.
const NEEDED: &[&str] = &["pveproxy", "pvedaemon", "pve-cluster", "ssh", "sshd", "networking"];

/// Checks that a service which is to be stopped is not needed by felhom's own connection.
pub(super) fn service(session: &Session, node: &str, service: &str) -> Result<Finding> {
    if !NEEDED.contains(&service.trim_end_matches(".service")) {
        return Ok(Finding::Fine);
    }
    let members = members(session)?.unwrap_or_default();
    let local = members.into_iter().find(|member| member.local).map(|member| member.name);
    let what = format!("stop {service} on {node}");
    Ok(match local {
        Some(local) if local != node => Finding::Unknown(format!("whether {node} is managed without {service}")),
        _ => cut_off(&what, "felhom is connected to this node", "run `felhom node service restart` to restart it, or add --force"),
    })
}

fn cut_off(what: &str, why: &str, hint: &str) -> Finding {
    Finding::refused(Fault::refused(format!("refusing to {what}: {why}")).with_hint(hint))
}

/// Checks that the interface with the node's address keeps it.
pub(super) fn interface(session: &Session, node: &str, name: &str, request: &Request) -> Result<Finding> {
    let members = match members(session)? {
        Ok(members) => members,
        Err(why) => return Ok(Finding::Unknown(format!("the address of {node}: {why}"))),
    };
    let Some(address) = members.into_iter().find(|member| member.name == node).and_then(|member| member.ip) else {
        return Ok(Finding::Fine);
    };
    let now: Json = match session.client()?.get(&Call::get(path!["nodes", node, "network", name])) {
        Ok(now) => now,
        Err(fault) => return Ok(Finding::Unknown(format!("the address of {name}: {}", fault.message))),
    };
    let word = |key: &str| now.get(key).and_then(lenient::text).unwrap_or_default();
    let has = |value: &str| value.split('/').next() == Some(address.as_str());
    if !["address", "cidr", "address6", "cidr6"].iter().any(|key| has(&word(key))) {
        return Ok(Finding::Fine);
    }
    // A change replaces all settings of the interface.
    let keeps = request.method == Method::Put && ["address", "cidr", "address6", "cidr6"].iter().any(|key| has(&text(request, key)));
    if keeps {
        return Ok(Finding::Fine);
    }
    let what = if request.method == Method::Put { format!("change {name}") } else { format!("delete {name}") };
    Ok(cut_off(&what, &format!("{node} would lose its address {address}"), "add --cidr with this address to keep it, or add --force"))
}
