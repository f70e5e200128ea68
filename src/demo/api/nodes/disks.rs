//! Disks and their health.

use serde_json::{Value, json};

use super::block_devices::{disk, use_disk};
use super::the_node;
use crate::demo::api::{Answer, Refusal, Req, Route};
use crate::demo::state::{map, text};
use crate::demo::tasks::{Effect, TaskSpec};

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/nodes/{node}/disks/list", list),
    ("GET", "/nodes/{node}/disks/smart", smart),
    ("POST", "/nodes/{node}/disks/initgpt", init),
    ("PUT", "/nodes/{node}/disks/wipedisk", wipe),
];

fn list(req: &mut Req<'_>) -> Answer {
    let (kind, skip) = (req.params.get("type"), req.params.flag("skipsmart"));
    let partitions = req.params.flag("include-partitions");
    let rows = the_node(req).disks.iter().filter(|d| partitions || !d.contains_key("parent")).filter(|d| match kind {
        Some("unused") => text(d, "used").is_empty(),
        Some("journal_disks") => false,
        _ => true,
    });
    let rows = rows.map(|disk| {
        let mut row = disk.clone();
        if skip {
            row.insert("health".into(), "UNKNOWN".into());
        }
        Value::Object(row)
    });
    Ok(rows.collect::<Value>().into())
}

/// Writes an empty GPT to an unused disk.
fn init(req: &mut Req<'_>) -> Answer {
    let (path, node) = (req.params.text("disk").to_owned(), the_node(req).name.clone());
    let disk = disk(req, &path)?;
    if disk.contains_key("parent") {
        return Err(Refusal::die(format!("{path} is a partition")));
    }
    if !text(disk, "used").is_empty() {
        return Err(Refusal::die(format!("disk {path} already in use")));
    }
    let spec = TaskSpec::new("diskinit", path.trim_start_matches("/dev/").to_owned());
    let spec = spec.log("Creating new GPT entries in memory.").log("The operation has completed successfully.").takes(0.5);
    req.start(spec.then(Effect::SetDisk { node, device: path, values: map(json!({ "gpt": 1 })) }).ok())
}

fn wipe(req: &mut Req<'_>) -> Answer {
    let (path, node) = (req.params.text("disk").to_owned(), the_node(req).name.clone());
    let disk = disk(req, &path)?;
    if disk.get("mounted") == Some(&json!(1)) || the_node(req).mounts.values().any(|mount| mount.device.starts_with(&path)) {
        return Err(Refusal::die(format!("disk/partition '{path}' is mounted")));
    }
    if matches!(text(disk, "used"), "LVM" | "ZFS") {
        return Err(Refusal::die(format!("disk/partition '{path}' has a holder")));
    }
    let spec = TaskSpec::new("wipedisk", path.trim_start_matches("/dev/").to_owned());
    let spec = spec.log(format!("wiping block device {path}")).takes(1.0);
    req.start(spec.then(use_disk(&node, &path, "")).ok())
}

fn smart(req: &mut Req<'_>) -> Answer {
    let path = req.params.text("disk");
    let disk = disk(req, path)?;
    if req.params.flag("healthonly") {
        return Ok(json!({ "health": text(disk, "health") }).into());
    }
    Ok(the_node(req).smart.get(path).cloned().unwrap_or_else(|| json!({ "health": "UNKNOWN" })).into())
}
