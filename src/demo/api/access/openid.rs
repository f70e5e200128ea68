//! `OpenID` logins, and tickets of consoles.

use serde_json::{Value, json};

use crate::demo::api::{Answer, Refusal, Reply, Req, Route};
use crate::demo::auth::{self, Who, random_hex};

pub(super) const ROUTES: &[Route] =
    &[("POST", "/access/openid/auth-url", url), ("POST", "/access/openid/login", login), ("POST", "/access/vncticket", ticket)];

fn url(req: &mut Req<'_>) -> Answer {
    let realm = req.params.text("realm");
    let config =
        req.state.access.realms.get(realm).ok_or_else(|| Refusal::die(format!("authentication domain '{realm}' does not exist")))?;
    let text = |key: &str| config.get(key).and_then(Value::as_str).unwrap_or_default();
    if text("type") != "openid" {
        return Err(Refusal::die(format!("wrong realm type ({} != openid)", text("type"))));
    }
    let (issuer, client, back) = (text("issuer-url").trim_end_matches('/'), text("client-id"), req.params.text("redirect-url"));
    let state = random_hex(16);
    Ok(json!(format!(
        "{issuer}/authorize?response_type=code&client_id={client}&state={state}&redirect_uri={back}&scope=openid+email+profile"
    ))
    .into())
}

/// Refuses every login, because no provider confirms it.
fn login(_: &mut Req<'_>) -> Answer {
    Err(Refusal::new(401, "openid authentication failure"))
}

/// Checks the ticket of a console and the privileges of its user.
fn ticket(req: &mut Req<'_>) -> Answer {
    if !req.params.text("vncticket").starts_with("PVEVNC:") {
        return Err(Refusal::new(401, "permission denied - invalid PVEVNC ticket"));
    }
    let (who, privileges) = (Who::parse(req.params.text("authid")), req.params.list("privs"));
    let privileges: Vec<&str> = privileges.iter().map(String::as_str).collect();
    auth::check(req.state, &who, req.params.text("path"), &privileges)?;
    Ok(Reply::null())
}
