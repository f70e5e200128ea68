//! Users, tokens, realms, roles and groups that something depends on.

use serde_json::Value as Json;

use super::Finding;
use crate::api::{Call, access};
use crate::fault::{Fault, Kind, Result};
use crate::path;
use crate::session::Session;

/// Checks that the realm of a new user exists.
pub(super) fn realm_of(session: &Session, user: &str) -> Result<Finding> {
    let Some((_, realm)) = user.rsplit_once('@') else { return Ok(Finding::Fine) };
    let realms: Vec<String> = session.client()?.get(&access::realms())?.into_iter().map(|one| one.realm).collect();
    if realms.iter().any(|one| one == realm) {
        return Ok(Finding::Fine);
    }
    let fault = Fault::refused(format!("there is no realm '{realm}', so '{user}' could never log in"));
    Ok(Finding::refused(fault.with_hint(format!("use one of: {}", realms.join(", ")))))
}

/// Checks that a user that is to be deleted or disabled is not the administrator or the caller.
pub(super) fn user(session: &Session, user: &str, verb: &str) -> Result<Finding> {
    let own = session.who().split('!').next().unwrap_or_default();
    if user == "root@pam" {
        let fault = Fault::refused(format!("refusing to {verb} root@pam: all its tokens and sessions end at once"));
        return Ok(Finding::refused(fault.with_hint("create another administrator first, then add --force")));
    }
    if user == own {
        return Ok(itself(&format!("{verb} {user}"), session.who()));
    }
    Ok(Finding::Fine)
}

fn itself(what: &str, who: &str) -> Finding {
    let fault = Fault::refused(format!("refusing to {what}: felhom itself is logged in as {who}"));
    Finding::refused(fault.with_hint("use another context, or add --force"))
}

/// Checks that a token is not the caller's own.
pub(super) fn token(session: &Session, user: &str, token: &str) -> Finding {
    let id = format!("{user}!{token}");
    if id == session.who() { itself(&format!("delete the token {id}"), session.who()) } else { Finding::Fine }
}

/// Checks that a realm is not built in and has no users.
pub(super) fn realm(session: &Session, realm: &str) -> Result<Finding> {
    if matches!(realm, "pam" | "pve") {
        let fault = Fault::refused(format!("refusing to delete the built-in realm '{realm}'"));
        return Ok(Finding::refused(fault.with_hint("create another realm for new users; this one has to stay")));
    }
    let users = names(session, &Call::get(path!["access", "users"]), "userid")?;
    let ending = format!("@{realm}");
    Ok(listed(users, &format!("the realm '{realm}'"), |user| user.ends_with(&ending)))
}

/// Checks that no ACL entry grants a role: the host drops the entries with the role.
pub(super) fn role(session: &Session, role: &str) -> Result<Finding> {
    entries(session, &format!("the role '{role}'"), |entry| entry.get("roleid").and_then(Json::as_str) == Some(role))
}

/// Checks that no ACL entry is for a group.
pub(super) fn group(session: &Session, group: &str) -> Result<Finding> {
    entries(session, &format!("the group '{group}'"), |entry| {
        let word = |key: &str| entry.get(key).and_then(Json::as_str);
        word("type") == Some("group") && word("ugid") == Some(group)
    })
}

fn entries(session: &Session, what: &str, uses: impl Fn(&Json) -> bool) -> Result<Finding> {
    let all: Vec<Json> = match session.client()?.get(&Call::get(path!["access", "acl"])) {
        Ok(all) => all,
        Err(fault) if fault.kind == Kind::Denied => return Ok(Finding::Unknown(format!("permissions with {what}: {}", fault.message))),
        Err(fault) => return Err(fault),
    };
    let word = |entry: &Json, key: &str| entry.get(key).and_then(Json::as_str).unwrap_or_default().to_owned();
    let users: Vec<String> =
        all.iter().filter(|entry| uses(entry)).map(|entry| format!("{} on {}", word(entry, "ugid"), word(entry, "path"))).collect();
    Ok(Finding::in_use(what, &users))
}

fn names(session: &Session, call: &Call<Vec<Json>>, key: &str) -> Result<std::result::Result<Vec<String>, String>> {
    match session.client()?.get(call) {
        Ok(all) => Ok(Ok(all.iter().filter_map(|one| Some(one.get(key)?.as_str()?.to_owned())).collect())),
        Err(fault) if fault.kind == Kind::Denied => Ok(Err(fault.message)),
        Err(fault) => Err(fault),
    }
}

fn listed(names: std::result::Result<Vec<String>, String>, what: &str, uses: impl Fn(&str) -> bool) -> Finding {
    match names {
        Ok(names) => Finding::in_use(what, &names.into_iter().filter(|name| uses(name)).collect::<Vec<_>>()),
        Err(why) => Finding::Unknown(format!("users of {what}: {why}")),
    }
}
