//! High availability: what is managed, and how it is.

use serde_json::{Value, json};

use crate::demo::api::{Answer, Refusal, Reply, Req, Route};
use crate::demo::state::{Guest, Map, State, sha1_hex};
use crate::demo::tasks::{Effect, TaskSpec};

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/cluster/ha/resources", list),
    ("POST", "/cluster/ha/resources", create),
    ("GET", "/cluster/ha/resources/{sid}", read),
    ("PUT", "/cluster/ha/resources/{sid}", update),
    ("DELETE", "/cluster/ha/resources/{sid}", delete),
    ("POST", "/cluster/ha/resources/{sid}/migrate", migrate),
    ("POST", "/cluster/ha/resources/{sid}/relocate", migrate),
    ("GET", "/cluster/ha/groups", |_| Err(Refusal::die("cannot index groups: ha groups have been migrated to rules"))),
    ("GET", "/cluster/ha/rules", rules),
    ("POST", "/cluster/ha/rules", create_rule),
    ("GET", "/cluster/ha/rules/{rule}", read_rule),
    ("PUT", "/cluster/ha/rules/{rule}", update_rule),
    ("DELETE", "/cluster/ha/rules/{rule}", delete_rule),
    ("GET", "/cluster/ha/status/current", current),
    ("GET", "/cluster/ha/status/manager_status", manager_status),
];

fn digest(state: &State) -> String {
    sha1_hex(&serde_json::to_string(&state.ha.resources).unwrap_or_default())
}

fn row(state: &State, sid: &str, config: &Map) -> Value {
    let mut row = config.clone();
    row.insert("sid".into(), sid.into());
    row.insert("type".into(), sid.split(':').next().unwrap_or("vm").into());
    row.insert("digest".into(), digest(state).into());
    Value::Object(row)
}

/// `101` is taken for the guest of that number.
fn full_sid(req: &Req<'_>) -> Result<String, Refusal> {
    let text = req.params.text("sid");
    let unreadable = || Refusal::die(format!("unable to parse service id '{text}'"));
    if let Some((kind, number)) = text.split_once(':') {
        let good = matches!(kind, "ct" | "vm") && number.parse::<u32>().is_ok();
        return if good { Ok(text.to_owned()) } else { Err(unreadable()) };
    }
    let vmid: u32 = text.parse().map_err(|_| unreadable())?;
    let missing = || Refusal::die(format!("unable to detect SID from VMID - VM/CT {vmid} does not exist"));
    req.state.guests.get(&vmid).map(Guest::ha_id).ok_or_else(missing)
}

/// Whether the resource names a guest, and one of that kind.
fn in_cluster(req: &Req<'_>, sid: &str) -> Result<(), Refusal> {
    let vmid = sid.rsplit(':').next().and_then(|id| id.parse().ok()).unwrap_or(0);
    match req.state.guests.get(&vmid) {
        Some(guest) if guest.ha_id() == sid => Ok(()),
        Some(_) => {
            let kind = if sid.starts_with("ct:") { "container" } else { "VM" };
            Err(Refusal::die(format!("resource '{sid}' - guest with ID {vmid} is not a {kind}")))
        }
        None => Err(Refusal::die(format!("resource '{sid}' does not exist in cluster"))),
    }
}

fn list(req: &mut Req<'_>) -> Answer {
    let wanted = req.params.get("type");
    let found = req.state.ha.resources.iter().filter(|(sid, _)| wanted.is_none_or(|w| sid.starts_with(w)));
    Ok(found.map(|(sid, config)| row(req.state, sid, config)).collect::<Value>().into())
}

fn read(req: &mut Req<'_>) -> Answer {
    let sid = full_sid(req)?;
    let missing = || Refusal::die(format!("no such resource '{sid}'"));
    let config = req.state.ha.resources.get(&sid).ok_or_else(missing)?;
    Ok(row(req.state, &sid, config).into())
}

/// What was sent, numbers as numbers.
fn settings(req: &Req<'_>) -> Map {
    let steering = ["sid", "type", "digest", "delete", "group"];
    let sent = req.params.iter().filter(|(key, _)| !steering.contains(&key.as_str()));
    let number = |v: &Value| v.as_str().and_then(|t| t.parse::<i64>().ok()).map_or_else(|| v.clone(), |n| json!(n));
    sent.map(|(k, v)| (k.clone(), if k == "comment" { v.clone() } else { number(v) })).collect()
}

fn create(req: &mut Req<'_>) -> Answer {
    let sid = full_sid(req)?;
    if req.params.has("group") {
        return Err(Refusal::die("invalid parameter 'group': ha groups have been migrated to rules"));
    }
    in_cluster(req, &sid)?;
    if req.state.ha.resources.contains_key(&sid) {
        return Err(Refusal::die(format!("create resource failed: resource ID '{sid}' already defined")));
    }
    let mut config = settings(req);
    config.entry("state").or_insert_with(|| "started".into());
    req.state.ha.resources.insert(sid.clone(), config);
    follow(req, &sid);
    Ok(Reply::null())
}

fn update(req: &mut Req<'_>) -> Answer {
    let sid = full_sid(req)?;
    if req.params.get("digest").is_some_and(|d| d != digest(req.state)) {
        return Err(Refusal::die("update resource failed: detected modified configuration - file changed by other user? Try again."));
    }
    let (config, gone) = (settings(req), req.params.list("delete"));
    let missing = || Refusal::die(format!("no such resource '{sid}'"));
    let known = req.state.ha.resources.get_mut(&sid).ok_or_else(missing)?;
    for key in gone {
        known.shift_remove(&key);
    }
    known.extend(config);
    follow(req, &sid);
    Ok(Reply::null())
}

/// The manager brings the guest to the state that is asked for, a moment later and by a task of its own.
fn follow(req: &mut Req<'_>, sid: &str) {
    let Some(guest) = req.state.guests.values().find(|g| g.ha_id() == sid) else { return };
    let wanted = req.state.ha.resources.get(sid).and_then(|r| r.get("state")).and_then(Value::as_str).unwrap_or("started");
    let (vmid, node, on) = (guest.vmid, guest.node.clone(), guest.power.is_on());
    let prefix = if sid.starts_with("ct:") { "vz" } else { "qm" };
    let spec = match wanted {
        "started" if !on => TaskSpec::new(format!("{prefix}start"), vmid).takes(2.0).then(Effect::power_on(vmid)).ok(),
        "stopped" if on => TaskSpec::new(format!("{prefix}shutdown"), vmid).takes(4.0).then(Effect::power_off(vmid)).ok(),
        _ => return,
    };
    crate::demo::tasks::start_later(req.state, spec, &node, "root@pam", req.now_ms, 5.0);
}

fn delete(req: &mut Req<'_>) -> Answer {
    let sid = full_sid(req)?;
    match req.state.ha.resources.remove(&sid) {
        Some(_) => Ok(Reply::null()),
        None => Err(Refusal::die(format!("cannot delete service '{sid}', not HA managed!"))),
    }
}

fn migrate(req: &mut Req<'_>) -> Answer {
    let sid = full_sid(req)?;
    let target = req.params.text("node").to_owned();
    if !req.state.ha.resources.contains_key(&sid) {
        return Err(Refusal::die(format!("resource '{sid}' is not HA managed")));
    }
    in_cluster(req, &sid)?;
    let Some(guest) = req.state.guests.values().find(|g| g.ha_id() == sid) else { return Ok(Reply::null()) };
    let (vmid, node, kind) = (guest.vmid, guest.node.clone(), if sid.starts_with("ct:") { "vzmigrate" } else { "qmigrate" });
    if node != target {
        let spec = TaskSpec::new(kind, vmid).takes(6.0).then(Effect::MoveGuest { vmid, node: target.clone() }).ok();
        crate::demo::tasks::start_later(req.state, spec, &node, "root@pam", req.now_ms, 5.0);
    }
    Ok(json!({ "sid": sid, "requested-node": target }).into())
}

fn rule_row(id: &str, rule: &Map) -> Value {
    let mut row = rule.clone();
    row.insert("rule".into(), id.into());
    row.insert("digest".into(), sha1_hex(id).into());
    Value::Object(row)
}

fn rules(req: &mut Req<'_>) -> Answer {
    let (kind, resource) = (req.params.get("type"), req.params.get("resource"));
    let names = |rule: &Map| rule.get("resources").and_then(Value::as_str).map(|r| r.split(',').map(str::to_owned).collect::<Vec<_>>());
    let found = req.state.ha.rules.iter().filter(|(_, rule)| {
        kind.is_none_or(|k| rule.get("type").and_then(Value::as_str) == Some(k))
            && resource.is_none_or(|r| names(rule).is_some_and(|all| all.iter().any(|n| n == r)))
    });
    Ok(found.map(|(id, rule)| rule_row(id, rule)).collect::<Value>().into())
}

fn create_rule(req: &mut Req<'_>) -> Answer {
    let id = req.params.text("rule").to_owned();
    if req.state.ha.rules.contains_key(&id) {
        return Err(Refusal::die(format!("creating ha rule failed: HA rule '{id}' already defined")));
    }
    let named = req.params.list("resources");
    let unmanaged: Vec<&str> = named.iter().filter(|r| !req.state.ha.resources.contains_key(*r)).map(String::as_str).collect();
    if !unmanaged.is_empty() {
        return Err(Refusal::die(format!("creating ha rule failed: cannot use unmanaged resource(s) {}.", unmanaged.join(", "))));
    }
    let rule = req.params.iter().filter(|(k, _)| *k != "rule").map(|(k, v)| (k.clone(), v.clone())).collect();
    req.state.ha.rules.insert(id, rule);
    Ok(Reply::null())
}

fn read_rule(req: &mut Req<'_>) -> Answer {
    let id = req.params.text("rule");
    let rule = req.state.ha.rules.get(id).ok_or_else(|| Refusal::die(format!("no such ha rule '{id}'")))?;
    Ok(rule_row(id, rule).into())
}

fn update_rule(req: &mut Req<'_>) -> Answer {
    let id = req.params.text("rule").to_owned();
    let sent: Map = req
        .params
        .iter()
        .filter(|(k, _)| !matches!(k.as_str(), "rule" | "delete" | "digest"))
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect();
    let gone = req.params.list("delete");
    let missing = || Refusal::die(format!("updating ha rule failed: HA rule '{id}' does not exist"));
    let rule = req.state.ha.rules.get_mut(&id).ok_or_else(missing)?;
    for key in gone {
        rule.shift_remove(&key);
    }
    rule.extend(sent);
    Ok(Reply::null())
}

fn delete_rule(req: &mut Req<'_>) -> Answer {
    let id = req.params.text("rule").to_owned();
    req.state.ha.rules.remove(&id);
    Ok(Reply::null())
}

fn current(req: &mut Req<'_>) -> Answer {
    let (state, now) = (&req.state, req.now());
    let online = state.nodes.values().filter(|n| n.online).count();
    let quorate = online * 2 > state.nodes.len();
    let word = if quorate { "OK".to_owned() } else { format!("No quorum on node '{}'!", state.local) };
    let mut rows = vec![json!({ "id": "quorum", "type": "quorum", "node": state.local, "status": word, "quorate": u8::from(quorate) })];
    // The manager of a single host sleeps; that of a cluster with something to manage is awake.
    let awake = state.cluster.is_some() && !state.ha.resources.is_empty();
    if awake {
        let text = format!("{} (active, {})", state.local, stamp(now));
        rows.push(json!({ "id": "master", "type": "master", "node": state.local, "status": text, "timestamp": now }));
    }
    let armed = if awake { "armed" } else { "standby" };
    let watchdog = if awake { "armed (CRM watchdog active)" } else { "standby (CRM watchdog standby)" };
    rows.push(json!({ "id": "fencing", "type": "fencing", "node": state.local, "status": watchdog, "armed-state": armed }));
    if awake {
        rows.extend(state.nodes.values().map(|n| {
            let mode = if n.online { "active, watchdog active" } else { "old timestamp - dead?" };
            let text = format!("{} ({mode}, {})", n.name, stamp(now));
            json!({ "id": format!("lrm:{}", n.name), "type": "lrm", "node": n.name, "status": text, "timestamp": now })
        }));
    }
    rows.extend(state.ha.resources.iter().map(|(sid, config)| service(state, sid, config, awake)));
    Ok(Value::Array(rows).into())
}

fn service(state: &State, sid: &str, config: &Map, awake: bool) -> Value {
    let guest = state.guests.values().find(|g| g.ha_id() == sid);
    let node = guest.map_or("---", |g| g.node.as_str());
    let wanted = config.get("state").and_then(Value::as_str).unwrap_or("started");
    let actual = match guest {
        _ if !awake => "queued",
        Some(g) if g.power.is_on() && wanted == "started" => "started",
        Some(g) if g.power.is_on() => "stopping",
        Some(_) if wanted == "started" => "starting",
        _ => wanted,
    };
    let mut row = json!({
        "id": format!("service:{sid}"), "type": "service", "sid": sid, "node": node, "state": actual,
        "status": format!("{sid} ({node}, {actual})"), "request_state": wanted, "max_restart": 1, "max_relocate": 1, "failback": 1,
    });
    if awake {
        row["crm_state"] = actual.into();
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
    let quorum = json!({ "quorate": "1", "node": req.state.local });
    if req.state.cluster.is_none() {
        return Ok(json!({ "manager_status": { "node_status": {} }, "quorum": quorum }).into());
    }
    let nodes: Map = req.state.nodes.values().map(|n| (n.name.clone(), json!(if n.online { "online" } else { "unknown" }))).collect();
    let services: Map = req
        .state
        .ha
        .resources
        .iter()
        .map(|(sid, config)| (sid.clone(), json!({ "state": config.get("state").cloned().unwrap_or_else(|| "started".into()) })))
        .collect();
    let status = json!({ "master_node": req.state.local, "node_status": nodes, "service_status": services, "timestamp": req.now() });
    Ok(json!({ "manager_status": status, "quorum": quorum }).into())
}
