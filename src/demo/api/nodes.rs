//! `GET /nodes`.

use serde_json::{Value, json};

use super::{Answer, Req, Route};

pub(super) const ROUTES: &[Route] = &[("GET", "/nodes", list)];

fn list(req: &mut Req<'_>) -> Answer {
    let may = req.may("/nodes", &["Sys.Audit"]);
    let nodes = req.state.nodes.values().map(|node| {
        let mut row = json!({
            "id": format!("node/{}", node.name), "level": "", "node": node.name, "ssl_fingerprint": node.fingerprint,
            "status": if node.online { "online" } else { "offline" }, "type": "node",
        });
        if may {
            row["maxcpu"] = node.cpus.into();
        }
        row
    });
    Ok(Value::Array(nodes.collect()).into())
}
