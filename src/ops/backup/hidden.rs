//! Archives that the host leaves out of its lists without a word.

use std::collections::BTreeSet;

use super::archive::Found;
use crate::api::cluster;
use crate::guard::plan::{Held, holds};
use crate::ops::guests;
use crate::routes::Grant;
use crate::session::Session;

/// As many guests are named one by one.
const NAMED: usize = 5;

/// Why archives of this guest may be there that this token does not see.
pub fn of_guest(found: &Found, held: &Held, vmid: u32) -> Option<String> {
    let has = |privilege: &str, path: String| holds(held, &Grant { path, privilege: privilege.into() });
    let hidden = |storage: &&String| {
        let whole = has("Datastore.Allocate", format!("/storage/{storage}"));
        let own = has("VM.Backup", format!("/vms/{vmid}")) && has("Datastore.AllocateSpace", format!("/storage/{storage}"));
        !whole && !own
    };
    let first = found.looked.iter().find(hidden)?;
    Some(format!(
        "archives of {vmid} on {first} are hidden from this token: VM.Backup on /vms/{vmid} and Datastore.AllocateSpace on /storage/{first} show them"
    ))
}

/// The same for a whole list, or for the one guest that it is about: a sentence, where something can be missing in it.
pub fn of_list(session: &Session, found: &Found, vmid: Option<u32>) -> Option<String> {
    if found.looked.is_empty() {
        let none = "no storage with backups is visible to this token: Datastore.AllocateSpace on /storage/NAME shows one";
        return found.unseen.is_empty().then(|| none.to_owned());
    }
    let held = session.client().ok()?.get(&cluster::permissions()).ok()?;
    if let Some(vmid) = vmid {
        return of_guest(found, &held, vmid);
    }
    // Where nothing of it is held anywhere, an empty list says so by itself.
    if !held.values().any(|own| own.contains_key("VM.Backup") || own.contains_key("Datastore.Allocate")) {
        return None;
    }
    // Who has it on all guests at once has it on each, but for entries of their own below.
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
            "archives of {}{more} may be left out: the host shows only those of guests on which this token has VM.Backup",
            names.join(", ")
        )
    })
}
