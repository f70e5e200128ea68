//! Deleting a guest: what is deleted, which backups stay, and checking the result.

use serde_json::{Map, Value as Json, json};

use crate::api::{Call, lenient};
use crate::fault::{Fault, Kind, Result};
use crate::guard::tags::{self, GuardedAction};
use crate::guard::{Item, Step};
use crate::ops::backup::archive::{self, Filter, Found};
use crate::ops::disks::{self, Disk, Source};
use crate::ops::guests::{self, Guest};
use crate::ops::live::Live;
use crate::ops::settings::Config;
use crate::ops::{lock, snapshots};
use crate::session::Session;
use crate::units;

/// Number of backups to list by name.
const NAMED: usize = 5;

/// Searches for backups once for all guests; for a single guest only its own.
pub fn archives(session: &Session, guests: &[Guest]) -> Result<Found> {
    let vmid = if let [guest] = guests { Some(guest.vmid) } else { None };
    archive::all(session, &Filter { vmid, ..Filter::default() })
}

/// Prepares the deletion. `found` are the backups, or the error of the search.
pub fn prepare(session: &Session, guest: &Guest, purge: bool, found: &Result<Found>) -> Item {
    // One guest at a time on each node: parallel deletions would wait for the lock of the same storage.
    let item = Item::new("delete", guest.target()).word(guest.vmid).lane(&guest.node).extra("purged", purge);
    let live = match lock::wait(session, guest, &[]) {
        Ok(live) => live,
        Err(fault) => {
            // An unreadable guest counts as protected.
            let guarded = tags::refusal(&session.rules, &session.tags, &guest.target(), None, GuardedAction::Delete);
            return item.refused(guarded.filter(|_| fault.kind == Kind::Denied).unwrap_or(fault));
        }
    };
    let config = match guests::with_place(session, guest, |place| session.client()?.get(&place.config())) {
        Ok(config) => config,
        Err(fault) => return item.refused(fault),
    };
    if let Some(fault) = refusal(session, guest, &live, &config, purge) {
        return item.refused(fault);
    }
    let item = impact(session, guest, &live, &config, found, item);
    item.step(Step::call("delete", call(guest, purge)))
}

fn call(guest: &Guest, purge: bool) -> Call<Json> {
    guest.place().destroy().with_set("purge", purge)
}

/// Returns why the guest must not be deleted now.
pub fn refusal(session: &Session, guest: &Guest, live: &Live, config: &Config, purge: bool) -> Option<Fault> {
    let (label, vmid) = (guest.label(), guest.vmid);
    if let Some(fault) = tags::refusal(&session.rules, &session.tags, &guest.target(), Some(&live.tags), GuardedAction::Delete) {
        return Some(fault);
    }
    // The host's own flag: it refuses too, and --force does not change its mind.
    if config.get("protection").and_then(lenient::text).is_some_and(|text| lenient::parse_bool(&text)) {
        return Some(
            Fault::refused(format!("refusing to delete {label}: its protection is on"))
                .with_hint(format!("unset it with `felhom guest set {vmid} protection=0 --force`; the host refuses while it is set")),
        );
    }
    if live.running() {
        return Some(
            Fault::refused(format!("{label} is {}, and only a stopped guest is deleted", live.power.word()))
                .with_hint(format!("stop it first with `felhom guest shutdown {vmid}`")),
        );
    }
    if live.ha.is_some() && !purge {
        return Some(
            Fault::refused(format!("{label} is managed by high availability"))
                .with_hint("add --purge to remove it from high availability, backup jobs and replication"),
        );
    }
    None
}

/// Adds what is deleted and what stays.
pub fn impact(session: &Session, guest: &Guest, live: &Live, config: &Config, found: &Result<Found>, item: Item) -> Item {
    let mut item = item.fact("status", live.power.word());
    if let Some(digest) = config.get("digest").and_then(lenient::text) {
        item = item.fact("digest", digest);
    }
    let disks = disks::of(guest.kind, config);
    let volumes: Vec<String> = disks.iter().filter(|disk| disk.source == Source::Volume).map(volume).collect();
    item = item.extra("volumes", json!(volumes.iter().map(|v| v.split(' ').next().unwrap_or(v)).collect::<Vec<_>>()));
    if !volumes.is_empty() {
        item = item.loses(format!("volumes: {}", volumes.join(", ")));
    }
    let unused: Vec<String> = config.iter().filter(|(key, _)| key.starts_with("unused")).filter_map(|(_, v)| lenient::text(v)).collect();
    if !unused.is_empty() {
        item = item.loses(format!("unused volumes: {}", unused.join(", ")));
    }
    match snapshots::all(session, guest) {
        Ok(all) => {
            let names: Vec<&str> = all.iter().map(|s| s.name.as_str()).filter(|name| *name != snapshots::CURRENT).collect();
            item = item.fact("snapshots", names.join(","));
            if !names.is_empty() {
                item = item.loses(format!("snapshots: {}", names.join(", ")));
            }
        }
        Err(fault) => item = item.caution(format!("cannot read its snapshots: {}", fault.message)),
    }
    for disk in disks.iter().filter(|disk| disk.source == Source::Bind) {
        item = item.touches(format!("{} on {} stays: it is a bind mount", disk.volume, guest.node));
    }
    item = of_archives(item, guest, found);
    item.loses(format!("firewall rules and ACL entries on /vms/{}", guest.vmid))
}

/// Formats a volume: `local-lvm:vm-101-disk-0 (8G)`.
fn volume(disk: &Disk) -> String {
    match disk.property.get("size") {
        Some(size) => format!("{} ({size})", disk.volume),
        None => disk.volume.clone(),
    }
}

/// Adds the guest's backups, or that it has none.
fn of_archives(item: Item, guest: &Guest, found: &Result<Found>) -> Item {
    let found = match found {
        Ok(found) => found,
        Err(fault) => return item.caution(format!("its backups could not be listed: {}", fault.message)),
    };
    let own: Vec<&archive::Archive> =
        found.archives.iter().filter(|a| a.vmid == Some(guest.vmid) && a.kind.is_none_or(|kind| kind == guest.kind)).collect();
    let names: Vec<&str> = own.iter().map(|a| a.archive.as_str()).collect();
    let mut item = item.fact("archives", names.join(",")).extra("archives", json!(names));
    for what in &found.unseen {
        item = item.caution(format!("not searched for backups: {what}"));
    }
    if own.is_empty() {
        let looked: Vec<&str> = found.looked.iter().map(String::as_str).collect();
        let place = if looked.is_empty() { "no backup storage is visible".to_owned() } else { format!("searched {}", looked.join(", ")) };
        return item.loses(format!("all data of {}: it has no visible backup ({place})", guest.label()));
    }
    for archive in own.iter().take(NAMED) {
        item = item.touches(format!("backup stays: {} ({} old)", archive.archive, units::seconds(archive.age())));
    }
    match own.len().saturating_sub(NAMED) {
        0 => item,
        more => item.touches(format!("{more} older backups stay")),
    }
}

/// Verifies that the guest is deleted.
pub fn verify(session: &Session, guest: &Guest) -> Result<Map<String, Json>> {
    if guests::all(session)?.iter().any(|other| other.vmid == guest.vmid && other.kind == guest.kind) {
        return Err(Fault::new(Kind::TaskFailed, format!("task succeeded, but {} still exists", guest.label()))
            .with_hint(format!("check its tasks with `felhom task list --guest {}`", guest.vmid)));
    }
    Ok(Map::new())
}
