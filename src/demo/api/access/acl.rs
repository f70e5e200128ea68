//! The access control list.

use serde_json::{Value, json};

use super::tokens::existing_token;
use crate::demo::api::{Answer, Refusal, Reply, Req, Route};
use crate::demo::auth::{self, Privileges, Who, roles};
use crate::demo::state::{AclEntry, Subject};

pub(super) const ROUTES: &[Route] = &[("GET", "/access/acl", list), ("PUT", "/access/acl", update)];

fn list(req: &mut Req<'_>) -> Answer {
    let audit = req.may("/access", &["Sys.Audit"]);
    let mut rows = Vec::new();
    for (path, entries) in &req.state.access.acl {
        if !audit && auth::check_perm_modify(req.state, req.who, path).is_err() {
            continue;
        }
        let mut entries: Vec<&AclEntry> = entries.iter().collect();
        entries.sort_by_key(|e| match e.subject {
            Subject::User(_) => 0,
            Subject::Group(_) => 1,
            Subject::Token(_) => 2,
        });
        rows.extend(entries.into_iter().map(|e| {
            json!({
                "path": path, "type": e.subject.word(), "ugid": e.subject.id(), "roleid": e.role, "propagate": u8::from(e.propagate),
            })
        }));
    }
    Ok(Value::Array(rows).into())
}

fn update(req: &mut Req<'_>) -> Answer {
    let subjects = ["users", "groups", "tokens"];
    if !subjects.iter().any(|s| req.params.get(s).is_some_and(|v| !v.is_empty())) {
        let why = "either 'users', 'groups' or 'tokens' is required.";
        return Err(Refusal::params(subjects.iter().map(|s| ((*s).to_owned(), why.to_owned())).collect()));
    }
    let given = req.params.text("path");
    let invalid = || Refusal::param("path", format!("invalid ACL path '{given}'"));
    let path = auth::normalize_path(given).ok_or_else(invalid)?;
    let remove = req.params.flag("delete");
    if !remove && !is_acl_path(&path) {
        return Err(invalid());
    }
    let propagate = req.params.bool("propagate").unwrap_or(true);
    let own = auth::permissions(req.state, req.who, &path);
    let mut changes = Vec::new();
    for role in req.params.list("roles") {
        if !roles::exists(&req.state.access, &role) {
            return Err(failed(format!("role '{role}' does not exist")));
        }
        check_grant(req, &own, &role, propagate, remove)?;
        for subject in named(req)? {
            changes.push(AclEntry { subject, role: role.clone(), propagate });
        }
    }
    let entries = req.state.access.acl.entry(path.clone()).or_default();
    for change in changes {
        entries.retain(|e| e.subject != change.subject || e.role != change.role);
        if !remove {
            entries.push(change);
        }
    }
    if entries.is_empty() {
        req.state.access.acl.remove(&path);
    }
    Ok(Reply::null())
}

fn failed(why: impl std::fmt::Display) -> Refusal {
    Refusal::die(format!("ACL update failed: {why}"))
}

/// Without `Permissions.Modify`, callers can grant only privileges that they have.
fn check_grant(req: &Req<'_>, own: &Privileges, role: &str, propagate: bool, remove: bool) -> Result<(), Refusal> {
    if req.is_root() || own.contains_key("Permissions.Modify") {
        return Ok(());
    }
    let verb = if remove { "remove" } else { "add" };
    let refuse = |why: String| Err(failed(format!("400 Parameter verification failed.\nrole: Cannot {verb} role '{role}' {why}")));
    for privilege in roles::privileges(&req.state.access, role) {
        match own.get(&privilege) {
            None => return refuse("- requires 'Permissions.Modify' or superset of privileges.".to_owned()),
            Some(false) if propagate && !remove => {
                return refuse("with propagation - requires 'Permissions.Modify' or propagated superset of privileges.".to_owned());
            }
            Some(_) => {}
        }
    }
    if role == "NoAccess" { refuse("- requires 'Permissions.Modify'".to_owned()) } else { Ok(()) }
}

/// Returns the existing subjects of a change.
fn named(req: &Req<'_>) -> Result<Vec<Subject>, Refusal> {
    let access = &req.state.access;
    let mut subjects = Vec::new();
    for group in req.params.list("groups") {
        if !access.groups.contains_key(&group) {
            return Err(failed(format!("group '{group}' does not exist")));
        }
        subjects.push(Subject::Group(group));
    }
    for user in req.params.list("users") {
        if !access.users.contains_key(&user) {
            return Err(failed(format!("user '{user}' does not exist")));
        }
        subjects.push(Subject::User(user));
    }
    for token in req.params.list("tokens") {
        let who = Who::parse(&token);
        existing_token(req.state, &who.user, who.token.as_deref().unwrap_or_default()).map_err(|r| failed(r.message))?;
        subjects.push(Subject::Token(token));
    }
    Ok(subjects)
}

/// Whether a path is valid in the access control list.
fn is_acl_path(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').skip(1).filter(|p| !p.is_empty()).collect();
    let plain = |p: &str| p.chars().all(|c| c.is_ascii_alphanumeric());
    let vmid = |p: &str| p.len() >= 3 && !p.starts_with('0') && p.bytes().all(|b| b.is_ascii_digit());
    match parts[..] {
        [] | ["access" | "nodes" | "pool" | "sdn" | "storage" | "vms" | "mapping"] => true,
        ["access", "groups" | "realm"] | ["access", "groups" | "realm", _] => true,
        ["nodes" | "storage" | "mapping", _] | ["mapping", _, _] => true,
        ["pool", _] | ["pool", _, _] | ["pool", _, _, _] => true,
        ["vms", id] => vmid(id),
        ["sdn", "controllers" | "dns" | "fabrics" | "ipams" | "prefix-lists" | "route-maps" | "zones"] => true,
        ["sdn", "controllers", id] => !id.contains('.'),
        ["sdn", "dns" | "fabrics" | "ipams" | "prefix-lists" | "route-maps", id] => plain(id),
        ["sdn", "zones", _] | ["sdn", "zones", _, _] => true,
        ["sdn", "zones", _, _, vlan] => vlan.len() <= 4 && !vlan.starts_with('0') && vlan.bytes().all(|b| b.is_ascii_digit()),
        _ => false,
    }
}
