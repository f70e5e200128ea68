//! Software-defined networks: zones and vnets, and applying them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::demo::api::{Answer, Refusal, Reply, Req, Route};
use crate::demo::state::{Map, sha1_hex};
use crate::demo::tasks::TaskSpec;

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/cluster/sdn/zones", list),
    ("POST", "/cluster/sdn/zones", create),
    ("GET", "/cluster/sdn/zones/{zone}", read),
    ("PUT", "/cluster/sdn/zones/{zone}", update),
    ("DELETE", "/cluster/sdn/zones/{zone}", delete),
    ("GET", "/cluster/sdn/vnets", list),
    ("POST", "/cluster/sdn/vnets", create),
    ("GET", "/cluster/sdn/vnets/{vnet}", read),
    ("PUT", "/cluster/sdn/vnets/{vnet}", update),
    ("DELETE", "/cluster/sdn/vnets/{vnet}", delete),
    ("GET", "/cluster/sdn/fabrics/fabric", empty),
    ("GET", "/cluster/sdn/fabrics/fabric/{id}", no_fabric),
    ("GET", "/cluster/sdn/fabrics/node", empty),
    ("GET", "/cluster/sdn/fabrics/all", |_| Ok(json!({ "fabrics": [], "nodes": [] }).into())),
    ("PUT", "/cluster/sdn", apply),
    ("GET", "/nodes/{node}/sdn/zones", node_zones),
    ("GET", "/nodes/{node}/sdn/zones/{zone}/content", empty),
    ("GET", "/nodes/{node}/sdn/zones/{zone}/bridges", not_applied),
    ("GET", "/nodes/{node}/sdn/zones/{zone}/ip-vrf", not_applied),
    ("GET", "/nodes/{node}/sdn/vnets/{vnet}/mac-vrf", not_applied),
    ("GET", "/cluster/sdn/vnets/{vnet}/firewall/rules", no_vnet_firewall),
    ("GET", "/cluster/sdn/vnets/{vnet}/firewall/rules/{pos}", no_vnet_firewall),
    ("GET", "/cluster/sdn/vnets/{vnet}/firewall/options", no_vnet_firewall),
];

fn empty(_: &mut Req<'_>) -> Answer {
    Ok(json!([]).into())
}

/// What is configured but not applied is not there for a node.
fn not_applied(req: &mut Req<'_>) -> Answer {
    let (name, _) = kind(req);
    Err(Refusal::param(name, format!("{name} does not exist")))
}

fn no_vnet_firewall(_: &mut Req<'_>) -> Answer {
    Err(Refusal::die("invalid vnet specified at /usr/share/perl5/PVE/API2/Firewall/Helpers.pm line 54."))
}

fn no_fabric(req: &mut Req<'_>) -> Answer {
    Err(Refusal::die(format!("fabric '{}' does not exist in configuration", req.params.text("id"))))
}

/// `zone` or `vnet`, with the section that holds them.
fn kind(req: &Req<'_>) -> (&'static str, &'static str) {
    if req.template.contains("/zones") { ("zone", "sdn-zones") } else { ("vnet", "sdn-vnets") }
}

fn may_see(req: &Req<'_>, id: &str, config: &Map) -> bool {
    let privileges = ["SDN.Audit", "SDN.Allocate"];
    match config.get("zone").and_then(Value::as_str) {
        Some(zone) => req.may_any(&format!("/sdn/zones/{zone}/{id}"), &privileges),
        None => req.may_any(&format!("/sdn/zones/{id}"), &privileges),
    }
}

fn row(name: &str, id: &str, config: &Map) -> Value {
    let mut row = config.clone();
    row.insert(name.to_owned(), id.into());
    row.insert("digest".into(), sha1_hex(id).into());
    Value::Object(row)
}

fn list(req: &mut Req<'_>) -> Answer {
    let (name, section) = kind(req);
    if req.params.flag("pending") {
        return Ok(pending(req, name, section).into());
    }
    let found = req.state.section(section).filter(|(id, config)| may_see(req, id, config));
    Ok(found.map(|(id, config)| row(name, id, config)).collect::<Value>().into())
}

/// What runs, with what waits to be applied: new values, and the word for those that go.
fn pending(req: &Req<'_>, name: &str, section: &str) -> Value {
    let (none, applied) = (Map::new(), format!("{section}-applied"));
    let ids: BTreeSet<&String> = req.state.section(section).chain(req.state.section(&applied)).map(|(id, _)| id).collect();
    let config = |section: &str, id: &str| req.state.sections.get(section).and_then(|s| s.get(id)).unwrap_or(&none).clone();
    let rows = ids.into_iter().filter_map(|id| {
        let (runs, wanted) = (config(&applied, id), config(section, id));
        if !may_see(req, id, if wanted.is_empty() { &runs } else { &wanted }) {
            return None;
        }
        let mut change = Map::new();
        for (key, value) in &wanted {
            if key != "type" && runs.get(key) != Some(value) {
                change.insert(key.clone(), value.clone());
            }
        }
        if !wanted.is_empty() {
            change.extend(runs.keys().filter(|key| !wanted.contains_key(*key)).map(|key| (key.clone(), Value::from("deleted"))));
        }
        let state = match (runs.is_empty(), wanted.is_empty()) {
            (true, _) => Some("new"),
            (_, true) => Some("deleted"),
            _ if change.is_empty() => None,
            _ => Some("changed"),
        };
        let mut shown = runs;
        if let Some(kind) = wanted.get("type") {
            shown.insert("type".into(), kind.clone());
        }
        shown.insert(name.to_owned(), id.as_str().into());
        if let Some(state) = state {
            shown.insert("state".into(), state.into());
            shown.insert("pending".into(), Value::Object(change));
        }
        Some(Value::Object(shown))
    });
    rows.collect()
}

fn missing(id: &str) -> Refusal {
    Refusal::die(format!("sdn '{id}' does not exist"))
}

fn read(req: &mut Req<'_>) -> Answer {
    let (name, section) = kind(req);
    let id = req.params.text(name);
    let config = req.state.sections.get(section).and_then(|s| s.get(id)).ok_or_else(|| missing(id))?;
    Ok(row(name, id, config).into())
}

fn settings(req: &Req<'_>, name: &str) -> Map {
    let steering = [name, "delete", "digest", "lock-token"];
    req.params.iter().filter(|(key, _)| !steering.contains(&key.as_str())).map(|(k, v)| (k.clone(), v.clone())).collect()
}

fn create(req: &mut Req<'_>) -> Answer {
    let (name, section) = kind(req);
    let id = req.params.text(name).to_owned();
    if req.state.section(section).any(|(known, _)| *known == id) {
        return Err(Refusal::die(format!("create sdn {name} object failed: sdn {name} object ID '{id}' already defined")));
    }
    let mut config = settings(req, name);
    if name == "vnet" {
        config.insert("type".into(), "vnet".into());
        let zone = config.get("zone").and_then(Value::as_str).unwrap_or_default();
        if !req.state.section("sdn-zones").any(|(known, _)| known == zone) {
            return Err(Refusal::die(format!("create sdn vnet object failed: zone '{zone}' does not exist")));
        }
    }
    req.state.section_mut(section).insert(id, config);
    Ok(Reply::null())
}

fn update(req: &mut Req<'_>) -> Answer {
    let (name, section) = kind(req);
    let id = req.params.text(name).to_owned();
    let (config, gone) = (settings(req, name), req.params.list("delete"));
    let known = req.state.section_mut(section).get_mut(&id).ok_or_else(|| missing(&id))?;
    for key in gone {
        known.shift_remove(&key);
    }
    known.extend(config);
    Ok(Reply::null())
}

fn delete(req: &mut Req<'_>) -> Answer {
    let (name, section) = kind(req);
    let id = req.params.text(name).to_owned();
    let user = req.state.section("sdn-vnets").find(|(_, v)| name == "zone" && v.get("zone").and_then(Value::as_str) == Some(&id));
    if let Some((vnet, _)) = user {
        return Err(Refusal::die(format!("delete sdn zone object failed: zone {id} is used by vnet {vnet}")));
    }
    req.state.section_mut(section).remove(&id).ok_or_else(|| missing(&id))?;
    Ok(Reply::null())
}

fn apply(req: &mut Req<'_>) -> Answer {
    for section in ["sdn-zones", "sdn-vnets"] {
        let wanted = req.state.sections.get(section).cloned().unwrap_or_default();
        *req.state.section_mut(&format!("{section}-applied")) = wanted;
    }
    req.start(TaskSpec::new("reloadnetworkall", "").takes(1.5).ok())
}

fn node_zones(req: &mut Req<'_>) -> Answer {
    let zones = req.state.section("sdn-zones-applied").filter(|(id, config)| may_see(req, id, config));
    Ok(zones.map(|(id, _)| json!({ "zone": id, "status": "available" })).collect::<Value>().into())
}
