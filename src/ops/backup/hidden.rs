//! Backups that the host omits from its lists without an error.

use std::collections::BTreeSet;

use super::archive::Found;
use crate::api::cluster;
use crate::guard::plan::{Permissions, holds};
use crate::ops::guests;
use crate::routes::Grant;
use crate::session::Session;

/// Number of guests to list by VMID.
const NAMED: usize = 5;

/// Returns why the token may not see backups of this guest.
pub fn of_guest(found: &Found, held: &Permissions, vmid: u32) -> Option<String> {
    let has = |privilege: &str, path: String| holds(held, &Grant { path, privilege: privilege.into() });
    let hidden = |storage: &&String| {
        let whole = has("Datastore.Allocate", format!("/storage/{storage}"));
        let own = has("VM.Backup", format!("/vms/{vmid}")) && has("Datastore.AllocateSpace", format!("/storage/{storage}"));
        !whole && !own
    };
    let first = found.looked.iter().find(hidden)?;
    Some(format!(
        "backups of {vmid} on {first} are hidden from this token: it needs VM.Backup on /vms/{vmid} and Datastore.AllocateSpace on /storage/{first}"
    ))
}

/// Returns a note if a list of all backups, or of one guest's backups, may be incomplete.
pub fn of_list(session: &Session, found: &Found, vmid: Option<u32>) -> Option<String> {
    if found.looked.is_empty() {
        let none = "this token can see no backup storage: it needs Datastore.AllocateSpace on /storage/NAME";
        return found.unseen.is_empty().then(|| none.to_owned());
    }
    let held = session.client().ok()?.get(&cluster::permissions()).ok()?;
    if let Some(vmid) = vmid {
        return of_guest(found, &held, vmid);
    }
    // Without either privilege on any path, the hint for empty lists applies.
    if !held.values().any(|own| own.contains_key("VM.Backup") || own.contains_key("Datastore.Allocate")) {
        return None;
    }
    // A privilege on all guests applies to each, except where an entry below overrides it.
    let everywhere = of_guest(found, &held, 0).is_none();
    let below = held.iter().any(|(path, own)| path.starts_with("/vms/") && !own.contains_key("VM.Backup"));
    if everywhere && !below {
        return None;
    }
    let hidden: BTreeSet<u32> =
        guests::all(session).ok()?.iter().map(|guest| guest.vmid).filter(|vmid| of_guest(found, &held, *vmid).is_some()).collect();
    let names: Vec<String> = hidden.iter().take(NAMED).map(u32::to_string).collect();
    let more = if hidden.len() > NAMED { format!(" and {} more", hidden.len() - NAMED) } else { String::new() };
    (!hidden.is_empty()).then(|| {
        format!(
            "backups of {}{more} may be missing: the host lists only those of guests on which this token has VM.Backup",
            names.join(", ")
        )
    })
}
