//! `GET /cluster/resources`.

use serde_json::{Value, json};

use super::{Answer, Req, Route};

pub(super) const ROUTES: &[Route] = &[("GET", "/cluster/resources", resources)];

fn resources(req: &mut Req<'_>) -> Answer {
    let guests = req.state.guests.values().map(|g| json!({ "id": format!("{}/{}", g.kind.word(), g.vmid), "vmid": g.vmid }));
    Ok(Value::Array(guests.collect()).into())
}
