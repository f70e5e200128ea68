//! System services.

use serde_json::{Value, json};

use super::the_node;
use crate::demo::api::{Answer, Req, Route};
use crate::demo::state::Map;
use crate::demo::tasks::TaskSpec;

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/nodes/{node}/services", list),
    ("GET", "/nodes/{node}/services/{service}/state", read),
    ("POST", "/nodes/{node}/services/{service}/start", change),
    ("POST", "/nodes/{node}/services/{service}/stop", change),
    ("POST", "/nodes/{node}/services/{service}/restart", change),
    ("POST", "/nodes/{node}/services/{service}/reload", change),
];

/// Essential services, which cannot be stopped.
const ESSENTIAL: &[&str] = &["pveproxy", "pvedaemon", "pve-cluster"];

fn list(req: &mut Req<'_>) -> Answer {
    let rows = the_node(req).services.iter().cloned().map(Value::Object);
    Ok(rows.collect::<Value>().into())
}

fn find<'a>(services: &'a [Map], name: &str) -> Option<&'a Map> {
    services.iter().find(|s| s.get("service").and_then(Value::as_str) == Some(name))
}

fn read(req: &mut Req<'_>) -> Answer {
    let name = req.params.text("service");
    let known = find(&the_node(req).services, name).cloned().map(Value::Object);
    let unknown = || json!({ "service": name, "name": name, "desc": format!("{name}.service"), "state": "dead", "active-state": "inactive", "unit-state": "not-found" });
    Ok(known.unwrap_or_else(unknown).into())
}

fn change(req: &mut Req<'_>) -> Answer {
    let (node, name) = (the_node(req).name.clone(), req.params.text("service").to_owned());
    let verb = req.template.rsplit('/').next().unwrap_or("start");
    let spec = TaskSpec::new(format!("srv{verb}"), name.clone());
    if verb == "stop" && ESSENTIAL.contains(&name.as_str()) {
        return req.start(spec.fail(format!("invalid service cmd '{name} stop': refusing to stop essential service!")));
    }
    let on = verb != "stop";
    if let Some(node) = req.state.nodes.get_mut(&node)
        && let Some(service) = node.services.iter_mut().find(|s| s.get("service").and_then(Value::as_str) == Some(&name))
    {
        service.insert("state".into(), if on { "running" } else { "dead" }.into());
        service.insert("active-state".into(), if on { "active" } else { "inactive" }.into());
    }
    req.start(spec.takes(0.8).ok())
}
