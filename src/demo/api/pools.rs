//! Pools.

use serde_json::{Value, json};

use super::cluster::{guest_row, storage_row};
use super::{Answer, Refusal, Reply, Req, Route};
use crate::demo::auth::check_perm_modify;
use crate::demo::state::Pool;

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/pools", list),
    ("POST", "/pools", create),
    ("PUT", "/pools", update),
    ("DELETE", "/pools", delete),
    ("GET", "/pools/{poolid}", read),
    ("PUT", "/pools/{poolid}", update),
    ("DELETE", "/pools/{poolid}", delete),
];

fn list(req: &mut Req<'_>) -> Answer {
    if let Some(id) = req.params.get("poolid") {
        req.check(&format!("/pool/{id}"), &["Pool.Audit"])?;
        let pool = req.state.pools.get(id).ok_or_else(|| Refusal::die(format!("pool '{id}' does not exist")))?;
        return Ok(json!([details(req, id, pool)]).into());
    }
    let pools = req.state.pools.iter().filter(|(id, _)| req.may(&format!("/pool/{id}"), &["Pool.Audit"]));
    let rows = pools.map(|(id, pool)| {
        let mut row = json!({ "poolid": id });
        if !pool.comment.is_empty() {
            row["comment"] = pool.comment.clone().into();
        }
        row
    });
    Ok(rows.collect::<Value>().into())
}

fn details(req: &Req<'_>, id: &str, pool: &Pool) -> Value {
    let wanted = req.params.get("type");
    let mut members = Vec::new();
    for vmid in &pool.guests {
        if let Some(guest) = req.state.guests.get(vmid).filter(|g| wanted.is_none_or(|w| w == g.kind.word())) {
            members.push(guest_row(guest, req.now()));
        }
    }
    for storage in pool.storages.iter().filter(|_| wanted.is_none_or(|w| w == "storage")) {
        if let Some(known) = req.state.storages.get(storage) {
            let on = req.state.nodes.keys().filter(|n| known.on_node(n));
            members.extend(on.map(|node| storage_row(storage, known, node)));
        }
    }
    let mut data = json!({ "poolid": id, "members": members });
    if !pool.comment.is_empty() {
        data["comment"] = pool.comment.clone().into();
    }
    data
}

fn read(req: &mut Req<'_>) -> Answer {
    let id = req.params.text("poolid");
    let pool = req.state.pools.get(id).ok_or_else(|| Refusal::die(format!("pool '{id}' does not exist")))?;
    Ok(details(req, id, pool).into())
}

fn create(req: &mut Req<'_>) -> Answer {
    let id = req.params.text("poolid").to_owned();
    let failed = |why: String| Err(Refusal::die(format!("create pool failed: {why}")));
    if req.state.pools.contains_key(&id) {
        return failed(format!("pool '{id}' already exists"));
    }
    if let Some((parent, _)) = id.rsplit_once('/')
        && !req.state.pools.contains_key(parent)
    {
        return failed(format!("parent '{parent}' of pool '{id}' does not exist"));
    }
    let leaf = id.rsplit('/').next().unwrap_or(&id);
    if !leaf.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return failed("pool name must start with a letter".to_owned());
    }
    let comment = req.params.text("comment").to_owned();
    req.state.pools.insert(id, Pool { comment, ..Pool::default() });
    Ok(Reply::null())
}

fn update(req: &mut Req<'_>) -> Answer {
    let id = req.params.text("poolid").to_owned();
    let what = if req.template == "/pools" { "pools" } else { "pool" };
    let failed = |why: String| Refusal::die(format!("update {what} failed: {why}"));
    let mut pool = req.state.pools.get(&id).cloned().ok_or_else(|| failed(format!("pool '{id}' does not exist")))?;
    if let Some(comment) = req.params.get("comment") {
        comment.clone_into(&mut pool.comment);
    }
    let (remove, allow_move) = (req.params.flag("delete"), req.params.flag("allow-move"));
    let denied = |r: Refusal| failed(format!("{} {}", r.status, r.message));
    let mut moved = Vec::new();
    for vmid in req.params.list("vms").iter().filter_map(|v| v.parse::<u32>().ok()) {
        check_perm_modify(req.state, req.who, &format!("/vms/{vmid}")).map_err(denied)?;
        if remove {
            if !pool.guests.remove(&vmid) {
                return Err(failed(format!("VM {vmid} is not a pool member")));
            }
            continue;
        }
        if pool.guests.contains(&vmid) {
            return Err(failed(format!("VM {vmid} is already a pool member")));
        }
        if let Some(other) = req.state.pool_of(vmid) {
            if !allow_move {
                return Err(failed(format!("VM {vmid} belongs already to pool '{other}' and 'allow-move' is not set")));
            }
            req.check(&format!("/pool/{other}"), &["Pool.Allocate"]).map_err(denied)?;
            moved.push(vmid);
        }
        pool.guests.insert(vmid);
    }
    for storage in req.params.list("storage") {
        check_perm_modify(req.state, req.who, &format!("/storage/{storage}")).map_err(denied)?;
        if remove && !pool.storages.remove(&storage) {
            return Err(failed(format!("Storage '{storage}' is not a pool member")));
        }
        if !remove && !pool.storages.insert(storage.clone()) {
            return Err(failed(format!("Storage '{storage}' is already a pool member")));
        }
    }
    for other in req.state.pools.values_mut() {
        other.guests.retain(|vmid| !moved.contains(vmid));
    }
    req.state.pools.insert(id, pool);
    Ok(Reply::null())
}

fn delete(req: &mut Req<'_>) -> Answer {
    let id = req.params.text("poolid").to_owned();
    let failed = |why: String| Refusal::die(format!("delete pool failed: {why}"));
    let pool = req.state.pools.get(&id).ok_or_else(|| failed(format!("pool '{id}' does not exist")))?;
    let full = |what: String| failed(format!("pool '{id}' is not empty (contains {what})"));
    let below = format!("{id}/");
    if let Some(sub) = req.state.pools.keys().find(|other| other.starts_with(&below)) {
        return Err(full(format!("pool '{sub}'")));
    }
    // Missing members do not count.
    if let Some(vmid) = pool.guests.iter().find(|vmid| req.state.guests.contains_key(vmid)) {
        return Err(full(format!("VM {vmid}")));
    }
    if let Some(storage) = pool.storages.iter().find(|storage| req.state.storages.contains_key(*storage)) {
        return Err(full(format!("storage '{storage}'")));
    }
    req.state.pools.remove(&id);
    req.state.access.acl.remove(&format!("/pool/{id}"));
    Ok(Reply::null())
}
