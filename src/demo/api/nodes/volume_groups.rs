//! LVM: volume groups and thin pools.

use serde_json::{Value, json};

use super::block_devices::{clean_disks, clean_storages, devices, key, new_storage, of_node, size, unused_disk, use_disk};
use super::the_node;
use crate::demo::api::{Answer, Req, Route};
use crate::demo::state::{Map, map, text};
use crate::demo::tasks::{Effect, TaskSpec};

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/nodes/{node}/disks/lvm", groups),
    ("POST", "/nodes/{node}/disks/lvm", create_group),
    ("DELETE", "/nodes/{node}/disks/lvm/{name}", delete_group),
    ("GET", "/nodes/{node}/disks/lvmthin", pools),
    ("POST", "/nodes/{node}/disks/lvmthin", create_pool),
    ("DELETE", "/nodes/{node}/disks/lvmthin/{name}", delete_pool),
];

/// Sections by node and name: `pve1/pve`, `pve1/pve/data`.
pub(super) const GROUPS: &str = "volume-groups";
pub(super) const POOLS: &str = "thin-pools";

fn number(config: &Map, key: &str) -> u64 {
    config.get(key).and_then(Value::as_u64).unwrap_or(0)
}

fn groups(req: &mut Req<'_>) -> Answer {
    let rows = of_node(req, GROUPS).map(|(name, group)| {
        let pools = of_node(req, POOLS).filter(|(_, pool)| text(pool, "vg") == name).count();
        let used = if pools > 0 { number(group, "size") / 100 * 98 } else { 0 };
        let free = number(group, "size") - used;
        let parts = devices(group).into_iter().map(|path| json!({ "name": path, "size": group["size"], "free": free, "leaf": 1 }));
        json!({ "name": name, "size": group["size"], "free": free, "lvcount": pools, "leaf": 0, "children": parts.collect::<Vec<_>>() })
    });
    Ok(json!({ "leaf": 0, "children": rows.collect::<Vec<_>>() }).into())
}

fn has_group(req: &Req<'_>, name: &str) -> bool {
    of_node(req, GROUPS).any(|(known, _)| known == name)
}

/// Creates a volume group on a disk; the error is a failed task.
fn new_group(req: &Req<'_>, spec: TaskSpec, name: &str, device: &str, bytes: u64) -> Result<TaskSpec, TaskSpec> {
    let node = &the_node(req).name;
    if has_group(req, name) {
        return Err(spec.fail(format!("volume group with name '{name}' already exists on node '{node}'")));
    }
    let group = map(json!({ "size": bytes, "devices": [device] }));
    let spec = spec
        .log(format!("  Physical volume \"{device}\" successfully created."))
        .log(format!("  Volume group \"{name}\" successfully created"))
        .takes(0.5)
        .then(Effect::put_section(GROUPS, key(req, name), group))
        .then(use_disk(node, device, "LVM"));
    Ok(spec)
}

fn create_group(req: &mut Req<'_>) -> Answer {
    let (name, device) = (req.params.text("name").to_owned(), req.params.text("device").to_owned());
    let bytes = size(unused_disk(req, &device)?);
    let config = json!({ "type": "lvm", "vgname": name, "content": "rootdir,images", "shared": 0 });
    let storage = new_storage(req, &name, config, bytes)?;
    match new_group(req, TaskSpec::new("lvmcreate", name.clone()), &name, &device, bytes) {
        Ok(spec) => req.start(storage.into_iter().fold(spec, TaskSpec::then).ok()),
        Err(failed) => req.start(failed),
    }
}

fn delete_group(req: &mut Req<'_>) -> Answer {
    let name = req.params.text("name").to_owned();
    let mine = |storage: &crate::demo::state::Storage| storage.kind() == "lvm" && storage.text("vgname") == Some(&name);
    let storages = clean_storages(req, mine)?;
    let spec = TaskSpec::new("lvmremove", name.clone());
    let Some((_, group)) = of_node(req, GROUPS).find(|(known, _)| *known == name) else {
        return req.start(spec.fail(format!("no such volume group '{name}'")));
    };
    let parts = devices(group);
    let pools: Vec<String> = of_node(req, POOLS).filter(|(_, pool)| text(pool, "vg") == name).map(|(id, _)| key(req, id)).collect();
    let spec = spec.log(format!("  Volume group \"{name}\" successfully removed")).takes(0.5);
    let spec = spec.then(Effect::remove_section(GROUPS, key(req, &name)));
    let spec = pools.into_iter().fold(spec, |spec, id| spec.then(Effect::remove_section(POOLS, id)));
    let spec = clean_disks(req, storages.into_iter().fold(spec, TaskSpec::then), &parts);
    req.start(spec.ok())
}

fn pools(req: &mut Req<'_>) -> Answer {
    let rows = of_node(req, POOLS).map(|(_, pool)| {
        let bytes = number(pool, "size");
        json!({
            "lv": text(pool, "lv"), "vg": text(pool, "vg"), "lv_size": bytes, "used": bytes / 100 * number(pool, "percent"),
            "metadata_size": 1 << 30, "metadata_used": 41 << 20,
        })
    });
    Ok(rows.collect::<Value>().into())
}

/// Creates a volume group and a thin pool of the same name that fills it.
fn create_pool(req: &mut Req<'_>) -> Answer {
    let (name, device) = (req.params.text("name").to_owned(), req.params.text("device").to_owned());
    let bytes = size(unused_disk(req, &device)?);
    let config = json!({ "type": "lvmthin", "vgname": name, "thinpool": name, "content": "rootdir,images" });
    let storage = new_storage(req, &name, config, bytes / 100 * 98)?;
    let pool = map(json!({ "lv": name, "vg": name, "size": bytes / 100 * 98, "percent": 0 }));
    match new_group(req, TaskSpec::new("lvmthincreate", name.clone()), &name, &device, bytes) {
        Ok(spec) => {
            let spec = spec.log(format!("  Logical volume \"{name}\" created.")).takes(0.5).then(Effect::put_section(
                POOLS,
                key(req, &format!("{name}/{name}")),
                pool,
            ));
            req.start(storage.into_iter().fold(spec, TaskSpec::then).ok())
        }
        Err(failed) => req.start(failed),
    }
}

fn delete_pool(req: &mut Req<'_>) -> Answer {
    let (lv, vg) = (req.params.text("name").to_owned(), req.params.text("volume-group").to_owned());
    let mine = |storage: &crate::demo::state::Storage| {
        storage.kind() == "lvmthin" && storage.text("vgname") == Some(&vg) && storage.text("thinpool") == Some(&lv)
    };
    let storages = clean_storages(req, mine)?;
    let spec = TaskSpec::new("lvmthinremove", format!("{vg}-{lv}"));
    let id = format!("{vg}/{lv}");
    if !of_node(req, POOLS).any(|(known, _)| known == id) {
        return req.start(spec.fail(format!("no such thin pool {vg}/{lv}")));
    }
    let spec = spec.log(format!("  Logical volume \"{lv}\" successfully removed.")).takes(0.5);
    let spec = spec.then(Effect::remove_section(POOLS, key(req, &id)));
    let mut spec = storages.into_iter().fold(spec, TaskSpec::then);
    if req.params.flag("cleanup-disks") {
        let others = of_node(req, POOLS).filter(|(known, pool)| *known != id && text(pool, "vg") == vg).count();
        if others > 0 {
            return req.start(spec.fail(format!("cleanup failed - volume group '{vg}' still in use")));
        }
        let parts = of_node(req, GROUPS).find(|(known, _)| *known == vg).map(|(_, group)| devices(group)).unwrap_or_default();
        spec = clean_disks(req, spec.then(Effect::remove_section(GROUPS, key(req, &vg))), &parts);
    }
    req.start(spec.ok())
}
