//! Cluster status and the next free VMID.

use serde_json::{Value, json};

use crate::demo::api::{Answer, Refusal, Req, Route};

pub(super) const ROUTES: &[Route] = &[("GET", "/cluster/status", status), ("GET", "/cluster/nextid", nextid)];

fn status(req: &mut Req<'_>) -> Answer {
    let state = &req.state;
    let mut rows = Vec::new();
    if let Some(cluster) = &state.cluster {
        rows.push(json!({
            "type": "cluster", "id": "cluster", "name": cluster, "version": state.nodes.len(), "nodes": state.nodes.len(),
            "quorate": u8::from(state.quorate()),
        }));
    }
    rows.extend(state.nodes.values().map(|node| {
        let level = if req.may("/", &["Sys.Audit"]) { "" } else { "c" };
        json!({
            "type": "node", "id": format!("node/{}", node.name), "name": node.name, "nodeid": node.id, "ip": node.ip,
            "online": u8::from(node.online), "local": u8::from(node.name == state.local), "level": level,
        })
    }));
    Ok(Value::Array(rows).into())
}

fn nextid(req: &mut Req<'_>) -> Answer {
    if let Some(vmid) = req.params.int("vmid") {
        let taken = u32::try_from(vmid).is_ok_and(|id| req.state.guests.contains_key(&id));
        if taken {
            return Err(Refusal::param("vmid", format!("VM {vmid} already exists")));
        }
        return Ok(json!(vmid.to_string()).into());
    }
    let limits = req.state.options.get("next-id").and_then(Value::as_object);
    let limit = |key: &str| limits.and_then(|l| l.get(key)).and_then(Value::as_str).and_then(|v| v.parse().ok());
    let (lower, upper) = (limit("lower").unwrap_or(100), limit("upper").unwrap_or(1_000_000));
    let free = req.state.next_vmid(lower);
    if free >= upper {
        return Err(Refusal::die(format!("unable to get any free VMID in range [{lower}, {upper}]")));
    }
    Ok(json!(free.to_string()).into())
}
