//! Security groups: named lists of rules.

use serde_json::{Value, json};

use super::scope;
use crate::demo::api::{Answer, Refusal, Reply, Req, Route};
use crate::demo::state::sha1_hex;

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/cluster/firewall/groups", list),
    ("POST", "/cluster/firewall/groups", create),
    ("DELETE", "/cluster/firewall/groups/{group}", delete),
];

fn list(req: &mut Req<'_>) -> Answer {
    let groups = req.state.firewalls.iter().filter_map(|(scope, fw)| Some((scope.strip_prefix("group/")?, fw)));
    let rows = groups.map(|(name, fw)| {
        let mut row = json!({ "group": name, "digest": sha1_hex(name) });
        if !fw.comment.is_empty() {
            row["comment"] = fw.comment.clone().into();
        }
        row
    });
    Ok(rows.collect::<Value>().into())
}

fn create(req: &mut Req<'_>) -> Answer {
    let (name, comment) = (req.params.text("group").to_owned(), req.params.get("comment").map(str::to_owned));
    let target = format!("group/{name}");
    if let Some(old) = req.params.get("rename").map(str::to_owned) {
        let missing = || Refusal::param("group", format!("Security group '{old}' does not exist"));
        let mut moved = req.state.firewalls.remove(&format!("group/{old}")).ok_or_else(missing)?;
        if let Some(comment) = comment {
            moved.comment = comment;
        }
        req.state.firewalls.insert(target, moved);
        return Ok(Reply::null());
    }
    if req.state.firewalls.contains_key(&target) {
        return Err(Refusal::param("group", format!("Security group '{name}' already exists")));
    }
    req.state.firewall_mut(&target).comment = comment.unwrap_or_default();
    Ok(Reply::null())
}

fn delete(req: &mut Req<'_>) -> Answer {
    let Ok(scope) = scope(req) else { return Ok(Reply::null()) };
    if !req.state.firewall(&scope).rules.is_empty() {
        return Err(Refusal::die(format!("Security group '{}' is not empty", req.params.text("group"))));
    }
    req.state.firewalls.remove(&scope);
    Ok(Reply::null())
}
