//! HA status: quorum, managers, resources.

use serde_json::{Value, json};

use crate::demo::api::{Answer, Req, Route};
use crate::demo::state::{Map, State};

pub(super) const ROUTES: &[Route] =
    &[("GET", "/cluster/ha/status/current", current), ("GET", "/cluster/ha/status/manager_status", manager_status)];

fn current(req: &mut Req<'_>) -> Answer {
    let (state, now) = (&req.state, req.now());
    let quorate = state.quorate();
    let word = if quorate { "OK".to_owned() } else { format!("No quorum on node '{}'!", state.local) };
    let mut rows = vec![json!({ "id": "quorum", "type": "quorum", "node": state.local, "status": word, "quorate": u8::from(quorate) })];
    // Managers are inactive without resources.
    let awake = state.ha_active();
    let master = state.nodes.keys().next().unwrap_or(&state.local);
    if awake {
        let text = format!("{master} (active, {})", stamp(now));
        rows.push(json!({ "id": "master", "type": "master", "node": master, "status": text, "timestamp": now }));
    }
    let armed = if awake { "armed" } else { "standby" };
    let watchdog = if awake { "armed (CRM watchdog active)" } else { "standby (CRM watchdog standby)" };
    let node = if awake { master } else { &state.local };
    rows.push(json!({ "id": "fencing", "type": "fencing", "node": node, "status": watchdog, "armed-state": armed }));
    if awake {
        rows.extend(state.nodes.values().map(|n| {
            let mode = match (n.online, services_on(state, &n.name)) {
                (false, _) => "old timestamp - dead?, watchdog standby",
                (true, 0) => "idle, watchdog standby",
                (true, _) => "active, watchdog active",
            };
            let text = format!("{} ({mode}, {})", n.name, stamp(now));
            json!({ "id": format!("lrm:{}", n.name), "type": "lrm", "node": n.name, "status": text, "timestamp": now })
        }));
    }
    rows.extend(state.ha.resources.iter().map(|(sid, config)| service(state, sid, config, req.now_ms)));
    Ok(Value::Array(rows).into())
}

fn services_on(state: &State, node: &str) -> usize {
    state.guests.values().filter(|guest| guest.node == node && state.ha.resources.contains_key(&guest.ha_id())).count()
}

fn service(state: &State, sid: &str, config: &Map, now_ms: i64) -> Value {
    let guest = state.guests.values().find(|g| g.ha_id() == sid);
    let node = guest.map_or("---", |g| g.node.as_str());
    let wanted = config.get("state").and_then(Value::as_str).unwrap_or("started");
    let queued = state.ha_queued(sid, now_ms);
    let on = guest.is_some_and(|guest| guest.power.is_on());
    let (actual, crm) = match (wanted, on) {
        _ if queued => ("queued", ""),
        ("started", true) => ("started", "started"),
        ("started", false) => ("starting", "started"),
        ("ignored", _) => ("ignored", ""),
        (_, true) => ("stopping", "request_stop"),
        (wanted, false) => (wanted, "stopped"),
    };
    let mut row = json!({
        "id": format!("service:{sid}"), "type": "service", "sid": sid, "node": node, "state": actual,
        "status": format!("{sid} ({node}, {actual})"), "request_state": wanted, "max_restart": 1, "max_relocate": 1, "failback": 1,
    });
    if !crm.is_empty() {
        row["crm_state"] = crm.into();
    }
    for key in ["max_restart", "max_relocate", "failback", "comment"] {
        if let Some(value) = config.get(key) {
            row[key] = value.clone();
        }
    }
    row
}

fn stamp(now: i64) -> String {
    jiff::Timestamp::from_second(now).map(|t| t.strftime("%a %b %e %H:%M:%S %Y").to_string()).unwrap_or_default()
}

fn manager_status(req: &mut Req<'_>) -> Answer {
    let (state, now) = (&req.state, req.now());
    let quorum = json!({ "quorate": if state.quorate() { "1" } else { "0" }, "node": state.local });
    if !state.ha_active() {
        return Ok(json!({ "manager_status": { "node_status": {} }, "quorum": quorum }).into());
    }
    let nodes: Map = state.nodes.values().map(|n| (n.name.clone(), json!(if n.online { "online" } else { "unknown" }))).collect();
    let managers = state.nodes.values().map(|n| {
        let word = if services_on(state, &n.name) > 0 { "active" } else { "wait_for_agent_lock" };
        (n.name.clone(), json!({ "mode": "active", "results": {}, "state": word, "timestamp": now }))
    });
    let managers: Map = managers.collect();
    let service = |config: &Map| json!({ "state": config.get("state").cloned().unwrap_or_else(|| "started".into()) });
    let services: Map = state.ha.resources.iter().map(|(sid, config)| (sid.clone(), service(config))).collect();
    let master = state.nodes.keys().next();
    let status = json!({ "master_node": master, "node_status": nodes, "service_status": services, "timestamp": now });
    Ok(json!({ "lrm_status": managers, "manager_status": status, "quorum": quorum }).into())
}
