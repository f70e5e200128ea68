//! `GET /cluster/resources`. It is the most frequent call, so it is kept cheap.

use serde_json::{Value, json};

use crate::demo::api::{Answer, Req, Route};
use crate::demo::state::{Guest, Node, Storage};

pub(super) const ROUTES: &[Route] = &[("GET", "/cluster/resources", resources)];

fn resources(req: &mut Req<'_>) -> Answer {
    let wanted = |kind: &str| req.params.get("type").is_none_or(|t| t == kind);
    let mut rows = Vec::new();
    if wanted("pool") {
        let pools = req.state.pools.keys().filter(|id| req.may(&format!("/pool/{id}"), &["Pool.Audit"]));
        rows.extend(pools.map(|id| json!({ "id": format!("/pool/{id}"), "pool": id, "type": "pool" })));
    }
    if wanted("vm") {
        guests(req, &mut rows);
    }
    if wanted("node") {
        for node in req.state.nodes.values() {
            let mut row = node_row(node, req.now(), req.may(&format!("/nodes/{}", node.name), &["Sys.Audit"]));
            row["cgroup-mode"] = 2.into();
            if req.state.ha_active() {
                row["hastate"] = if node.online { "online" } else { "unknown" }.into();
            }
            rows.push(row);
        }
    }
    if wanted("storage") {
        for (id, storage) in &req.state.storages {
            if storage.is_enabled() && req.may(&format!("/storage/{id}"), &["Datastore.Audit"]) {
                let nodes = req.state.nodes.values().filter(|n| storage.on_node(&n.name));
                rows.extend(nodes.map(|node| storage_row(id, storage, &node.name)));
            }
        }
    }
    if wanted("network") && req.may("/sdn/zones/localnetwork", &["SDN.Audit"]) {
        rows.extend(req.state.nodes.keys().map(|node| {
            json!({
                "id": format!("network/{node}/zone/localnetwork"), "type": "network", "network-type": "zone", "network": "localnetwork",
                "node": node, "status": "ok",
            })
        }));
    }
    Ok(Value::Array(rows).into())
}

fn guests(req: &Req<'_>, rows: &mut Vec<Value>) {
    let (now, audit) = (req.now(), req.on_guests(&["VM.Audit"]));
    for guest in req.state.guests.values().filter(|g| audit.may(g.vmid)) {
        let mut row = guest_row(guest, now);
        for key in ["lock", "tags"] {
            if let Some(value) = guest.config.get(key) {
                row[key] = value.clone();
            }
        }
        if let Some(pool) = req.state.pool_of(guest.vmid)
            && req.may(&format!("/pool/{pool}"), &["Pool.Audit"])
        {
            row["pool"] = pool.into();
        }
        if let Some(state) = req.state.ha_of(guest.vmid) {
            row["hastate"] = state.get("state").cloned().unwrap_or_else(|| "started".into());
        }
        rows.push(row);
    }
}

/// Returns a guest as in cluster lists.
pub(in crate::demo::api) fn guest_row(guest: &Guest, now: i64) -> Value {
    let figures = guest.figures(now);
    json!({
        "id": format!("{}/{}", guest.kind.word(), guest.vmid), "vmid": guest.vmid, "node": guest.node, "type": guest.kind.word(),
        "name": guest.name(), "status": if guest.power.is_on() { "running" } else { "stopped" }, "template": u8::from(guest.is_template()),
        "uptime": guest.uptime(now), "cpu": number(figures.cpu), "maxcpu": guest.cpus(), "mem": figures.mem, "maxmem": guest.max_memory(),
        "memhost": figures.mem, "disk": figures.disk, "maxdisk": guest.max_disk(), "netin": figures.netin, "netout": figures.netout,
        "diskread": figures.diskread, "diskwrite": figures.diskwrite,
    })
}

/// Returns a node, with its figures if the caller may see them.
pub(in crate::demo::api) fn node_row(node: &Node, now: i64, audit: bool) -> Value {
    let mut row = json!({
        "id": format!("node/{}", node.name), "node": node.name, "type": "node", "level": "",
        "status": if node.online { "online" } else { "offline" },
    });
    if audit {
        let (cpu, mem) = node.usage(now);
        if node.online {
            row["uptime"] = node.uptime(now).into();
            row["cpu"] = number(cpu);
            row["mem"] = mem.into();
            row["disk"] = node.disk_used().into();
        }
        row["maxcpu"] = node.cpus.into();
        row["maxmem"] = node.memory.into();
        row["maxdisk"] = node.disk.into();
    }
    row
}

pub(in crate::demo::api) fn storage_row(id: &str, storage: &Storage, node: &str) -> Value {
    let mut row = json!({
        "id": format!("storage/{node}/{id}"), "storage": id, "node": node, "type": "storage", "plugintype": storage.kind(),
        "status": if storage.inactive { "unknown" } else { "available" }, "shared": u8::from(storage.is_shared()),
        "content": storage.text("content").unwrap_or(""),
    });
    if !storage.inactive {
        row["maxdisk"] = storage.total.into();
        row["disk"] = storage.used.into();
    }
    row
}

/// Returns a number; whole numbers have no fraction, as in Perl.
pub(super) fn number(value: f64) -> Value {
    if value == 0.0 { 0.into() } else { json!(value) }
}
