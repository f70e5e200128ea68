//! Checks and effects shared by LVM, ZFS and directories.

use serde_json::{Value, json};

use super::the_node;
use crate::demo::api::{Refusal, Req};
use crate::demo::state::{Map, State, Storage, map, text};
use crate::demo::tasks::{Effect, TaskSpec};

/// Returns a disk of the node.
pub(super) fn disk<'a>(req: &'a Req<'_>, path: &str) -> Result<&'a Map, Refusal> {
    let found = the_node(req).disks.iter().find(|disk| text(disk, "devpath") == path);
    found.ok_or_else(|| Refusal::die("not a valid block device"))
}

/// Returns an unused disk of the node.
pub(super) fn unused_disk<'a>(req: &'a Req<'_>, path: &str) -> Result<&'a Map, Refusal> {
    let disk = disk(req, path)?;
    if text(disk, "used").is_empty() { Ok(disk) } else { Err(Refusal::die(format!("device '{path}' is already in use"))) }
}

pub(super) fn size(disk: &Map) -> u64 {
    disk.get("size").and_then(Value::as_u64).unwrap_or(0)
}

/// Sets what a disk is used for.
pub(super) fn use_disk(node: &str, device: &str, used: &str) -> Effect {
    let values = map(json!({ "used": used, "gpt": u8::from(used == "ext4" || used == "xfs"), "mounted": null }));
    Effect::SetDisk { node: node.to_owned(), device: device.to_owned(), values }
}

/// Frees the disks if the request asks for it.
pub(super) fn clean_disks(req: &Req<'_>, spec: TaskSpec, devices: &[String]) -> TaskSpec {
    if !req.params.flag("cleanup-disks") {
        return spec;
    }
    let node = the_node(req).name.clone();
    devices.iter().fold(spec, |spec, device| spec.then(use_disk(&node, device, "")))
}

/// Returns the storage that the request adds, after checking privilege and name.
pub(super) fn new_storage(req: &Req<'_>, id: &str, config: Value, total: u64) -> Result<Option<Effect>, Refusal> {
    if !req.params.flag("add_storage") {
        return Ok(None);
    }
    req.check("/storage", &["Datastore.Allocate"])?;
    if req.state.storages.contains_key(id) {
        return Err(Refusal::die(format!("storage ID '{id}' already defined")));
    }
    let mut config = map(config);
    config.insert("nodes".into(), the_node(req).name.clone().into());
    let snapshots = matches!(text(&config, "type"), "lvmthin" | "zfspool");
    let storage = Storage { config, total, snapshots, ..Storage::default() };
    Ok(Some(Effect::SetStorage { id: id.to_owned(), storage: Some(Box::new(storage)) }))
}

/// Removes the selected storages from the node if the request asks for it.
pub(super) fn clean_storages(req: &Req<'_>, mine: impl Fn(&Storage) -> bool) -> Result<Vec<Effect>, Refusal> {
    if !req.params.flag("cleanup-config") {
        return Ok(Vec::new());
    }
    req.check("/storage", &["Datastore.Allocate"])?;
    let node = &the_node(req).name;
    let found = req.state.storages.iter().filter(|(_, storage)| storage.on_node(node) && mine(storage));
    Ok(found.map(|(id, storage)| Effect::SetStorage { id: id.clone(), storage: without(req.state, storage, node) }).collect())
}

/// Returns the storage without one of its nodes; `None` if no other is left.
fn without(state: &State, storage: &Storage, node: &str) -> Option<Box<Storage>> {
    let left: Vec<&str> = state.nodes.keys().map(String::as_str).filter(|name| *name != node && storage.on_node(name)).collect();
    let mut storage = storage.clone();
    storage.config.insert("nodes".into(), left.join(",").into());
    (!left.is_empty()).then(|| Box::new(storage))
}

/// Returns the objects of a section on the node of the path, with their names.
pub(super) fn of_node<'a>(req: &'a Req<'_>, section: &str) -> impl Iterator<Item = (&'a str, &'a Map)> {
    let prefix = format!("{}/", the_node(req).name);
    req.state.section(section).filter_map(move |(id, config)| Some((id.strip_prefix(&prefix)?, config)))
}

/// Returns the key of an object on the node of the path.
pub(super) fn key(req: &Req<'_>, name: &str) -> String {
    format!("{}/{name}", the_node(req).name)
}

/// Returns the devices of an object.
pub(super) fn devices(config: &Map) -> Vec<String> {
    config.get("devices").and_then(Value::as_array).into_iter().flatten().filter_map(|path| Some(path.as_str()?.to_owned())).collect()
}
