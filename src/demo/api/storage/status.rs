//! Status of storages on a node.

use serde_json::{Value, json};

use crate::demo::api::{Answer, Refusal, Req, Route};
use crate::demo::state::Storage;

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/nodes/{node}/storage", list),
    ("GET", "/nodes/{node}/storage/{storage}/status", status),
    ("GET", "/nodes/{node}/storage/{storage}/identity", identity),
    ("GET", "/nodes/{node}/storage/{storage}/import-metadata", import_metadata),
];

fn facts(req: &Req<'_>, storage: &Storage) -> Value {
    let node = req.node();
    let enabled = storage.is_enabled() && storage.on_node(&node);
    let mounted = storage.mount_point().is_none_or(|path| req.state.nodes.get(&node).is_some_and(|n| n.mounts.contains_key(path)));
    let active = enabled && mounted && !storage.inactive;
    let (total, used) = if active { (storage.total, storage.used) } else { (0, 0) };
    json!({
        "type": storage.kind(), "content": storage.text("content").unwrap_or(""), "shared": u8::from(storage.is_shared()),
        "enabled": u8::from(enabled), "active": u8::from(active), "total": total, "used": used, "avail": total.saturating_sub(used),
    })
}

fn list(req: &mut Req<'_>) -> Answer {
    let (node, params) = (req.node(), &req.params);
    if params.get("storage").is_some_and(|id| !req.state.storages.contains_key(id)) {
        return Err(Refusal::param("storage", "No such storage."));
    }
    let content = params.list("content");
    let target = params.get("target").filter(|t| *t != node);
    let rows = req.state.storages.iter().filter(|(id, storage)| {
        let usable = storage.is_enabled() && storage.on_node(&node);
        params.get("storage").is_none_or(|s| s == *id)
            && (content.is_empty() || usable && content.iter().any(|c| storage.holds(c)))
            && (!params.flag("enabled") || usable)
            && target.is_none_or(|t| storage.is_shared() && storage.on_node(t) && storage.on_node(&node))
            && req.may_any(&format!("/storage/{id}"), &["Datastore.Audit", "Datastore.AllocateSpace"])
    });
    let rows = rows.map(|(id, storage)| {
        let mut row = facts(req, storage);
        if storage.total > 0 && row["total"] != 0 {
            row["used_fraction"] = json!(storage.used as f64 / storage.total as f64);
        }
        row["storage"] = id.clone().into();
        row
    });
    Ok(rows.collect::<Value>().into())
}

fn status(req: &mut Req<'_>) -> Answer {
    let storage = req.state.storages.get(req.params.text("storage"));
    let storage = storage.ok_or_else(|| Refusal::param("storage", "No such storage."))?;
    Ok(facts(req, storage).into())
}

fn identity(_: &mut Req<'_>) -> Answer {
    let place = "/usr/share/perl5/PVE/Storage/Plugin.pm line 2681.";
    Err(Refusal::die(format!("get_identity not implemented for this plugin at {place}")))
}

/// Refuses, because the demo host has no volumes to import.
fn import_metadata(req: &mut Req<'_>) -> Answer {
    req.storage(req.params.text("storage"))?;
    Err(Refusal::die(format!("unable to parse directory volume name '{}'", req.params.text("volume"))))
}
