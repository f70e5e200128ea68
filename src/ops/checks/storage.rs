//! Members of pools, and the content of a storage that is to be removed.

use std::collections::BTreeSet;

use super::{Finding, items};
use crate::api::{Request, cluster, storage};
use crate::fault::{Fault, Kind, Result};
use crate::ops::{guests, nodes};
use crate::session::Session;

/// Checks that the new members of a pool exist.
pub(super) fn members(session: &Session, request: &Request) -> Result<Finding> {
    let known: BTreeSet<String> = guests::all(session)?.into_iter().map(|guest| guest.vmid.to_string()).collect();
    for vmid in items(request, "vms").into_iter().filter(|vmid| !known.contains(vmid)) {
        // The token may not see the guest, but the host says whether its VMID is free.
        let Ok(number) = vmid.parse() else { continue };
        if guests::free_vmid(session, Some(number)).is_ok() {
            return Ok(missing("guest", &vmid, "guest"));
        }
    }
    let wanted = items(request, "storage");
    if wanted.is_empty() {
        return Ok(Finding::Fine);
    }
    let visible: BTreeSet<String> = session.client()?.get(&storage::configured())?.into_iter().map(|one| one.storage).collect();
    let Some(id) = wanted.into_iter().find(|id| !visible.contains(id)) else { return Ok(Finding::Fine) };
    let held = session.client()?.get(&cluster::permissions_on(&format!("/storage/{id}")))?;
    let sees = held.values().flat_map(|privileges| privileges.keys()).any(|privilege| privilege.starts_with("Datastore."));
    Ok(if sees { missing("storage", &id, "storage") } else { Finding::Unknown(format!("whether the storage '{id}' exists")) })
}

fn missing(one: &str, name: &str, noun: &str) -> Finding {
    Finding::refused(
        Fault::refused(format!("there is no {one} '{name}' to add"))
            .with_hint(format!("list them with `felhom {noun} list`, or add --force")),
    )
}

/// Checks that a storage has no guest disks and no backups.
pub(super) fn content(session: &Session, id: &str) -> Result<Finding> {
    let mut found = BTreeSet::new();
    let mut unread = None;
    for node in nodes::all(session)?.into_iter().filter(nodes::NodeState::online) {
        match session.client()?.get(&storage::content(&node.node, id)) {
            Ok(volumes) => {
                let kept = volumes.into_iter().filter(|volume| matches!(volume.content.as_str(), "images" | "rootdir" | "backup"));
                found.extend(kept.map(|volume| volume.volid));
            }
            Err(fault) if matches!(fault.kind, Kind::Denied | Kind::NodeDown | Kind::Unreachable) => unread = Some(fault.message),
            // The storage is not on this node, disabled or not active.
            Err(_) => {}
        }
    }
    match unread {
        Some(why) if found.is_empty() => Ok(Finding::Unknown(format!("disks and backups on '{id}': {why}"))),
        _ => Ok(Finding::in_use(&format!("the storage '{id}'"), &found.into_iter().collect::<Vec<_>>())),
    }
}
