//! Moving a disk to another storage, or to another guest.

use serde_json::{Map, Value as Json, json};

use super::{Disk, Source, find, free_key};
use crate::api::{Call, GuestKind, storage};
use crate::fault::{Fault, Result};
use crate::guard::{Change, Item, Step};
use crate::ops::backup::store;
use crate::ops::guests::{self, Guest};
use crate::ops::lock;
use crate::ops::settings::{Config, text};
use crate::routes::Risk;
use crate::session::Session;

/// The new location of a disk.
#[derive(Debug, Clone)]
pub enum Goal {
    Storage { id: String, format: Option<String>, delete_source: bool },
    Guest { target: Box<Guest>, key: Option<String> },
}

/// A prepared move.
#[derive(Debug, Clone)]
pub struct Move {
    pub disk: Disk,
    goal: Goal,
    /// The key in the target guest.
    key: String,
}

/// Prepares the change.
pub fn prepare(session: &Session, guest: &Guest, name: &str, goal: Goal, bwlimit: Option<u64>) -> Result<(Change, Move)> {
    let config = read(session, guest)?;
    let disk = find(guest, &config, name)?;
    let key = match &goal {
        Goal::Storage { .. } => disk.key.clone(),
        Goal::Guest { target, key } => target_key(session, &disk, target, key.as_deref())?,
    };
    let planned = Move { disk, goal, key };
    let start = || planned.item(guest);
    let change = super::change(planned.summary(guest), start, |item| {
        let live = lock::wait(session, guest, &[])?;
        planned.check_source(guest, live.running())?;
        let item = item.fact("digest", text(&config, "digest").unwrap_or_default()).fact("status", live.power.word());
        let item = match &planned.goal {
            Goal::Storage { id, format, delete_source } => {
                planned.to_storage(session, guest, item, id, format.as_deref(), *delete_source)?
            }
            Goal::Guest { target, .. } => planned.to_guest(session, guest, item, target)?,
        };
        if item.settled.is_some() {
            return Ok(item);
        }
        let call = planned.call(guest, &config).with_some("bwlimit", bwlimit);
        Ok(item.step(Step::call("move", call)))
    })?;
    Ok((change, planned))
}

fn read(session: &Session, guest: &Guest) -> Result<Config> {
    guests::with_place(session, guest, |place| session.client()?.get(&place.config()))
}

/// Returns the key for the disk in the target guest: the given one if it is free, or the next one of the same kind.
fn target_key(session: &Session, disk: &Disk, target: &Guest, key: Option<&str>) -> Result<String> {
    let config = read(session, target)?;
    match key {
        Some(key) if config.contains_key(key) => {
            Err(Fault::refused(format!("{} already has {key}", target.label())).with_hint("omit --as to use the next free key"))
        }
        Some(key) => Ok(key.to_owned()),
        None => free_key(target, &config, disk.key.trim_end_matches(|c: char| c.is_ascii_digit())),
    }
}

impl Move {
    fn item(&self, guest: &Guest) -> Item {
        let item = Item::new("disk-move", guest.target()).extra("disk", self.disk.key.as_str());
        match &self.goal {
            Goal::Storage { id, .. } => item.extra("storage", id.as_str()),
            Goal::Guest { target, .. } => item.extra("to_guest", target.vmid).extra("to_disk", self.key.as_str()),
        }
    }

    fn summary(&self, guest: &Guest) -> String {
        match &self.goal {
            Goal::Storage { id, .. } => format!("move {} of {} to {id}", self.disk.key, guest.label()),
            Goal::Guest { target, .. } => format!("move {} of {} to {} as {}", self.disk.key, guest.label(), target.label(), self.key),
        }
    }

    fn check_source(&self, guest: &Guest, running: bool) -> Result<()> {
        let Disk { key, source, .. } = &self.disk;
        if *source != Source::Volume {
            return Err(Fault::refused(format!("{key} of {} cannot be moved: it is a {}", guest.label(), self.disk.word())));
        }
        let to_guest = matches!(self.goal, Goal::Guest { .. });
        if !running || self.disk.unused() || (guest.kind == GuestKind::Qemu && !to_guest) {
            return Ok(());
        }
        let what = if to_guest { "to another guest " } else { "" };
        Err(Fault::refused(format!("{key} cannot be moved {what}while {} is running", guest.label()))
            .with_hint(format!("stop it first: `felhom guest shutdown {}`", guest.vmid)))
    }

    fn to_storage(&self, session: &Session, guest: &Guest, item: Item, id: &str, format: Option<&str>, delete: bool) -> Result<Item> {
        let content = match guest.kind {
            GuestKind::Lxc => "rootdir",
            GuestKind::Qemu => "images",
        };
        if guest.kind == GuestKind::Lxc && self.disk.unused() {
            return Err(Fault::refused(format!("{} is unused; only mount points can be moved to another storage", self.disk.key))
                .with_hint(format!("run `felhom guest disk attach {} {} --path PATH` first", guest.vmid, self.disk.key)));
        }
        if self.disk.storage() == Some(id) && format.is_none() {
            return Ok(item.unchanged());
        }
        let all = session.client()?.get(&storage::list(&guest.node))?;
        let target = store::check(&all, id, &guest.node, content)?;
        let item = item.touches(format!("{}: {} is copied to {id}", self.disk.key, self.disk.volume));
        let item = match (target.avail, self.disk.size_bytes()) {
            (Some(free), Some(size)) if free < size => {
                let (free, size) = (crate::units::bytes(free), crate::units::bytes(size));
                item.caution(format!("'{id}' has {free} free, the disk can grow to {size}"))
            }
            _ => item,
        };
        Ok(if delete {
            item.touches(format!("{} is deleted after the copy", self.disk.volume))
        } else {
            item.touches(format!("{} stays as an unused volume; --delete-source deletes it", self.disk.volume))
        })
    }

    fn to_guest(&self, session: &Session, guest: &Guest, item: Item, target: &Guest) -> Result<Item> {
        let impossible = |why: String| Err(Fault::refused(format!("{} cannot be moved to {}: {why}", self.disk.key, target.label())));
        if target.vmid == guest.vmid {
            return impossible("it is the same guest".into());
        }
        if target.kind != guest.kind {
            return impossible(format!("{} is a {}, {} a {}", guest.vmid, guest.kind.short(), target.vmid, target.kind.short()));
        }
        if target.node != guest.node {
            return impossible(format!("{} is on {}, {} on {}", guest.vmid, guest.node, target.vmid, target.node));
        }
        if self.disk.key == "rootfs" || self.key == "rootfs" {
            return impossible("a container keeps its rootfs".into());
        }
        lock::wait(session, target, &[])?;
        Ok(item
            .risk(Risk::Disruptive)
            .touches(format!("{} of {} becomes {} of {}", self.disk.key, guest.label(), self.key, target.label()))
            .touches(format!("the volume {} is renamed", self.disk.volume)))
    }

    fn call(&self, guest: &Guest, config: &Config) -> Call<Json> {
        let (disk_name, target_name) = match guest.kind {
            GuestKind::Lxc => ("volume", "target-volume"),
            GuestKind::Qemu => ("disk", "target-disk"),
        };
        let call = guest.place().move_disk().with(disk_name, self.disk.key.as_str()).with_some("digest", text(config, "digest"));
        match &self.goal {
            Goal::Storage { id, format, delete_source } => {
                call.with("storage", id.as_str()).with_some("format", format.as_ref()).with_set("delete", *delete_source)
            }
            Goal::Guest { target, .. } => call.with("target-vmid", target.vmid).with(target_name, self.key.as_str()),
        }
    }

    /// Verifies that the disk is at its new location.
    pub fn verify(&self, session: &Session, guest: &Guest) -> Result<Map<String, Json>> {
        let (owner, place) = match &self.goal {
            Goal::Storage { id, .. } => (guest, format!("on {id}")),
            Goal::Guest { target, .. } => (target.as_ref(), format!("in {}", target.label())),
        };
        let now = find(owner, &read(session, owner)?, &self.key).ok();
        let there = now.filter(|now| match &self.goal {
            Goal::Storage { id, .. } => now.storage() == Some(id),
            Goal::Guest { .. } => true,
        });
        match there {
            Some(now) => Ok(Map::from_iter([("volume".to_owned(), json!(now.volume))])),
            None => Err(Fault::other(format!("task succeeded, but {} is not {place}", self.key))
                .with_hint(format!("check it with `felhom guest disk list {}`", owner.vmid))),
        }
    }
}
