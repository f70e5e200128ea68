//! `GET /version`.

use serde_json::json;

use super::{Answer, Req, Route};

pub(super) const ROUTES: &[Route] = &[("GET", "/version", version)];

fn version(_: &mut Req<'_>) -> Answer {
    Ok(json!({ "release": "9.2", "repoid": "14a22df35955d97d", "version": "9.2.11" }).into())
}
