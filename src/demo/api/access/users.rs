//! Users.

use serde_json::{Value, json};

use super::ticket::set_password;
use crate::demo::api::{Answer, Refusal, Reply, Req, Route};
use crate::demo::auth::verify_username;
use crate::demo::state::{Map, State, Subject, Token, User};

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/access", index),
    ("GET", "/access/users", list),
    ("POST", "/access/users", create),
    ("GET", "/access/users/{userid}", read),
    ("PUT", "/access/users/{userid}", update),
    ("DELETE", "/access/users/{userid}", delete),
    ("GET", "/access/users/{userid}/tfa", tfa_type),
    ("PUT", "/access/users/{userid}/unlock-tfa", unlock_tfa),
];

const INFO: &[&str] = &["firstname", "lastname", "email", "comment", "keys"];

fn index(_: &mut Req<'_>) -> Answer {
    let names = ["users", "groups", "roles", "acl", "domains", "openid", "tfa", "ticket", "password"];
    Ok(names.iter().map(|n| json!({ "subdir": n })).collect::<Value>().into())
}

/// Returns the user, or the host's error.
pub(super) fn existing<'a>(state: &'a State, id: &str) -> Result<&'a User, Refusal> {
    state.access.users.get(id).ok_or_else(|| Refusal::die(format!("no such user ('{id}')")))
}

/// Returns the properties of a token without its secret.
pub(super) fn token_info(token: &Token) -> Map {
    let mut info = Map::new();
    info.insert("expire".into(), token.expire.into());
    info.insert("privsep".into(), u8::from(token.privsep).into());
    if let Some(comment) = &token.comment {
        info.insert("comment".into(), comment.clone().into());
    }
    info
}

/// Returns the fields of the user file. An empty field before a set one is read as empty text.
fn facts(user: &User) -> Map {
    let mut row = Map::new();
    row.insert("enable".into(), u8::from(user.enable).into());
    if user.expire >= 0 {
        row.insert("expire".into(), user.expire.into());
    }
    for key in INFO {
        if let Some(value) = user.info.get(*key).filter(|v| v.as_str() != Some("")) {
            row.insert((*key).into(), value.clone());
        }
    }
    if row.contains_key("comment") || row.contains_key("keys") {
        row.entry("email").or_insert_with(|| "".into());
    }
    row
}

fn list(req: &mut Req<'_>) -> Answer {
    let privileges = ["User.Modify", "Sys.Audit"];
    let all = req.may_any("/access/groups", &privileges);
    let may_group = |g: &String| req.may_any(&format!("/access/groups/{g}"), &privileges);
    let (own, full, enabled) = (req.who.name(), req.params.flag("full"), req.params.bool("enabled"));
    let mut rows = Vec::new();
    for (id, user) in &req.state.access.users {
        if !all && *id != own && !user.groups.iter().any(may_group) || enabled.is_some_and(|wanted| wanted != user.enable) {
            continue;
        }
        let mut row = facts(user);
        if full {
            row.insert("groups".into(), user.groups.iter().cloned().collect::<Vec<_>>().join(",").into());
            let tokens = user.tokens.iter().map(|(tokenid, token)| {
                let mut info = token_info(token);
                info.insert("tokenid".into(), tokenid.clone().into());
                Value::Object(info)
            });
            row.insert("tokens".into(), if user.tokens.is_empty() { Value::Null } else { tokens.collect() });
        }
        let realm = id.rsplit_once('@').map_or("", |(_, realm)| realm);
        if let Some(kind) = req.state.access.realms.get(realm).and_then(|r| r.get("type")) {
            row.insert("realm-type".into(), kind.clone());
        }
        row.insert("userid".into(), id.clone().into());
        rows.push(Value::Object(row));
    }
    Ok(Value::Array(rows).into())
}

fn read(req: &mut Req<'_>) -> Answer {
    let user = existing(req.state, req.params.text("userid"))?;
    let mut row = facts(user);
    row.insert("groups".into(), json!(user.groups));
    let tokens: Map = user.tokens.iter().map(|(id, token)| (id.clone(), Value::Object(token_info(token)))).collect();
    row.insert("tokens".into(), if tokens.is_empty() { Value::Null } else { Value::Object(tokens) });
    Ok(Value::Object(row).into())
}

fn create(req: &mut Req<'_>) -> Answer {
    let id = req.params.text("userid").to_owned();
    verify_username(&id)?;
    let failed = |why: String| Refusal::die(format!("create user failed: {why}"));
    if req.state.access.users.contains_key(&id) {
        return Err(failed(format!("user '{id}' already exists")));
    }
    let groups = req.params.list("groups");
    if let Some(missing) = groups.iter().find(|g| !req.state.access.groups.contains_key(*g)) {
        return Err(failed(format!("no such group '{missing}'")));
    }
    let mut user = User {
        enable: req.params.bool("enable").unwrap_or(true),
        expire: req.params.int("expire").unwrap_or(0),
        groups: groups.into_iter().collect(),
        ..User::default()
    };
    for key in INFO {
        if let Some(value) = req.params.get(key).filter(|v| !v.is_empty()) {
            user.info.insert((*key).into(), value.into());
        }
    }
    req.state.access.users.insert(id.clone(), user);
    if let Some(password) = req.params.get("password").map(str::to_owned)
        && let Err(refusal) = set_password(req, &id, &password)
    {
        req.state.access.users.remove(&id);
        return Err(failed(refusal.message));
    }
    Ok(Reply::null())
}

fn update(req: &mut Req<'_>) -> Answer {
    let id = req.params.text("userid").to_owned();
    existing(req.state, &id)?;
    let groups = req.params.has("groups").then(|| req.params.list("groups"));
    let missing = groups.iter().flatten().find(|g| !req.state.access.groups.contains_key(*g));
    if let Some(missing) = missing {
        return Err(Refusal::die(format!("update user failed: no such group '{missing}'")));
    }
    let Some(user) = req.state.access.users.get_mut(&id) else { return Ok(Reply::null()) };
    if let Some(enable) = req.params.bool("enable") {
        user.enable = enable;
    }
    if let Some(expire) = req.params.int("expire") {
        user.expire = expire;
    }
    if let Some(groups) = groups {
        if !req.params.flag("append") {
            user.groups.clear();
        }
        user.groups.extend(groups);
    }
    for key in INFO {
        if let Some(value) = req.params.get(key) {
            user.info.insert((*key).into(), value.into());
        }
    }
    Ok(Reply::null())
}

fn delete(req: &mut Req<'_>) -> Answer {
    let id = req.params.text("userid").to_owned();
    let access = &mut req.state.access;
    let gone = access.users.remove(&id);
    access.tfa.remove(&id);
    if id == "root@pam" {
        // The host replaces the deleted user with an empty entry.
        access.users.insert(id.clone(), User { expire: -1, password: gone.and_then(|u| u.password), ..User::default() });
    }
    let own_token = format!("{id}!");
    for entries in access.acl.values_mut() {
        entries.retain(|e| match &e.subject {
            Subject::User(user) => *user != id,
            Subject::Token(token) => !token.starts_with(&own_token),
            Subject::Group(_) => true,
        });
    }
    access.acl.retain(|_, entries| !entries.is_empty());
    Ok(Reply::null())
}

fn tfa_type(req: &mut Req<'_>) -> Answer {
    let id = req.params.text("userid");
    existing(req.state, id)?;
    let factors = req.state.access.tfa.get(id).map_or(&[][..], Vec::as_slice);
    let kinds: Vec<&str> = factors.iter().map(|f| if f.kind == "totp" { "oath" } else { &f.kind }).collect();
    let mut data = Map::new();
    if req.params.flag("multiple") {
        data.insert("types".into(), json!(kinds));
    } else if let Some(kind) = kinds.first() {
        data.insert("user".into(), json!(kind));
    }
    Ok(Value::Object(data).into())
}

fn unlock_tfa(req: &mut Req<'_>) -> Answer {
    existing(req.state, req.params.text("userid"))?;
    Ok(json!(0).into())
}
