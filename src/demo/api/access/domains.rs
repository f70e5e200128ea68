//! Realms.

use serde_json::{Value, json};

use crate::demo::api::{Answer, Refusal, Reply, Req, Route};
use crate::demo::state::{Map, sha1_hex};

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/access/domains", list),
    ("POST", "/access/domains", create),
    ("GET", "/access/domains/{realm}", read),
    ("PUT", "/access/domains/{realm}", update),
    ("DELETE", "/access/domains/{realm}", delete),
    ("GET", "/access/openid", |_| Ok(json!([{ "subdir": "auth-url" }, { "subdir": "login" }]).into())),
];

fn list(req: &mut Req<'_>) -> Answer {
    let rows = req.state.access.realms.iter().map(|(realm, config)| {
        let mut row = Map::new();
        row.insert("realm".into(), realm.clone().into());
        for key in ["type", "comment", "default", "tfa"] {
            if let Some(value) = config.get(key) {
                row.insert(key.into(), value.clone());
            }
        }
        Value::Object(row)
    });
    Ok(rows.collect::<Value>().into())
}

fn read(req: &mut Req<'_>) -> Answer {
    let realm = req.params.text("realm");
    let missing = || Refusal::die(format!("domain '{realm}' does not exist"));
    let mut data = req.state.access.realms.get(realm).ok_or_else(missing)?.clone();
    let plugin = match data.get("type").and_then(Value::as_str) {
        Some("pam") => "PVE::Auth::PAM",
        Some("ldap") => "PVE::Auth::LDAP",
        Some("ad") => "PVE::Auth::AD",
        Some("openid") => "PVE::Auth::OpenId",
        _ => "PVE::Auth::PVE",
    };
    if plugin == "PVE::Auth::PAM" || plugin == "PVE::Auth::PVE" {
        data.insert("plugin".into(), plugin.into());
    }
    data.insert("digest".into(), sha1_hex("").into());
    Ok(Value::Object(data).into())
}

/// What was sent, without the name and what only steers the call.
fn settings(req: &Req<'_>) -> Map {
    let steering = ["realm", "delete", "digest", "check-connection", "password"];
    req.params.iter().filter(|(key, _)| !steering.contains(&key.as_str())).map(|(k, v)| (k.clone(), v.clone())).collect()
}

fn create(req: &mut Req<'_>) -> Answer {
    let realm = req.params.text("realm").to_owned();
    let kind = req.params.text("type");
    let failed = |why: String| Refusal::die(format!("add auth server failed: {why}"));
    if req.state.access.realms.contains_key(&realm) {
        return Err(failed(format!("domain '{realm}' already exists")));
    }
    if matches!(kind, "pam" | "pve") {
        return Err(failed(format!("unable to create builtin type '{kind}'")));
    }
    let config = settings(req);
    req.state.access.realms.insert(realm, config);
    Ok(Reply::null())
}

fn update(req: &mut Req<'_>) -> Answer {
    let realm = req.params.text("realm").to_owned();
    let (config, gone) = (settings(req), req.params.list("delete"));
    let failed = |why: String| Refusal::die(format!("update auth server failed: {why}"));
    let Some(known) = req.state.access.realms.get_mut(&realm) else {
        return Err(failed(format!("domain '{realm}' does not exist")));
    };
    if config.is_empty() && gone.is_empty() {
        return Err(failed("no options specified".to_owned()));
    }
    for key in gone {
        known.shift_remove(&key);
    }
    known.extend(config);
    Ok(Reply::null())
}

fn delete(req: &mut Req<'_>) -> Answer {
    let realm = req.params.text("realm").to_owned();
    if req.state.access.realms.remove(&realm).is_none() {
        return Err(Refusal::die(format!("delete auth server failed: authentication domain '{realm}' does not exist")));
    }
    Ok(Reply::null())
}
