//! Routes, neighbors and interfaces of a fabric on a node.

use serde_json::{Value, json};

use crate::demo::api::nodes::the_node;
use crate::demo::api::{Answer, Refusal, Req, Route};
use crate::demo::state::{Map, text};

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/nodes/{node}/sdn/fabrics/{fabric}", |_| {
        Ok(json!([{ "subdir": "routes" }, { "subdir": "neighbors" }, { "subdir": "interfaces" }]).into())
    }),
    ("GET", "/nodes/{node}/sdn/fabrics/{fabric}/routes", routes),
    ("GET", "/nodes/{node}/sdn/fabrics/{fabric}/neighbors", neighbors),
    ("GET", "/nodes/{node}/sdn/fabrics/{fabric}/interfaces", interfaces),
];

/// Returns the applied nodes of the fabric: the node of the path, and the others.
fn members(req: &Req<'_>) -> Result<(Vec<Map>, Vec<Map>), Refusal> {
    let fabric = req.params.text("fabric");
    if !req.state.section("sdn-fabrics-applied").any(|(id, _)| id == fabric) {
        return Err(Refusal::die(format!("fabric '{fabric}' does not exist in configuration")));
    }
    let own = format!("{fabric}_{}", the_node(req).name);
    let nodes = req.state.section("sdn-fabric-nodes-applied").filter(|(_, node)| text(node, "fabric_id") == fabric);
    let (own, others): (Vec<_>, Vec<_>) = nodes.partition(|(id, _)| **id == own);
    let configs = |nodes: Vec<(&String, &Map)>| nodes.into_iter().map(|(_, node)| node.clone()).collect();
    Ok((configs(own), configs(others)))
}

fn names(node: &Map) -> Vec<String> {
    let all = node.get("interfaces").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    all.filter_map(|text| text.split(',').find_map(|part| part.strip_prefix("name=").map(str::to_owned))).collect()
}

fn routes(req: &mut Req<'_>) -> Answer {
    let (own, others) = members(req)?;
    let via: Vec<String> = own.iter().flat_map(names).collect();
    let rows = others.iter().filter(|_| !own.is_empty()).filter(|node| node.contains_key("ip"));
    Ok(rows.map(|node| json!({ "route": format!("{}/32", text(node, "ip")), "via": via })).collect::<Value>().into())
}

fn neighbors(req: &mut Req<'_>) -> Answer {
    let (own, others) = members(req)?;
    let rows = others.iter().filter(|_| !own.is_empty());
    Ok(rows.map(|node| json!({ "neighbor": text(node, "ip"), "status": "Up", "uptime": "1d02h03m" })).collect::<Value>().into())
}

fn interfaces(req: &mut Req<'_>) -> Answer {
    let (own, _) = members(req)?;
    let rows = own.iter().flat_map(names).map(|name| json!({ "name": name, "state": "Up", "type": "Point-To-Point" }));
    Ok(rows.collect::<Value>().into())
}
