//! Copies of guests: what a copy shares with its original, and whether it came to be.

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

/// A copy as it is asked for.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// The next free one without it.
    pub vmid: Option<u32>,
    pub hostname: Option<String>,
    /// Where it shall be; with its original without it.
    pub node: Option<String>,
    pub storage: Option<String>,
    pub snapshot: Option<String>,
    /// Whole, or standing on the template's volumes; as the host does it by itself where nothing is said.
    pub full: Option<bool>,
    pub pool: Option<String>,
    pub bwlimit: Option<u64>,
}

/// The change, and where the copy will be.
pub fn prepare(session: &Session, guest: &Guest, wish: &Wish) -> Result<(Change, Place)> {
    let vmid = guests::free_vmid(session, wish.vmid)?;
    let node = wish.node.clone().unwrap_or_else(|| guest.node.clone());
    let place = Place { node: node.clone(), kind: guest.kind, vmid };
    let name = wish.hostname.clone().or_else(|| inherited_name(guest));
    let target = Target { node: Some(node.clone()), vmid: Some(vmid), name, kind: Some(guest.kind.word()) };
    let summary = format!("clone {} as {vmid} on {node}", guest.label());
    let item = Item::new("clone", target).extra("source_vmid", guest.vmid).extra("storage", wish.storage.clone());
    let live = match lock::wait(session, guest, &[]) {
        Ok(live) => live,
        Err(fault) => return Ok((Change::one(summary, item.refused(fault)), place)),
    };
    let config = config(session, guest, wish.snapshot.as_deref())?;
    if let Some(fault) = refusal(guest, live.template || guest.template, &config, wish) {
        return Ok((Change::one(summary, item.refused(fault)), place));
    }
    let item = item
        .fact("status", live.power.word())
        .fact("digest", text(&config, "digest").unwrap_or_default())
        .fact("vmid", "free")
        .touches(format!("a new {} {vmid} on {node}, a copy of {}", guest.kind.short(), guest.label()));
    let item = shared(item, guest, &identity::of(guest.kind, &config), wish);
    let item = item.step(Step::call("clone", call(guest, vmid, wish)));
    let item = match managed(session, &config) {
        Some(tags) => item.step(Step::call("tag", place.set_config().with("tags", tags))),
        None => item,
    };
    Ok((Change::one(summary, item), place))
}

/// The name that the host gives a clone without one of its own.
fn inherited_name(guest: &Guest) -> Option<String> {
    let name = guest.name.as_ref()?;
    match guest.kind {
        GuestKind::Lxc => Some(name.clone()),
        // One without a name is listed as `VM 105`.
        GuestKind::Qemu => Some(format!("Copy-of-{}", name.replace(' ', "-"))),
    }
}

fn config(session: &Session, guest: &Guest, snapshot: Option<&str>) -> Result<Config> {
    let Some(name) = snapshot else { return guests::with_place(session, guest, |place| session.client()?.get(&place.config())) };
    let all = snapshots::all(session, guest)?;
    snapshots::find(&all, guest, name)?;
    guests::with_place(session, guest, |place| session.client()?.get(&place.snapshot_config(name)))
}

/// What the host would refuse, said with the way round.
fn refusal(guest: &Guest, template: bool, config: &Config, wish: &Wish) -> Option<Fault> {
    if wish.full == Some(false) && !template {
        return Some(
            Fault::refused(format!("{} is no template, and only a template has linked clones", guest.label()))
                .with_hint("leave --linked out: the copy is whole then"),
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

fn call(guest: &Guest, vmid: u32, wish: &Wish) -> Call<Json> {
    let name = if guest.kind == GuestKind::Lxc { "hostname" } else { "name" };
    guest
        .place()
        .copy()
        .with("newid", vmid)
        .with_some(name, wish.hostname.as_ref())
        .with_some("target", wish.node.as_ref().filter(|node| **node != guest.node))
        .with_some("storage", wish.storage.as_ref())
        .with_some("snapname", wish.snapshot.as_ref())
        .with_some("full", wish.full)
        .with_some("pool", wish.pool.as_ref())
        .with_some("bwlimit", wish.bwlimit)
}

/// What the two will have in common: the host gives fresh MACs, and leaves the rest.
fn shared(item: Item, guest: &Guest, original: &Identity, wish: &Wish) -> Item {
    let addresses: Vec<String> = original.addresses.iter().map(ToString::to_string).collect();
    let item = if addresses.is_empty() {
        item
    } else {
        item.caution(format!(
            "the copy has the static address of {}: {}; change it before both run (`felhom guest set`)",
            guest.label(),
            addresses.join(", ")
        ))
    };
    match (&wish.hostname, &original.name) {
        (None, Some(name)) if guest.kind == GuestKind::Lxc => {
            item.caution(format!("the copy is called '{name}' as well; --hostname gives it another name"))
        }
        _ => item,
    }
}

/// The tags with the one of the managed guests, where the copy would not have it.
fn managed(session: &Session, config: &Config) -> Option<String> {
    let managed = session.tags.managed.as_ref()?;
    let mut tags = split_tags(text(config, "tags").as_deref());
    if tags.contains(managed) {
        return None;
    }
    tags.push(managed.clone());
    Some(tags.join(";"))
}

/// Looks at the copy itself.
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
