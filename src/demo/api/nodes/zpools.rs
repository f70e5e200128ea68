//! ZFS pools.

use serde_json::{Value, json};

use super::block_devices::{clean_disks, clean_storages, devices, key, new_storage, of_node, size, unused_disk, use_disk};
use super::the_node;
use crate::demo::api::{Answer, Refusal, Req, Route};
use crate::demo::state::{Map, map, text};
use crate::demo::tasks::{Effect, TaskSpec};

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/nodes/{node}/disks/zfs", list),
    ("POST", "/nodes/{node}/disks/zfs", create),
    ("GET", "/nodes/{node}/disks/zfs/{name}", read),
    ("DELETE", "/nodes/{node}/disks/zfs/{name}", delete),
];

/// The section of the pools, by node and name. Without it, ZFS is not installed.
pub(super) const POOLS: &str = "zfs-pools";

/// How many disks each RAID level requires.
const LEVELS: &[(&str, usize)] =
    &[("single", 1), ("mirror", 2), ("raid10", 4), ("raidz", 3), ("raidz2", 4), ("raidz3", 5), ("draid", 3), ("draid2", 4), ("draid3", 5)];

fn installed(req: &Req<'_>) -> Result<(), Refusal> {
    if req.state.sections.contains_key(POOLS) { Ok(()) } else { Err(Refusal::die("zfsutils-linux not installed")) }
}

fn list(req: &mut Req<'_>) -> Answer {
    installed(req)?;
    let rows = of_node(req, POOLS).map(|(name, pool)| {
        let bytes = pool.get("size").and_then(Value::as_u64).unwrap_or(0);
        let used = bytes / 100 * pool.get("percent").and_then(Value::as_u64).unwrap_or(0);
        json!({ "name": name, "size": bytes, "alloc": used, "free": bytes - used, "frag": 3, "dedup": 1, "health": "ONLINE" })
    });
    Ok(rows.collect::<Value>().into())
}

fn read(req: &mut Req<'_>) -> Answer {
    installed(req)?;
    let name = req.params.text("name");
    let Some((_, pool)) = of_node(req, POOLS).find(|(known, _)| *known == name) else {
        return Err(Refusal::die(format!("command '/sbin/zpool status -P {name}' failed: exit code 1")));
    };
    let state = |name: &str| json!({ "name": name, "state": "ONLINE", "read": 0, "write": 0, "cksum": 0, "msg": "" });
    let leaf = |path: &String| {
        let mut row = state(path);
        row["leaf"] = 1.into();
        row
    };
    let mut rows: Vec<Value> = devices(pool).iter().map(leaf).collect();
    if text(pool, "level") != "single" {
        let mut group = state(&format!("{}-0", text(pool, "level")));
        group["children"] = rows.into();
        group["leaf"] = 0.into();
        rows = vec![group];
    }
    let mut root = state(name);
    root["children"] = rows.into();
    root["leaf"] = 0.into();
    Ok(json!({ "name": name, "state": "ONLINE", "errors": "No known data errors", "leaf": 0, "children": [root] }).into())
}

/// Checks the RAID level against the number of disks.
fn check_level(level: &str, disks: usize) -> Result<(), Refusal> {
    let least = LEVELS.iter().find(|(name, _)| *name == level).map_or(1, |(_, least)| *least);
    match (level, disks) {
        ("raid10", disks) if disks % 2 != 0 => Err(Refusal::die("raid10 needs an even number of disks")),
        ("single", disks) if disks > 1 => Err(Refusal::die("please give only one disk for single disk mode")),
        (level, disks) if disks < least => Err(Refusal::die(format!("{level} needs at least {least} disks"))),
        _ => Ok(()),
    }
}

fn create(req: &mut Req<'_>) -> Answer {
    let (name, level, node) = (req.params.text("name").to_owned(), req.params.text("raidlevel").to_owned(), the_node(req).name.clone());
    if req.params.has("draid-config") && !level.starts_with("draid") {
        return Err(Refusal::die("draid-config set without using dRAID level"));
    }
    let parts = req.params.list("devices");
    let bytes: u64 = parts.iter().map(|path| unused_disk(req, path).map(size)).sum::<Result<u64, _>>()?;
    let storage = new_storage(req, &name, json!({ "type": "zfspool", "pool": name, "content": "rootdir,images" }), bytes)?;
    installed(req)?;
    if of_node(req, POOLS).any(|(known, _)| known == name) {
        return Err(Refusal::die(format!("pool '{name}' already exists on node '{node}'")));
    }
    check_level(&level, parts.len())?;
    let layout = match level.as_str() {
        "single" => parts.join(" "),
        "raid10" => parts.chunks(2).map(|pair| format!("mirror {}", pair.join(" "))).collect::<Vec<_>>().join(" "),
        level => format!("{level} {}", parts.join(" ")),
    };
    let (ashift, compression) = (req.params.int("ashift").unwrap_or(12), req.params.get("compression").unwrap_or("on"));
    let pool: Map = map(json!({ "size": bytes, "percent": 0, "level": level, "devices": parts }));
    let spec = TaskSpec::new("zfscreate", name.clone())
        .log(format!("# /sbin/zpool create -o ashift={ashift} {name} {layout}"))
        .takes(1.0)
        .log(format!("# /sbin/zfs set compression={compression} {name}"))
        .log(format!("# systemctl enable zfs-import@{name}.service"))
        .then(Effect::put_section(POOLS, key(req, &name), pool));
    let spec = parts.iter().fold(spec, |spec, path| spec.then(use_disk(&node, path, "ZFS")));
    req.start(storage.into_iter().fold(spec, TaskSpec::then).ok())
}

fn delete(req: &mut Req<'_>) -> Answer {
    let name = req.params.text("name").to_owned();
    let dataset = format!("{name}/");
    let mine = |storage: &crate::demo::state::Storage| {
        storage.kind() == "zfspool" && storage.text("pool").is_some_and(|pool| pool == name || pool.starts_with(&dataset))
    };
    let storages = clean_storages(req, mine)?;
    installed(req)?;
    let spec = TaskSpec::new("zfsremove", name.clone());
    let Some((_, pool)) = of_node(req, POOLS).find(|(known, _)| *known == name) else {
        return req.start(
            spec.log(format!("cannot open '{name}': no such pool")).fail(format!("command 'zpool destroy {name}' failed: exit code 1")),
        );
    };
    let parts = devices(pool);
    let spec = spec.takes(1.0).then(Effect::remove_section(POOLS, key(req, &name)));
    let spec = clean_disks(req, storages.into_iter().fold(spec, TaskSpec::then), &parts);
    req.start(spec.ok())
}
