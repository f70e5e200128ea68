//! USB disks: mounting and unmounting through the fence, and the storage on top through the API.

use serde_json::{Map, Value as Json, json};

use crate::api::call::Output;
use crate::api::storage::Configured;
use crate::api::{Call, Value, storage};
use crate::fault::{Fault, Result};
use crate::fence::client::Fence;
use crate::fence::disks::{Filesystem, MountRow, MountState as DiskState, UsbRow};
use crate::fence::request::{Disks, MountOption, Persist, UsbMount, UsbStatus, UsbUnmount};
use crate::fence::text::{MountName, StorageId, Uuid};
use crate::fence::unit;
use crate::guard::{Act, Change, Item, Outputs, Permit, Step, Target};
use crate::path;
use crate::routes::Risk;
use crate::session::Session;

/// A mount as it is asked for.
#[derive(Debug, Clone)]
pub struct Mount {
    pub uuid: Uuid,
    pub name: MountName,
    pub persist: Persist,
    pub options: Vec<MountOption>,
    /// The storage to be made of it, and what it takes.
    pub storage: Option<(StorageId, Vec<String>)>,
}

/// What would be done to mount it.
pub fn mount(session: &Session, fence: &Fence, ask: &Mount) -> Result<Change> {
    let seen = fence.ask(Disks {})?;
    let row = seen.reply.disks.iter().find(|row| row.uuid.as_deref() == Some(ask.uuid.as_str()));
    let Some(row) = row else {
        return Err(Fault::not_found(format!("no USB disk with the filesystem {} is plugged in", ask.uuid))
            .with_hint("list the disks with `felhom usb list`"));
    };
    let place = unit::mount_point(ask.name.as_str());
    let device = row.partition.as_deref().unwrap_or(&row.disk).to_owned();
    let target = Target { node: Some(seen.host.clone()), name: Some(ask.name.to_string()), ..Target::default() };
    let mut item = Item::new("mount", target)
        .touches(format!("{device} ({}{}) is mounted at {place}", row.fstype.as_deref().unwrap_or("?"), model(row)))
        .extra("uuid", ask.uuid.as_str())
        .extra("place", place.as_str())
        .extra("device", device.as_str())
        .fact("disk", row.disk.as_str());
    let here = row.mounted_at.as_deref() == Some(&place);
    // Mounted at its place without a record: the helper decides, since it can restore the record.
    if let Some(why) = row.why_not.as_ref().filter(|_| !here) {
        let fault = Fault::refused(format!("{device} cannot be mounted: {why}"))
            .with_hint("list the disks that can be mounted with `felhom usb list`");
        return Ok(Change::one(summary(ask), item.refused(fault)));
    }
    let small_files = row.fstype.as_deref().and_then(Filesystem::parse).is_some_and(Filesystem::small_files_only);
    if let Some((_, content)) = &ask.storage
        && small_files
        && content.iter().any(|c| c == "backup")
    {
        let fault = Fault::refused(format!("{device} is FAT: a file of 4 GiB or more does not fit, and an archive soon is that large"))
            .with_hint("create an ext4 or xfs filesystem on it (this erases it), or mount it without --as-storage");
        return Ok(Change::one(summary(ask), item.refused(fault)));
    }
    let storage = match &ask.storage {
        Some((id, content)) => Some((id, content, known_storage(session, id, &place)?)),
        None => None,
    };
    let text = summary(ask);
    if here && storage.is_none_or(|(_, _, known)| known) && is_so(fence, ask)? {
        return Ok(Change::one(text, item.unchanged()));
    }
    let request = UsbMount { uuid: ask.uuid.clone(), name: ask.name.clone(), persist: ask.persist, options: ask.options.clone() };
    item = item.step(Step::act("mount", FenceMount { fence: fence.clone(), request }));
    if let Some((id, content, known)) = storage {
        item = item.extra("storage", id.as_str());
        if !known {
            item = item.step(Step::call("storage", add_storage(id, &place, content)));
        }
    }
    Ok(Change::one(text, item))
}

/// Whether it is mounted already as asked for, with nothing to repair.
fn is_so(fence: &Fence, ask: &Mount) -> Result<bool> {
    let mounts = fence.ask(UsbStatus {})?.reply.mounts;
    let same = |m: &&MountRow| m.name == ask.name.as_str() && m.uuid == ask.uuid.as_str() && m.persist == ask.persist;
    Ok(mounts.iter().find(same).is_some_and(|m| m.state == DiskState::Mounted && m.problems.is_empty()))
}

fn summary(ask: &Mount) -> String {
    match &ask.storage {
        Some((id, _)) => format!("mount {} as {} and as storage {id}", ask.uuid, ask.name),
        None => format!("mount {} as {}", ask.uuid, ask.name),
    }
}

fn model(row: &UsbRow) -> String {
    row.model.as_ref().map(|m| format!(", {m}")).unwrap_or_default()
}

/// Whether the storage is there already, on this place. Another of that name is a refusal.
fn known_storage(session: &Session, id: &StorageId, place: &str) -> Result<bool> {
    for one in session.client()?.get(&storage::configured())? {
        if one.storage == id.as_str() {
            return if one.path.as_deref() == Some(place) {
                Ok(true)
            } else {
                Err(Fault::refused(format!("there is a storage {id} already, and it is not at {place}"))
                    .with_hint("choose another name with --as-storage ID"))
            };
        }
    }
    Ok(false)
}

/// The storage that counts as there only while the disk is mounted. It comes after the mount: an unmounted one is refused.
fn add_storage(id: &StorageId, place: &str, content: &[String]) -> Call<Json> {
    Call::post(path!["storage"])
        .with("storage", id.as_str())
        .with("type", "dir")
        .with("path", place)
        .with("content", content.join(","))
        .with("is_mountpoint", "1")
        .with("nodes", Value::Output(Output { step: "mount", key: "node" }))
}

/// What came of it, from the answer of the mount's step.
pub fn mounted(outputs: &Outputs) -> Map<String, Json> {
    let answer = outputs.get("mount").and_then(Json::as_object).cloned().unwrap_or_default();
    ["unit", "state", "size_bytes", "available_bytes", "changed", "done"]
        .into_iter()
        .filter_map(|key| Some((key.to_owned(), answer.get(key)?.clone())))
        .collect()
}

struct FenceMount {
    fence: Fence,
    request: UsbMount,
}

impl Act for FenceMount {
    fn backend(&self) -> &'static str {
        "fence"
    }

    fn describe(&self) -> String {
        format!("usb-mount on {}: {} at {}", self.fence.connection(), self.request.uuid, unit::mount_point(self.request.name.as_str()))
    }

    fn request(&self) -> Json {
        json!({"word": "usb-mount", "request": self.request})
    }

    fn run(&self, _: &Outputs, permit: &Permit) -> Result<Json> {
        let answer = self.fence.change(self.request.clone(), permit)?;
        let mut flat = serde_json::to_value(&answer.reply.mount).unwrap_or_default();
        flat["node"] = json!(answer.host);
        flat["changed"] = json!(answer.reply.changed);
        flat["done"] = json!(answer.reply.done);
        Ok(flat)
    }
}

/// What would be done to unmount it: the storages on it are switched off first, where that is asked for.
pub fn unmount(session: &Session, fence: &Fence, name: &MountName, keep: bool, disable_storage: bool) -> Result<Change> {
    let seen = fence.ask(UsbStatus {})?;
    let place = unit::mount_point(name.as_str());
    let target = Target { node: Some(seen.host.clone()), name: Some(name.to_string()), ..Target::default() };
    let mut item = Item::new("unmount", target).extra("place", place.as_str());
    if !seen.reply.mounts.iter().any(|m| m.name == name.as_str()) {
        let names: Vec<&str> = seen.reply.mounts.iter().map(|m| m.name.as_str()).collect();
        let there = if names.is_empty() { "there is none".to_owned() } else { format!("there are {}", names.join(", ")) };
        return Err(Fault::not_found(format!("there is no mount named {name}")).with_hint(there));
    }
    // A token without rights on storages sees none: the mount itself does not depend on that.
    let storages = session.client().and_then(|c| c.get(&storage::configured())).unwrap_or_default();
    let below = format!("{place}/");
    let on_it = |s: &&Configured| !s.disabled && s.path.as_deref().is_some_and(|p| p == place || p.starts_with(&below));
    if disable_storage && !storages.iter().any(|one| on_it(&one)) {
        session.person.warn(&format!("no storage that {} may see is on {place}: none is switched off", session.who()));
    }
    for one in storages.iter().filter(on_it) {
        if disable_storage {
            let call: Call<Json> = Call::put(path!["storage", &one.storage]).with("disable", "1");
            item = item.step(Step::call("storage", call)).touches(format!("the storage {} is switched off", one.storage));
        } else {
            item = item
                .caution(format!("the storage {} is on it: backups to it will fail until it is mounted again", one.storage))
                .risk(Risk::Disruptive);
        }
    }
    let request = UsbUnmount { name: name.clone(), keep };
    item = item.touches(format!("{place} is unmounted")).step(Step::act("unmount", FenceUnmount { fence: fence.clone(), request }));
    Ok(Change::one(format!("unmount {name}"), item))
}

struct FenceUnmount {
    fence: Fence,
    request: UsbUnmount,
}

impl Act for FenceUnmount {
    fn backend(&self) -> &'static str {
        "fence"
    }

    fn describe(&self) -> String {
        format!("usb-unmount on {}: {}", self.fence.connection(), unit::mount_point(self.request.name.as_str()))
    }

    fn request(&self) -> Json {
        json!({"word": "usb-unmount", "request": self.request})
    }

    fn run(&self, _: &Outputs, permit: &Permit) -> Result<Json> {
        let answer = self.fence.change(self.request.clone(), permit)?;
        Ok(json!({"changed": answer.reply.changed, "done": answer.reply.done}))
    }
}

/// A mount with the storages on it.
#[derive(Debug, Clone, serde::Serialize)]
pub struct MountState {
    pub node: String,
    #[serde(flatten)]
    pub mount: MountRow,
    pub storages: Vec<String>,
}

/// Returns the command that mounts it again or repairs it, if its disk is there.
pub fn repair(mount: &MountRow) -> Option<String> {
    let there = matches!(mount.state, DiskState::Mounted | DiskState::NotMounted);
    if !there || (mount.state == DiskState::Mounted && mount.problems.is_empty()) {
        return None;
    }
    let mut command = format!("felhom usb mount {} --name {}", mount.uuid, mount.name);
    match mount.persist {
        Persist::Unit => {}
        Persist::Fstab => command.push_str(" --persist fstab"),
        Persist::None => command.push_str(" --persist none"),
    }
    if !mount.options.is_empty() {
        let options: Vec<&str> = mount.options.iter().map(|option| option.as_str()).collect();
        command.push_str(&format!(" --options {}", options.join(",")));
    }
    Some(command)
}

/// Every mount of felhom on the helper's host. Storages are shown where the API lets them be seen.
pub fn status(session: &Session, fence: &Fence) -> Result<Vec<MountState>> {
    let seen = fence.ask(UsbStatus {})?;
    let storages = if seen.reply.mounts.is_empty() {
        Vec::new()
    } else {
        session.client().and_then(|c| c.get(&storage::configured())).unwrap_or_default()
    };
    let on = |place: &str| {
        let below = format!("{place}/");
        storages
            .iter()
            .filter(|s| s.path.as_deref().is_some_and(|p| p == place || p.starts_with(&below)))
            .map(|s| s.storage.clone())
            .collect()
    };
    Ok(seen.reply.mounts.into_iter().map(|mount| MountState { node: seen.host.clone(), storages: on(&mount.mount_point), mount }).collect())
}
