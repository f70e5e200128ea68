//! Clones of guests: what a clone shares with its original, and checking the result.

use serde_json::{Map, Value as Json, json};

use crate::api::{Call, GuestKind, Place};
use crate::fault::{Fault, Kind, Result};
use crate::guard::{Change, Item, Step, Target};
use crate::ops::disks::{self, Source};
use crate::ops::guests::{self, Guest, split_tags};
use crate::ops::restore::identity::{self, Identity};
use crate::ops::settings::{Config, text};
use crate::ops::{lock, snapshots};
use crate::session::Session;

/// Options of a clone.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// VMID [default: next free].
    pub vmid: Option<u32>,
    pub hostname: Option<String>,
    /// Target node [default: the original's node].
    pub node: Option<String>,
    pub storage: Option<String>,
    pub snapshot: Option<String>,
    /// Full or linked clone [default: the host decides].
    pub full: Option<bool>,
    pub pool: Option<String>,
    pub bwlimit: Option<u64>,
}

/// Prepares the change. Returns it with the location of the clone.
pub fn prepare(session: &Session, guest: &Guest, options: &Options) -> Result<(Change, Place)> {
    let vmid = guests::free_vmid(session, options.vmid)?;
    let node = options.node.clone().unwrap_or_else(|| guest.node.clone());
    let place = Place { node: node.clone(), kind: guest.kind, vmid };
    let name = options.hostname.clone().or_else(|| inherited_name(guest));
    let target = Target { node: Some(node.clone()), vmid: Some(vmid), name, kind: Some(guest.kind.word()) };
    let summary = format!("clone {} as {vmid} on {node}", guest.label());
    let item = Item::new("clone", target).extra("source_vmid", guest.vmid).extra("storage", options.storage.clone());
    let live = match lock::wait(session, guest, &[]) {
        Ok(live) => live,
        Err(fault) => return Ok((Change::one(summary, item.refused(fault)), place)),
    };
    let config = config(session, guest, options.snapshot.as_deref())?;
    if let Some(fault) = refusal(guest, live.template || guest.template, &config, options) {
        return Ok((Change::one(summary, item.refused(fault)), place));
    }
    let item = item
        .fact("status", live.power.word())
        .fact("digest", text(&config, "digest").unwrap_or_default())
        .fact("vmid", "free")
        .touches(format!("a new {} {vmid} on {node}, a copy of {}", guest.kind.short(), guest.label()));
    let item = shared(item, guest, &identity::of(guest.kind, &config), options);
    let item = item.step(Step::call("clone", call(guest, vmid, options)));
    let item = match managed(session, &config) {
        Some(tags) => item.step(Step::call("tag", place.set_config().with("tags", tags))),
        None => item,
    };
    Ok((Change::one(summary, item), place))
}

/// Returns the name that the host gives a clone by default.
fn inherited_name(guest: &Guest) -> Option<String> {
    let name = guest.name.as_ref()?;
    match guest.kind {
        GuestKind::Lxc => Some(name.clone()),
        // A VM without a name is listed as `VM 105`.
        GuestKind::Qemu => Some(format!("Copy-of-{}", name.replace(' ', "-"))),
    }
}

fn config(session: &Session, guest: &Guest, snapshot: Option<&str>) -> Result<Config> {
    let Some(name) = snapshot else { return guests::with_place(session, guest, |place| session.client()?.get(&place.config())) };
    let all = snapshots::all(session, guest)?;
    snapshots::find(&all, guest, name)?;
    guests::with_place(session, guest, |place| session.client()?.get(&place.snapshot_config(name)))
}

/// Returns why the host would refuse, with an alternative.
fn refusal(guest: &Guest, template: bool, config: &Config, options: &Options) -> Option<Fault> {
    if options.full == Some(false) && !template {
        return Some(
            Fault::refused(format!("{} is not a template, and only templates have linked clones", guest.label()))
                .with_hint("omit --linked for a full clone"),
        );
    }
    let bound = disks::of(guest.kind, config).into_iter().find(|disk| matches!(disk.source, Source::Bind | Source::Device))?;
    (guest.kind == GuestKind::Lxc).then(|| {
        Fault::refused(format!("{} cannot be cloned: {} is bound to {} of its node", guest.label(), bound.key, bound.volume)).with_hint(
            format!(
                "copy it without the bind mount: `felhom backup run {}`, then `felhom guest restore --from {0} --without-binds`",
                guest.vmid
            ),
        )
    })
}

fn call(guest: &Guest, vmid: u32, options: &Options) -> Call<Json> {
    let name = if guest.kind == GuestKind::Lxc { "hostname" } else { "name" };
    guest
        .place()
        .copy()
        .with("newid", vmid)
        .with_some(name, options.hostname.as_ref())
        .with_some("target", options.node.as_ref().filter(|node| **node != guest.node))
        .with_some("storage", options.storage.as_ref())
        .with_some("snapname", options.snapshot.as_ref())
        .with_some("full", options.full)
        .with_some("pool", options.pool.as_ref())
        .with_some("bwlimit", options.bwlimit)
}

/// Warns about shared settings: the host generates new MAC addresses, but copies the rest.
fn shared(item: Item, guest: &Guest, original: &Identity, options: &Options) -> Item {
    let addresses: Vec<String> = original.addresses.iter().map(ToString::to_string).collect();
    let item = if addresses.is_empty() {
        item
    } else {
        item.caution(format!(
            "the clone has the static IP address of {}: {}; change it with `felhom guest set` before both run",
            guest.label(),
            addresses.join(", ")
        ))
    };
    match (&options.hostname, &original.name) {
        (None, Some(name)) if guest.kind == GuestKind::Lxc => {
            item.caution(format!("the clone's name is also '{name}'; --hostname sets another one"))
        }
        _ => item,
    }
}

/// Returns the tags with the managed tag, if it is missing.
fn managed(session: &Session, config: &Config) -> Option<String> {
    let managed = session.tags.managed.as_ref()?;
    let mut tags = split_tags(text(config, "tags").as_deref());
    if tags.contains(managed) {
        return None;
    }
    tags.push(managed.clone());
    Some(tags.join(";"))
}

/// Verifies that the clone exists.
pub fn verify(session: &Session, place: &Place) -> Result<Map<String, Json>> {
    let config = match session.client()?.get(&place.config()) {
        Ok(config) => config,
        Err(fault) if fault.kind == Kind::Denied => {
            session.person.warn(&format!("task succeeded, but {} cannot be read: {}", place.vmid, fault.message));
            return Ok(Map::new());
        }
        Err(fault) if fault.kind == Kind::NotFound => {
            return Err(Fault::new(Kind::TaskFailed, format!("task succeeded, but {} is not on {}", place.vmid, place.node)));
        }
        Err(fault) => return Err(fault),
    };
    let copy = identity::of(place.kind, &config);
    Ok(Map::from_iter([
        ("macs".to_owned(), json!(copy.macs)),
        ("hostname".to_owned(), json!(copy.name)),
        ("tags".to_owned(), json!(split_tags(text(&config, "tags").as_deref()))),
    ]))
}
