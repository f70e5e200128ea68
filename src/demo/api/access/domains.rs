//! Realms.

use serde_json::{Value, json};

use crate::demo::api::section::{Options, check_digest, sent};
use crate::demo::api::{Answer, Refusal, Reply, Req, Route};
use crate::demo::state::{Map, State, sha1_hex};

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
    if realm == "pam" {
        data.insert("plugin".into(), "PVE::Auth::PAM".into());
    }
    data.insert("digest".into(), digest(req.state).into());
    Ok(Value::Object(data).into())
}

/// Options of each realm type.
const OPTIONS: Options = Options(
    "pam: default comment tfa; pve: default comment tfa; \
ldap: user_attr! base_dn! server1! server2 bind_dn password port secure sslversion default comment tfa verify capath cert certkey filter \
sync_attributes user_classes group_dn group_name_attr group_filter group_classes sync-defaults-options mode case-sensitive \
check-connection; \
ad: server1! domain! server2 port secure sslversion default comment tfa verify capath cert certkey base_dn bind_dn password user_attr \
filter sync_attributes user_classes group_dn group_name_attr group_filter group_classes sync-defaults-options mode case-sensitive \
check-connection; \
openid: issuer-url! client-id! client-key autocreate username-claim= prompt scopes acr-values default comment audiences query-userinfo \
groups-claim groups-autocreate groups-overwrite",
);

fn digest(state: &State) -> String {
    sha1_hex(&json!(state.access.realms).to_string())
}

/// Returns the stored options; passwords are stored elsewhere.
fn kept(mut sent: Map) -> Map {
    sent.retain(|key, _| !matches!(key.as_str(), "check-connection" | "password"));
    sent
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
    let sent = sent(req, &["realm"]);
    OPTIONS.check_create(kind, &sent).map_err(failed)?;
    req.state.access.realms.insert(realm, kept(sent));
    Ok(Reply::null())
}

fn update(req: &mut Req<'_>) -> Answer {
    let realm = req.params.text("realm").to_owned();
    let (sent, gone) = (sent(req, &["realm"]), req.params.list("delete"));
    let failed = |why: String| Refusal::die(format!("update auth server failed: {why}"));
    check_digest(req, &digest(req.state)).map_err(failed)?;
    let Some(known) = req.state.access.realms.get_mut(&realm) else {
        return Err(failed(format!("domain '{realm}' does not exist")));
    };
    if sent.is_empty() && gone.is_empty() {
        return Err(failed("no options specified".to_owned()));
    }
    OPTIONS.check_update(known.get("type").and_then(Value::as_str).unwrap_or_default(), &sent, &gone).map_err(failed)?;
    for key in gone {
        known.shift_remove(&key);
    }
    known.extend(kept(sent));
    Ok(Reply::null())
}

fn delete(req: &mut Req<'_>) -> Answer {
    let realm = req.params.text("realm").to_owned();
    if req.state.access.realms.remove(&realm).is_none() {
        return Err(Refusal::die(format!("delete auth server failed: authentication domain '{realm}' does not exist")));
    }
    Ok(Reply::null())
}
