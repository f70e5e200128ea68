//! USB disks: mounting and unmounting through the root helper, and the storage on a disk through the API.

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

/// Options of a mount.
#[derive(Debug, Clone)]
pub struct Mount {
    pub uuid: Uuid,
    pub name: MountName,
    pub persist: Persist,
    pub options: Vec<MountOption>,
    /// The storage to create on it, with its content types.
    pub storage: Option<(StorageId, Vec<String>)>,
}

/// Prepares a mount.
pub fn mount(session: &Session, fence: &Fence, options: &Mount) -> Result<Change> {
    let seen = fence.ask(Disks {})?;
    let row = seen.reply.disks.iter().find(|row| row.uuid.as_deref() == Some(options.uuid.as_str()));
    let Some(row) = row else {
        return Err(Fault::not_found(format!("no USB disk with the filesystem {} is plugged in", options.uuid))
            .with_hint("list the disks with `felhom usb list`"));
    };
    let mount_point = unit::mount_point(options.name.as_str());
    let device = row.partition.as_deref().unwrap_or(&row.disk).to_owned();
    let target = Target { node: Some(seen.host.clone()), name: Some(options.name.to_string()), ..Target::default() };
    let mut item = Item::new("mount", target)
        .touches(format!("{device} ({}{}) is mounted at {mount_point}", row.fstype.as_deref().unwrap_or("?"), model(row)))
        .extra("uuid", options.uuid.as_str())
        .extra("place", mount_point.as_str())
        .extra("device", device.as_str())
        .fact("disk", row.disk.as_str());
    let here = row.mounted_at.as_deref() == Some(&mount_point);
    // If it is mounted without a record, the helper decides, since it can restore the record.
    if let Some(why) = row.why_not.as_ref().filter(|_| !here) {
        let fault = Fault::refused(format!("{device} cannot be mounted: {why}"))
            .with_hint("list the disks that can be mounted with `felhom usb list`");
        return Ok(Change::one(summary(options), item.refused(fault)));
    }
    let small_files = row.fstype.as_deref().and_then(Filesystem::parse).is_some_and(Filesystem::small_files_only);
    if let Some((_, content)) = &options.storage
        && small_files
        && content.iter().any(|c| c == "backup")
    {
        let fault = Fault::refused(format!("{device} is FAT: a file of 4 GiB or more does not fit, and an archive soon is that large"))
            .with_hint("create an ext4 or xfs filesystem on it (this erases it), or mount it without --as-storage");
        return Ok(Change::one(summary(options), item.refused(fault)));
    }
    let storage = match &options.storage {
        Some((id, content)) => Some((id, content, known_storage(session, id, &mount_point)?)),
        None => None,
    };
    let text = summary(options);
    if here && storage.is_none_or(|(_, _, known)| known) && is_complete(fence, options)? {
        return Ok(Change::one(text, item.unchanged()));
    }
    let request =
        UsbMount { uuid: options.uuid.clone(), name: options.name.clone(), persist: options.persist, options: options.options.clone() };
    item = item.step(Step::act("mount", FenceMount { fence: fence.clone(), request }));
    if let Some((id, content, known)) = storage {
        item = item.extra("storage", id.as_str());
        if !known {
            item = item.step(Step::call("storage", add_storage(id, &mount_point, content)));
        }
    }
    Ok(Change::one(text, item))
}

/// Whether it is already mounted as requested, with nothing to repair.
fn is_complete(fence: &Fence, options: &Mount) -> Result<bool> {
    let mounts = fence.ask(UsbStatus {})?.reply.mounts;
    let same = |m: &&MountRow| m.name == options.name.as_str() && m.uuid == options.uuid.as_str() && m.persist == options.persist;
    Ok(mounts.iter().find(same).is_some_and(|m| m.state == DiskState::Mounted && m.problems.is_empty()))
}

fn summary(options: &Mount) -> String {
    match &options.storage {
        Some((id, _)) => format!("mount {} as {} and as storage {id}", options.uuid, options.name),
        None => format!("mount {} as {}", options.uuid, options.name),
    }
}

fn model(row: &UsbRow) -> String {
    row.model.as_ref().map(|m| format!(", {m}")).unwrap_or_default()
}

/// Whether the storage exists with this path. A storage of this name with another path is an error.
fn known_storage(session: &Session, id: &StorageId, mount_point: &str) -> Result<bool> {
    for one in session.client()?.get(&storage::configured())? {
        if one.storage == id.as_str() {
            return if one.path.as_deref() == Some(mount_point) {
                Ok(true)
            } else {
                Err(Fault::refused(format!("there is a storage {id} already, and it is not at {mount_point}"))
                    .with_hint("choose another name with --as-storage ID"))
            };
        }
    }
    Ok(false)
}

/// Creates a storage that is active only while the disk is mounted. This must follow the mount: the host checks the path.
fn add_storage(id: &StorageId, mount_point: &str, content: &[String]) -> Call<Json> {
    Call::post(path!["storage"])
        .with("storage", id.as_str())
        .with("type", "dir")
        .with("path", mount_point)
        .with("content", content.join(","))
        .with("is_mountpoint", "1")
        .with("nodes", Value::Output(Output { step: "mount", key: "node" }))
}

/// Returns the result fields of the mount step.
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

/// Prepares an unmount, optionally disabling the storages on the disk first.
pub fn unmount(session: &Session, fence: &Fence, name: &MountName, keep: bool, disable_storage: bool) -> Result<Change> {
    let seen = fence.ask(UsbStatus {})?;
    let mount_point = unit::mount_point(name.as_str());
    let target = Target { node: Some(seen.host.clone()), name: Some(name.to_string()), ..Target::default() };
    let mut item = Item::new("unmount", target).extra("place", mount_point.as_str());
    if !seen.reply.mounts.iter().any(|m| m.name == name.as_str()) {
        let names: Vec<&str> = seen.reply.mounts.iter().map(|m| m.name.as_str()).collect();
        let there = if names.is_empty() {
            "run `felhom usb list` to list the disks".to_owned()
        } else {
            format!("use one of: {}", names.join(", "))
        };
        return Err(Fault::not_found(format!("no mount named '{name}'")).with_hint(there));
    }
    // A token without storage privileges sees none; the unmount works anyway.
    let storages = session.client().and_then(|c| c.get(&storage::configured())).unwrap_or_default();
    let below = format!("{mount_point}/");
    let on_it = |s: &&Configured| !s.disabled && s.path.as_deref().is_some_and(|p| p == mount_point || p.starts_with(&below));
    if disable_storage && !storages.iter().any(|one| on_it(&one)) {
        session.person.warn(&format!("no storage that {} can see is on {mount_point}: none is disabled", session.who()));
    }
    for one in storages.iter().filter(on_it) {
        if disable_storage {
            let call: Call<Json> = Call::put(path!["storage", &one.storage]).with("disable", "1");
            item = item.step(Step::call("storage", call)).touches(format!("storage '{}' is disabled", one.storage));
        } else {
            item = item
                .caution(format!("storage '{}' is on it: backups to it fail until it is mounted again", one.storage))
                .risk(Risk::Disruptive);
        }
    }
    let request = UsbUnmount { name: name.clone(), keep };
    item = item.touches(format!("{mount_point} is unmounted")).step(Step::act("unmount", FenceUnmount { fence: fence.clone(), request }));
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

/// Returns the command that mounts or repairs it, if its disk is plugged in.
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

/// Returns felhom's mounts on the helper's host, with the storages that the token can see.
pub fn status(session: &Session, fence: &Fence) -> Result<Vec<MountState>> {
    let seen = fence.ask(UsbStatus {})?;
    let storages = if seen.reply.mounts.is_empty() {
        Vec::new()
    } else {
        session.client().and_then(|c| c.get(&storage::configured())).unwrap_or_default()
    };
    let on = |mount_point: &str| {
        let below = format!("{mount_point}/");
        storages
            .iter()
            .filter(|s| s.path.as_deref().is_some_and(|p| p == mount_point || p.starts_with(&below)))
            .map(|s| s.storage.clone())
            .collect()
    };
    Ok(seen.reply.mounts.into_iter().map(|mount| MountState { node: seen.host.clone(), storages: on(&mount.mount_point), mount }).collect())
}
