//! Options of the datacenter.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::demo::api::{Answer, Refusal, Reply, Req, Route};
use crate::demo::state::{Map, sha1_hex};

pub(super) const ROUTES: &[Route] = &[("GET", "/cluster/options", read), ("PUT", "/cluster/options", update)];

/// Options that the host shows as objects.
const COMPOSED: &[&str] =
    &["bwlimit", "crs", "ha", "migration", "next-id", "notify", "replication", "tag-style", "u2f", "user-tag-access", "webauthn"];

fn read(req: &mut Req<'_>) -> Answer {
    let auditor = req.on_guests(&["VM.Audit"]);
    let seen = req.state.guests.values().filter(|g| auditor.may(g.vmid));
    let tags: BTreeSet<&str> = seen.filter_map(|g| g.tags()).flat_map(|t| t.split([';', ',', ' '])).collect();
    if !req.may("/", &["Sys.Audit"]) {
        let shown = req.state.options.iter().filter(|(key, _)| matches!(key.as_str(), "console" | "tag-style"));
        let mut data: Map = shown.map(|(k, v)| (k.clone(), v.clone())).collect();
        data.insert("allowed-tags".into(), json!(tags));
        return Ok(Value::Object(data).into());
    }
    let mut data = req.state.options.clone();
    data.entry("mac_prefix").or_insert_with(|| "BC:24:11".into());
    data.entry("description").or_insert_with(|| "".into());
    data.insert("allowed-tags".into(), json!(tags));
    Ok(Value::Object(data).into())
}

fn update(req: &mut Req<'_>) -> Answer {
    if let Some(digest) = req.params.get("digest")
        && digest != sha1_hex(&serde_json::to_string(&req.state.options).unwrap_or_default())
    {
        return Err(Refusal::die("detected modified configuration - file changed by other user? Try again."));
    }
    for key in req.params.list("delete") {
        req.state.options.shift_remove(&key);
    }
    for (key, value) in req.params.0.clone() {
        if key == "delete" || key == "digest" {
            continue;
        }
        let value = if COMPOSED.contains(&key.as_str()) { as_object(&value) } else { value };
        req.state.options.insert(key, value);
    }
    Ok(Reply::null())
}

/// Converts `lower=200,upper=300` to an object.
fn as_object(value: &Value) -> Value {
    let text = value.as_str().unwrap_or_default();
    let pairs = text.split(',').filter_map(|part| part.split_once('=')).map(|(k, v)| (k.to_owned(), json!(v)));
    Value::Object(pairs.collect())
}
