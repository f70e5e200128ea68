//! Groups.

use serde_json::{Value, json};

use crate::demo::api::{Answer, Refusal, Reply, Req, Route};
use crate::demo::state::{Group, State, Subject};

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/access/groups", list),
    ("POST", "/access/groups", create),
    ("GET", "/access/groups/{groupid}", read),
    ("PUT", "/access/groups/{groupid}", update),
    ("DELETE", "/access/groups/{groupid}", delete),
];

fn members<'a>(state: &'a State, group: &str) -> Vec<&'a str> {
    state.access.users.iter().filter(|(_, u)| u.groups.contains(group)).map(|(id, _)| id.as_str()).collect()
}

fn list(req: &mut Req<'_>) -> Answer {
    let mut rows = Vec::new();
    for (id, group) in &req.state.access.groups {
        if !req.may_any(&format!("/access/groups/{id}"), &["User.Modify", "Sys.Audit", "Group.Allocate"]) {
            continue;
        }
        let mut row = json!({ "groupid": id, "users": members(req.state, id).join(",") });
        if let Some(comment) = &group.comment {
            row["comment"] = comment.clone().into();
        }
        rows.push(row);
    }
    Ok(Value::Array(rows).into())
}

fn missing(prefix: &str, id: &str) -> Refusal {
    Refusal::die(format!("{prefix}group '{id}' does not exist"))
}

fn create(req: &mut Req<'_>) -> Answer {
    let id = req.params.text("groupid").to_owned();
    if req.state.access.groups.contains_key(&id) {
        return Err(Refusal::die(format!("create group failed: group '{id}' already exists")));
    }
    let comment = req.params.get("comment").filter(|c| !c.is_empty()).map(str::to_owned);
    req.state.access.groups.insert(id, Group { comment });
    Ok(Reply::null())
}

fn read(req: &mut Req<'_>) -> Answer {
    let id = req.params.text("groupid");
    let group = req.state.access.groups.get(id).ok_or_else(|| missing("", id))?;
    let mut data = json!({ "members": members(req.state, id) });
    if let Some(comment) = &group.comment {
        data["comment"] = comment.clone().into();
    }
    Ok(data.into())
}

fn update(req: &mut Req<'_>) -> Answer {
    let (id, comment) = (req.params.text("groupid").to_owned(), req.params.get("comment").map(str::to_owned));
    let group = req.state.access.groups.get_mut(&id).ok_or_else(|| missing("update group failed: ", &id))?;
    if comment.is_some() {
        group.comment = comment;
    }
    Ok(Reply::null())
}

fn delete(req: &mut Req<'_>) -> Answer {
    let id = req.params.text("groupid").to_owned();
    let access = &mut req.state.access;
    if access.groups.remove(&id).is_none() {
        return Err(missing("delete group failed: ", &id));
    }
    for user in access.users.values_mut() {
        user.groups.remove(&id);
    }
    let gone = Subject::Group(id);
    for entries in access.acl.values_mut() {
        entries.retain(|e| e.subject != gone);
    }
    access.acl.retain(|_, entries| !entries.is_empty());
    Ok(Reply::null())
}
