//! Network interfaces, with changes that wait until they are applied.

use serde_json::{Value, json};

use super::the_node;
use crate::demo::api::{Answer, Refusal, Reply, Req, Route};
use crate::demo::state::Map;
use crate::demo::tasks::TaskSpec;

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/nodes/{node}/network", list),
    ("POST", "/nodes/{node}/network", create),
    ("PUT", "/nodes/{node}/network", apply),
    ("DELETE", "/nodes/{node}/network", revert),
    ("GET", "/nodes/{node}/network/{iface}", read),
    ("PUT", "/nodes/{node}/network/{iface}", update),
    ("DELETE", "/nodes/{node}/network/{iface}", delete),
];

fn name(interface: &Map) -> &str {
    interface.get("iface").and_then(Value::as_str).unwrap_or_default()
}

fn list(req: &mut Req<'_>) -> Answer {
    let wanted = req.params.get("type");
    let audit = req.may_any(&format!("/nodes/{}", the_node(req).name), &["Sys.Audit", "Sys.Modify"]);
    let shown = |i: &&Map| {
        let kind = i.get("type").and_then(Value::as_str).unwrap_or_default();
        let is_bridge = matches!(kind, "bridge" | "OVSBridge");
        let fits = match wanted {
            None => true,
            Some("any_bridge" | "any_local_bridge" | "include_sdn") => is_bridge,
            Some(wanted) => wanted == kind,
        };
        // Whoever may use a bridge sees it; the rest is for those who may look at the node.
        let use_it = is_bridge && req.may_any(&format!("/sdn/zones/localnetwork/{}", name(i)), &["SDN.Audit", "SDN.Use"]);
        fits && (audit || use_it)
    };
    Ok(the_node(req).network.iter().filter(shown).cloned().map(Value::Object).collect::<Value>().into())
}

fn missing() -> Refusal {
    Refusal::param("iface", "interface does not exist")
}

fn read(req: &mut Req<'_>) -> Answer {
    let wanted = req.params.text("iface");
    let mut found = the_node(req).network.iter().find(|i| name(i) == wanted).cloned().ok_or_else(missing)?;
    found.shift_remove("iface");
    Ok(Value::Object(found).into())
}

/// What was sent; numbers where the host has numbers.
fn settings(req: &Req<'_>) -> Map {
    let sent = req.params.iter().filter(|(k, _)| !matches!(k.as_str(), "node" | "delete"));
    sent.map(|(k, v)| match k.as_str() {
        "autostart" | "bridge_vlan_aware" | "vlan-id" | "mtu" => {
            (k.clone(), v.as_str().and_then(|t| t.parse::<i64>().ok()).map_or_else(|| v.clone(), |n| json!(n)))
        }
        _ => (k.clone(), v.clone()),
    })
    .collect()
}

fn interfaces<'a>(req: &'a mut Req<'_>) -> &'a mut Vec<Map> {
    let node = the_node(req).name.clone();
    &mut req.state.nodes.entry(node).or_default().network
}

fn create(req: &mut Req<'_>) -> Answer {
    let wanted = req.params.text("iface").to_owned();
    let mut interface = settings(req);
    let all = interfaces(req);
    if all.iter().any(|i| name(i) == wanted) {
        return Err(Refusal::param("iface", "interface already exists"));
    }
    interface.entry("method").or_insert_with(|| "manual".into());
    interface.entry("method6").or_insert_with(|| "manual".into());
    interface.insert("priority".into(), (all.len() + 3).into());
    interface.insert("families".into(), json!(["inet"]));
    all.push(interface);
    Ok(Reply::null())
}

fn update(req: &mut Req<'_>) -> Answer {
    let (wanted, sent, gone) = (req.params.text("iface").to_owned(), settings(req), req.params.list("delete"));
    let interface = interfaces(req).iter_mut().find(|i| name(i) == wanted).ok_or_else(missing)?;
    for key in gone {
        interface.shift_remove(&key);
    }
    interface.extend(sent);
    Ok(Reply::null())
}

fn delete(req: &mut Req<'_>) -> Answer {
    let wanted = req.params.text("iface").to_owned();
    let all = interfaces(req);
    let before = all.len();
    all.retain(|i| name(i) != wanted);
    if all.len() == before { Err(missing()) } else { Ok(Reply::null()) }
}

fn apply(req: &mut Req<'_>) -> Answer {
    for interface in interfaces(req) {
        interface.insert("active".into(), 1.into());
    }
    req.start(TaskSpec::new("srvreload", "networking").takes(1.5).ok())
}

fn revert(req: &mut Req<'_>) -> Answer {
    interfaces(req).retain(|i| i.contains_key("active"));
    Ok(Reply::null())
}
