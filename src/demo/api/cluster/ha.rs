//! HA resources and rules.

use serde_json::{Value, json};

use crate::demo::api::section::{Options, check_digest, failed, sent};
use crate::demo::api::{Answer, Refusal, Reply, Req, Route};
use crate::demo::ha as manager;
use crate::demo::state::{Guest, Map, State, sha1_hex};

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/cluster/ha/resources", list),
    ("POST", "/cluster/ha/resources", create),
    ("GET", "/cluster/ha/resources/{sid}", read),
    ("PUT", "/cluster/ha/resources/{sid}", update),
    ("DELETE", "/cluster/ha/resources/{sid}", delete),
    ("POST", "/cluster/ha/resources/{sid}/migrate", migrate),
    ("POST", "/cluster/ha/resources/{sid}/relocate", migrate),
    ("GET", "/cluster/ha/groups", |_| no_groups("index groups")),
    ("POST", "/cluster/ha/groups", |_| no_groups("create group")),
    ("GET", "/cluster/ha/groups/{group}", |_| no_groups("read group")),
    ("PUT", "/cluster/ha/groups/{group}", |_| no_groups("update group")),
    ("DELETE", "/cluster/ha/groups/{group}", |_| no_groups("delete group")),
    ("GET", "/cluster/ha/rules", rules),
    ("POST", "/cluster/ha/rules", create_rule),
    ("GET", "/cluster/ha/rules/{rule}", read_rule),
    ("PUT", "/cluster/ha/rules/{rule}", update_rule),
    ("DELETE", "/cluster/ha/rules/{rule}", delete_rule),
];

fn no_groups(what: &str) -> Answer {
    Err(Refusal::die(format!("cannot {what}: ha groups have been migrated to rules")))
}

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

/// Returns the resource ID; a bare VMID is completed.
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

/// Checks that the resource names an existing guest of its type.
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

/// Returns the options of a resource in the request.
fn settings(req: &Req<'_>) -> Map {
    sent(req, &["sid", "type", "group"])
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
    let config = settings(req);
    req.state.ha.resources.insert(sid.clone(), config);
    req.state.ha.since_ms.insert(sid.clone(), req.now_ms);
    manager::follow(req.state, &sid, req.now_ms);
    Ok(Reply::null())
}

fn update(req: &mut Req<'_>) -> Answer {
    let sid = full_sid(req)?;
    let failed_to = "update resources config failed";
    check_digest(req, &digest(req.state)).map_err(|why| failed(failed_to, why))?;
    let (config, gone) = (settings(req), req.params.list("delete"));
    let missing = || failed(failed_to, format!("no such resource '{sid}'"));
    let known = req.state.ha.resources.get_mut(&sid).ok_or_else(missing)?;
    for key in gone {
        known.shift_remove(&key);
    }
    known.extend(config);
    manager::follow(req.state, &sid, req.now_ms);
    Ok(Reply::null())
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
    manager::migrate(req.state, &sid, &target, req.now_ms);
    Ok(json!({ "sid": sid, "requested-node": target }).into())
}

const RULES: Options =
    Options("node-affinity: resources! nodes! strict disable comment; resource-affinity: resources! affinity! disable comment");

fn rules_digest(state: &State) -> String {
    sha1_hex(&serde_json::to_string(&state.ha.rules).unwrap_or_default())
}

fn order(rule: &Map) -> i64 {
    rule.get("order").and_then(Value::as_i64).unwrap_or(0)
}

/// Returns a rule as listed, with its position in the file.
fn rule_row(state: &State, id: &str, rule: &Map) -> Value {
    let place = state.ha.rules.values().filter(|other| order(other) < order(rule)).count() + 1;
    let mut row = rule.clone();
    row.insert("rule".into(), id.into());
    row.insert("order".into(), place.into());
    row.insert("digest".into(), rules_digest(state).into());
    Value::Object(row)
}

fn rules(req: &mut Req<'_>) -> Answer {
    let (kind, resource) = (req.params.get("type"), req.params.get("resource"));
    let mut found: Vec<_> = req.state.ha.rules.iter().collect();
    found.retain(|(_, rule)| {
        kind.is_none_or(|k| rule.get("type").and_then(Value::as_str) == Some(k))
            && resource.is_none_or(|wanted| manager::named(rule, "resources").contains(&wanted))
    });
    found.sort_by_key(|(_, rule)| order(rule));
    Ok(found.into_iter().map(|(id, rule)| rule_row(req.state, id, rule)).collect::<Value>().into())
}

/// Checks a rule: managed resources, existing nodes, no conflicts.
fn check_rule(req: &Req<'_>, id: &str, rule: &Map) -> Result<(), String> {
    let resources = manager::named(rule, "resources");
    let unmanaged: Vec<&str> = resources.iter().filter(|r| !req.state.ha.resources.contains_key(**r)).copied().collect();
    if !unmanaged.is_empty() {
        return Err(format!("cannot use unmanaged resource(s) {}.", unmanaged.join(", ")));
    }
    let nodes = manager::named(rule, "nodes").into_iter().map(|node| node.split(':').next().unwrap_or(node));
    let mut unknown: Vec<&str> = nodes.filter(|node| !req.state.nodes.contains_key(*node)).collect();
    if !unknown.is_empty() {
        unknown.sort_unstable();
        return Err(format!("cannot use non-existent node(s) {}.", unknown.join(", ")));
    }
    let mut wrong = Vec::new();
    if rule.get("type").and_then(Value::as_str) == Some("resource-affinity") {
        if resources.len() < 2 {
            wrong.push("rule is ineffective as there are less than two resources".to_owned());
        }
        if rule.get("affinity").and_then(Value::as_str) == Some("negative") && resources.len() > req.state.nodes.len() {
            wrong.push("rule defines more resources than available nodes".to_owned());
        }
    } else {
        let others = req.state.ha.rules.iter().filter(|(other, _)| *other != id);
        let others: Vec<&Map> = others.map(|(_, r)| r).filter(|r| r.get("type") == rule.get("type")).collect();
        for resource in &resources {
            if others.iter().any(|other| manager::named(other, "resources").contains(resource)) {
                wrong.push(format!("resource '{resource}' is already used in another node affinity rule"));
            }
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(format!("400 Rule '{id}' is invalid.\nresources: {}", wrong.join(", "))) }
}

/// Returns the options of a rule in the request. `disable=0` is not stored.
fn sent_rule(req: &Req<'_>) -> Map {
    let mut rule = sent(req, &["rule"]);
    if rule.get("disable") == Some(&json!(0)) {
        rule.shift_remove("disable");
    }
    rule
}

fn create_rule(req: &mut Req<'_>) -> Answer {
    let id = req.params.text("rule").to_owned();
    let mut rule = sent_rule(req);
    RULES.check_create(req.params.text("type"), &rule).map_err(Refusal::die)?;
    let failed_to = "create ha rule failed";
    if req.state.ha.rules.contains_key(&id) {
        return Err(failed(failed_to, format!("HA rule '{id}' already defined")));
    }
    check_rule(req, &id, &rule).map_err(|why| failed(failed_to, why))?;
    let last = req.state.ha.rules.values().map(order).max().unwrap_or(0);
    rule.insert("order".into(), (last + 1).into());
    req.state.ha.rules.insert(id, rule);
    manager::apply_rules(req.state, req.now_ms);
    Ok(Reply::null())
}

fn read_rule(req: &mut Req<'_>) -> Answer {
    let id = req.params.text("rule");
    let rule = req.state.ha.rules.get(id).ok_or_else(|| Refusal::die(format!("no such ha rule '{id}'")))?;
    Ok(rule_row(req.state, id, rule).into())
}

fn update_rule(req: &mut Req<'_>) -> Answer {
    let id = req.params.text("rule").to_owned();
    let (sent, gone) = (sent_rule(req), req.params.list("delete"));
    let failed_to = "update HA rules failed";
    check_digest(req, &rules_digest(req.state)).map_err(|why| failed(failed_to, why))?;
    let missing = || failed(failed_to, format!("HA rule '{id}' does not exist"));
    let mut rule = req.state.ha.rules.get(&id).cloned().ok_or_else(missing)?;
    let kind = rule.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    RULES.check_update(&kind, &sent, &gone).map_err(|why| failed(failed_to, why))?;
    for key in gone {
        rule.shift_remove(&key);
    }
    rule.extend(sent);
    check_rule(req, &id, &rule).map_err(|why| failed(failed_to, why))?;
    req.state.ha.rules.insert(id, rule);
    manager::apply_rules(req.state, req.now_ms);
    Ok(Reply::null())
}

fn delete_rule(req: &mut Req<'_>) -> Answer {
    let id = req.params.text("rule").to_owned();
    req.state.ha.rules.remove(&id);
    Ok(Reply::null())
}
