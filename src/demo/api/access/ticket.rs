//! Logins, passwords and effective permissions.

use serde_json::{Value, json};

use crate::demo::api::{Answer, Refusal, Reply, Req, Route};
use crate::demo::auth::{self, Who};

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/access/ticket", |_| Ok(Reply::null())),
    ("POST", "/access/ticket", login),
    ("PUT", "/access/password", change_password),
    ("GET", "/access/permissions", permissions),
];

fn login(req: &mut Req<'_>) -> Answer {
    let mut user = req.params.text("username").to_owned();
    if let Some(realm) = req.params.get("realm") {
        user = format!("{user}@{realm}");
    }
    // The error has no reason, so it does not reveal existing users.
    let refused = || Refusal::new(401, "authentication failure");
    let now = req.now();
    let password = req.params.text("password").to_owned();
    let mut data = json!({ "username": user });
    if let Some(challenge) = req.params.get("tfa-challenge").map(str::to_owned) {
        if !auth::second_factor(req.state, &user, &challenge, &password, now) {
            return Err(refused());
        }
    } else if !auth::first_factor(req.state, &user, &password, now) {
        return Err(refused());
    } else if !auth::is_own_ticket(req.state, &user, &password, now)
        && let Some(challenge) = auth::challenge(req.state, &user, now)
    {
        data["NeedTFA"] = 1.into();
        data["ticket"] = challenge.into();
    }
    if let (Some(path), Some(_)) = (req.params.get("path"), req.params.get("privs")) {
        let wanted = req.params.list("privs");
        let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
        auth::check(req.state, &Who::user(user.clone()), path, &wanted).map_err(|_| refused())?;
        return Ok(data.into());
    }
    if data.get("ticket").is_none() {
        data["ticket"] = auth::assemble_ticket(req.state, &user, now).into();
        data["cap"] = auth::capabilities(req.state, &user);
    }
    data["CSRFPreventionToken"] = auth::assemble_csrf(req.state, &user, now).into();
    if let Some(cluster) = &req.state.cluster
        && auth::check(req.state, &Who::user(user), "/", &["Sys.Audit"]).is_ok()
    {
        data["clustername"] = cluster.clone().into();
    }
    Ok(data.into())
}

fn change_password(req: &mut Req<'_>) -> Answer {
    let userid = req.params.text("userid").to_owned();
    reauthenticate(req, &userid, "confirmation-password")?;
    let bare = || Refusal::forbidden("Permission check failed");
    if !req.is_root() && req.who.user != userid && (userid == "root@pam" || userid.ends_with("@pam")) {
        return Err(bare());
    }
    let password = req.params.text("password").to_owned();
    set_password(req, &userid, &password)?;
    Ok(Reply::null())
}

/// Sets a user's password.
pub(super) fn set_password(req: &mut Req<'_>, userid: &str, password: &str) -> Result<(), Refusal> {
    let (_, realm) = auth::verify_username(userid)?;
    if !req.state.access.realms.contains_key(realm) {
        return Err(Refusal::die(format!("auth domain '{realm}' does not exist")));
    }
    if let Some(user) = req.state.access.users.get_mut(userid) {
        user.password = Some(auth::hash_password(password));
    }
    Ok(())
}

/// Requires the password for changes of credentials, except from root.
pub(super) fn reauthenticate(req: &Req<'_>, userid: &str, param: &str) -> Result<(), Refusal> {
    if !req.state.access.users.contains_key(userid) {
        return Err(Refusal::die(format!("no such user ('{userid}')")));
    }
    if req.is_root() {
        return Ok(());
    }
    if userid == "root@pam" {
        return Err(Refusal::forbidden("Permission check failed"));
    }
    let Some(given) = req.params.get(param) else { return Err(Refusal::param(param, "password is required to modify user")) };
    let own = req.state.access.users.get(&req.who.user).and_then(|u| u.password.as_deref());
    match own {
        Some(kept) if auth::password_matches(kept, given) => Ok(()),
        _ => Err(Refusal::new(401, "invalid credentials")),
    }
}

fn permissions(req: &mut Req<'_>) -> Answer {
    let asks = req.who.name();
    let about = req.params.get("userid").map_or_else(|| asks.clone(), str::to_owned);
    let about = Who::parse(&about);
    let own = about == *req.who || req.who.token.is_none() && about.user == req.who.user && about.token.is_some();
    if !own {
        req.check("/access", &["Sys.Audit"])?;
    }
    let only = req.params.get("path");
    let mut paths = auth::effective(req.state, &about, only);
    if let Some(path) = only {
        paths.entry(path.to_owned()).or_default();
    }
    let number = |flags: auth::Privileges| -> Value { flags.into_iter().map(|(p, on)| (p, json!(u8::from(on)))).collect() };
    let data: serde_json::Map<String, Value> = paths.into_iter().map(|(path, have)| (path, number(have))).collect();
    Ok(Value::Object(data).into())
}
