//! Roles.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::api::privileges::is_privilege;
use crate::demo::api::{Answer, Refusal, Reply, Req, Route};
use crate::demo::auth::roles;

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/access/roles", list),
    ("POST", "/access/roles", create),
    ("GET", "/access/roles/{roleid}", read),
    ("PUT", "/access/roles/{roleid}", update),
    ("DELETE", "/access/roles/{roleid}", delete),
];

fn list(req: &mut Req<'_>) -> Answer {
    let custom = req.state.access.roles.keys().map(|name| (name.as_str(), 0));
    let rows = roles::built_in().map(|name| (name, 1)).chain(custom).map(|(name, special)| {
        let privileges = roles::privileges(&req.state.access, name).join(",");
        json!({ "roleid": name, "privs": privileges, "special": special })
    });
    Ok(rows.collect::<Value>().into())
}

fn read(req: &mut Req<'_>) -> Answer {
    let role = req.params.text("roleid");
    if !roles::exists(&req.state.access, role) {
        return Err(Refusal::die(format!("role '{role}' does not exist")));
    }
    let privileges = roles::privileges(&req.state.access, role).into_iter().map(|p| (p, json!(1)));
    Ok(Value::Object(privileges.collect()).into())
}

/// Returns the privileges in the request; all of them exist.
fn wanted(req: &Req<'_>, doing: &str) -> Result<BTreeSet<String>, Refusal> {
    let privileges = req.params.list("privs");
    match privileges.iter().find(|p| !is_privilege(p)) {
        Some(bad) => Err(Refusal::die(format!("{doing} role failed: invalid privilege '{bad}'"))),
        None => Ok(privileges.into_iter().collect()),
    }
}

fn create(req: &mut Req<'_>) -> Answer {
    let role = req.params.text("roleid").to_owned();
    if role.to_ascii_lowercase().starts_with("pve") {
        let why = "cannot use role ID starting with the (case-insensitive) 'PVE' namespace";
        return Err(Refusal::param("roleid", why));
    }
    if roles::exists(&req.state.access, &role) {
        return Err(Refusal::die(format!("create role failed: role '{role}' already exists")));
    }
    let privileges = wanted(req, "create")?;
    req.state.access.roles.insert(role, privileges);
    Ok(Reply::null())
}

fn update(req: &mut Req<'_>) -> Answer {
    let role = req.params.text("roleid").to_owned();
    if roles::is_built_in(&role) {
        return Err(Refusal::die(format!("auto-generated role '{role}' cannot be modified")));
    }
    let privileges = wanted(req, "update")?;
    let append = req.params.flag("append");
    let Some(known) = req.state.access.roles.get_mut(&role) else {
        return Err(Refusal::die(format!("update role failed: role '{role}' does not exist")));
    };
    if !append {
        // As on the host, a change without `privs` removes all privileges.
        known.clear();
    }
    known.extend(privileges);
    Ok(Reply::null())
}

fn delete(req: &mut Req<'_>) -> Answer {
    let role = req.params.text("roleid").to_owned();
    if roles::is_built_in(&role) {
        return Err(Refusal::die(format!("auto-generated role '{role}' cannot be deleted")));
    }
    let access = &mut req.state.access;
    if access.roles.remove(&role).is_none() {
        return Err(Refusal::die(format!("delete role failed: role '{role}' does not exist")));
    }
    for entries in access.acl.values_mut() {
        entries.retain(|e| e.role != role);
    }
    access.acl.retain(|_, entries| !entries.is_empty());
    Ok(Reply::null())
}
