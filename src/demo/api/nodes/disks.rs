//! Disks and their health.

use serde_json::{Value, json};

use super::the_node;
use crate::demo::api::{Answer, Refusal, Req, Route};
use crate::demo::state::Map;

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/nodes/{node}/disks/list", list),
    ("GET", "/nodes/{node}/disks/smart", smart),
    ("GET", "/nodes/{node}/disks/lvm", |_| Ok(json!({ "children": [], "leaf": 0 }).into())),
    ("GET", "/nodes/{node}/disks/lvmthin", |_| Ok(json!([]).into())),
    ("GET", "/nodes/{node}/disks/directory", |_| Ok(json!([]).into())),
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
