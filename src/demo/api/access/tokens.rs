//! API tokens.

use serde_json::{Value, json};

use super::users::{existing, token_info};
use crate::demo::api::{Answer, Refusal, Reply, Req, Route};
use crate::demo::auth::random_uuid;
use crate::demo::state::{Map, State, Subject, Token};

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/access/users/{userid}/token", list),
    ("GET", "/access/users/{userid}/token/{tokenid}", read),
    ("POST", "/access/users/{userid}/token/{tokenid}", create),
    ("PUT", "/access/users/{userid}/token/{tokenid}", update),
    ("DELETE", "/access/users/{userid}/token/{tokenid}", delete),
];

/// Returns the token, or the host's error.
pub(super) fn existing_token<'a>(state: &'a State, user: &str, id: &str) -> Result<&'a Token, Refusal> {
    let missing = || Refusal::die(format!("no such token '{id}' for user '{user}'"));
    existing(state, user)?.tokens.get(id).ok_or_else(missing)
}

fn list(req: &mut Req<'_>) -> Answer {
    let user = existing(req.state, req.params.text("userid"))?;
    let rows = user.tokens.iter().map(|(id, token)| {
        let mut info = token_info(token);
        info.insert("tokenid".into(), id.clone().into());
        Value::Object(info)
    });
    Ok(rows.collect::<Value>().into())
}

fn read(req: &mut Req<'_>) -> Answer {
    let token = existing_token(req.state, req.params.text("userid"), req.params.text("tokenid"))?;
    Ok(Value::Object(token_info(token)).into())
}

fn names(req: &Req<'_>) -> (String, String) {
    (req.params.text("userid").to_owned(), req.params.text("tokenid").to_owned())
}

fn create(req: &mut Req<'_>) -> Answer {
    let (user, id) = names(req);
    if existing(req.state, &user)?.tokens.contains_key(&id) {
        return Err(Refusal::param("tokenid", "Token already exists."));
    }
    let token = Token {
        secret: random_uuid(),
        privsep: req.params.bool("privsep").unwrap_or(true),
        expire: req.params.int("expire").unwrap_or(0),
        comment: req.params.get("comment").filter(|c| !c.is_empty()).map(str::to_owned),
    };
    // The answer repeats the parameters as text; the stored token has numbers.
    let mut info = Map::new();
    info.insert("privsep".into(), req.params.0.get("privsep").cloned().unwrap_or_else(|| 1.into()));
    for key in ["expire", "comment"] {
        if let Some(value) = req.params.0.get(key) {
            info.insert(key.into(), value.clone());
        }
    }
    let data = json!({ "full-tokenid": format!("{user}!{id}"), "info": info, "value": token.secret });
    if let Some(user) = req.state.access.users.get_mut(&user) {
        user.tokens.insert(id, token);
    }
    Ok(data.into())
}

fn update(req: &mut Req<'_>) -> Answer {
    let (user, id) = names(req);
    let mut token = existing_token(req.state, &user, &id)?.clone();
    let mut info = token_info(&token);
    for key in ["privsep", "expire", "comment"] {
        if let Some(value) = req.params.0.get(key) {
            info.insert(key.into(), value.clone());
        }
    }
    token.privsep = req.params.bool("privsep").unwrap_or(token.privsep);
    token.expire = req.params.int("expire").unwrap_or(token.expire);
    if let Some(comment) = req.params.get("comment") {
        token.comment = Some(comment.to_owned());
    }
    for key in req.params.list("delete") {
        if key != "comment" {
            return Err(Refusal::param("delete", format!("unknown option '{key}'")));
        }
        token.comment = None;
    }
    if token.comment.as_deref().is_none_or(str::is_empty) {
        token.comment = None;
        info.shift_remove("comment");
    }
    if req.params.flag("regenerate") {
        token.secret = random_uuid();
        info.insert("value".into(), token.secret.clone().into());
        info.insert("full-tokenid".into(), format!("{user}!{id}").into());
    }
    if let Some(user) = req.state.access.users.get_mut(&user) {
        user.tokens.insert(id, token);
    }
    Ok(Value::Object(info).into())
}

fn delete(req: &mut Req<'_>) -> Answer {
    let (user, id) = names(req);
    existing_token(req.state, &user, &id)?;
    let access = &mut req.state.access;
    if let Some(user) = access.users.get_mut(&user) {
        user.tokens.remove(&id);
    }
    let full = Subject::Token(format!("{user}!{id}"));
    for entries in access.acl.values_mut() {
        entries.retain(|e| e.subject != full);
    }
    access.acl.retain(|_, entries| !entries.is_empty());
    Ok(Reply::null())
}
