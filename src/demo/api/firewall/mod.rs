//! Firewalls of the cluster, its security groups, the nodes and the guests.

mod groups;
mod options;
mod rules;
mod sets;

use super::{Refusal, Req, Route};
use crate::demo::state::GuestKind;

pub(super) const ROUTES: &[&[Route]] = &[groups::ROUTES, options::ROUTES, rules::ROUTES, sets::ROUTES];

/// Which firewall the path is about: `cluster`, `group/web`, `node/pve1`, `guest/101`.
fn scope(req: &Req<'_>) -> Result<String, Refusal> {
    if let Some(group) = req.params.get("group").filter(|_| req.template.contains("/groups/")) {
        let scope = format!("group/{group}");
        let known = req.state.firewalls.contains_key(&scope);
        return if known { Ok(scope) } else { Err(Refusal::die(format!("no such security group '{group}'"))) };
    }
    if req.template.contains("{vmid}") {
        let kind = if req.template.contains("/lxc/") { GuestKind::Lxc } else { GuestKind::Qemu };
        return Ok(format!("guest/{}", req.guest(kind)?.vmid));
    }
    Ok(if req.template.starts_with("/nodes/") { format!("node/{}", req.node()) } else { "cluster".to_owned() })
}

fn changed_meanwhile(req: &Req<'_>, digest: &str) -> Result<(), Refusal> {
    match req.params.get("digest") {
        Some(given) if given != digest => Err(Refusal::die("detected modified configuration - file changed by other user? Try again.")),
        _ => Ok(()),
    }
}
