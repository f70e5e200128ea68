//! Disks and their health.

use serde_json::{Value, json};

use super::the_node;
use crate::demo::api::{Answer, Refusal, Req, Route};
use crate::demo::mounts::Mount;
use crate::demo::state::Map;
use crate::demo::tasks::{Effect, TaskSpec};

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/nodes/{node}/disks/list", list),
    ("GET", "/nodes/{node}/disks/smart", smart),
    ("GET", "/nodes/{node}/disks/lvm", |_| Ok(json!({ "children": [], "leaf": 0 }).into())),
    ("GET", "/nodes/{node}/disks/lvmthin", |_| Ok(json!([]).into())),
    ("GET", "/nodes/{node}/disks/directory", directories),
    ("DELETE", "/nodes/{node}/disks/directory/{name}", remove_directory),
    ("POST", "/nodes/{node}/disks/initgpt", |req| use_disks(req, "diskinit", "")),
    ("PUT", "/nodes/{node}/disks/wipedisk", |req| use_disks(req, "wipedisk", "")),
    ("POST", "/nodes/{node}/disks/directory", |req| use_disks(req, "dircreate", "ext4")),
    ("POST", "/nodes/{node}/disks/lvm", |req| use_disks(req, "lvmcreate", "LVM")),
    ("POST", "/nodes/{node}/disks/lvmthin", |req| use_disks(req, "lvmthincreate", "LVM")),
    ("POST", "/nodes/{node}/disks/zfs", |req| use_disks(req, "zfscreate", "ZFS")),
    ("GET", "/nodes/{node}/disks/zfs", |_| Err(Refusal::die("zfsutils-linux not installed"))),
    ("GET", "/nodes/{node}/disks/zfs/{name}", |_| Err(Refusal::die("zfsutils-linux not installed"))),
];

fn text<'a>(disk: &'a Map, key: &str) -> &'a str {
    disk.get(key).and_then(Value::as_str).unwrap_or_default()
}

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

/// What is mounted below `/mnt/pve` by a unit of its own.
fn directories(req: &mut Req<'_>) -> Answer {
    let own = the_node(req).mounts.iter().filter_map(|(place, mount)| Some((place.strip_prefix("/mnt/pve/")?, place, mount)));
    let rows = own.map(|(name, place, mount)| {
        json!({
            "unitfile": format!("/etc/systemd/system/mnt-pve-{name}.mount"), "path": place, "device": mount.device, "type": mount.fstype,
            "options": "defaults",
        })
    });
    Ok(rows.collect::<Value>().into())
}

/// Disks are put to a use, or freed from it.
fn use_disks(req: &mut Req<'_>, task: &str, used: &str) -> Answer {
    let (node, name) = (the_node(req).name.clone(), req.params.text("name").to_owned());
    let wanted: Vec<String> = ["disk", "device", "devices"].iter().flat_map(|key| req.params.list(key)).collect();
    for path in &wanted {
        let disk = the_node(req).disks.iter().find(|d| text(d, "devpath") == path);
        let disk = disk.ok_or_else(|| Refusal::die("not a valid block device"))?;
        if task != "wipedisk" && !text(disk, "used").is_empty() {
            return Err(Refusal::die(format!("device '{path}' is already in use")));
        }
    }
    let id = if name.is_empty() { wanted[0].trim_start_matches("/dev/").to_owned() } else { name.clone() };
    let node = req.state.nodes.entry(node).or_default();
    for disk in node.disks.iter_mut().filter(|d| wanted.iter().any(|path| text(d, "devpath") == path)) {
        disk.shift_remove("mounted");
        disk.insert("used".into(), used.into());
        disk.insert("gpt".into(), u8::from(task != "wipedisk").into());
        if task == "dircreate" {
            let fstype = req.params.get("filesystem").unwrap_or(used).to_owned();
            node.mounts.insert(format!("/mnt/pve/{name}"), Mount { device: wanted[0].clone(), fstype });
        }
    }
    req.start(TaskSpec::new(task, id).takes(2.0).ok())
}

fn remove_directory(req: &mut Req<'_>) -> Answer {
    let (node, name) = (the_node(req).name.clone(), req.params.text("name").to_owned());
    if req.params.flag("cleanup-config") {
        req.check("/storage", &["Datastore.Allocate"])?;
    }
    let place = format!("/mnt/pve/{name}");
    let spec = TaskSpec::new("dirremove", name.clone());
    if !the_node(req).mounts.contains_key(&place) {
        let unit = format!("/etc/systemd/system/mnt-pve-{name}.mount");
        return req.start(spec.fail(format!("can't open '{unit}' - No such file or directory")));
    }
    req.start(spec.takes(0.8).then(Effect::Unmount { node, place }).ok())
}

fn smart(req: &mut Req<'_>) -> Answer {
    let path = req.params.text("disk");
    let node = the_node(req);
    let Some(disk) = node.disks.iter().find(|d| text(d, "devpath") == path) else {
        return Err(Refusal::die("not a valid block device"));
    };
    if req.params.flag("healthonly") {
        return Ok(json!({ "health": text(disk, "health") }).into());
    }
    Ok(node.smart.get(path).cloned().unwrap_or_else(|| json!({ "health": "UNKNOWN" })).into())
}
