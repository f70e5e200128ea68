//! Aliases and IP sets.

use serde_json::Value;

use super::{changed_meanwhile, list_digest, scope, with_digest};
use crate::api::schema::ip_version;
use crate::demo::api::{Answer, Refusal, Reply, Req, Route};
use crate::demo::state::Map;

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/cluster/firewall/aliases", aliases),
    ("POST", "/cluster/firewall/aliases", create_alias),
    ("GET", "/cluster/firewall/aliases/{name}", alias),
    ("PUT", "/cluster/firewall/aliases/{name}", update_alias),
    ("DELETE", "/cluster/firewall/aliases/{name}", delete_alias),
    ("GET", "/nodes/{node}/lxc/{vmid}/firewall/aliases", aliases),
    ("POST", "/nodes/{node}/lxc/{vmid}/firewall/aliases", create_alias),
    ("GET", "/nodes/{node}/lxc/{vmid}/firewall/aliases/{name}", alias),
    ("PUT", "/nodes/{node}/lxc/{vmid}/firewall/aliases/{name}", update_alias),
    ("DELETE", "/nodes/{node}/lxc/{vmid}/firewall/aliases/{name}", delete_alias),
    ("GET", "/nodes/{node}/qemu/{vmid}/firewall/aliases", aliases),
    ("POST", "/nodes/{node}/qemu/{vmid}/firewall/aliases", create_alias),
    ("GET", "/nodes/{node}/qemu/{vmid}/firewall/aliases/{name}", alias),
    ("PUT", "/nodes/{node}/qemu/{vmid}/firewall/aliases/{name}", update_alias),
    ("DELETE", "/nodes/{node}/qemu/{vmid}/firewall/aliases/{name}", delete_alias),
    ("GET", "/cluster/firewall/ipset", sets),
    ("POST", "/cluster/firewall/ipset", create_set),
    ("GET", "/cluster/firewall/ipset/{name}", members),
    ("POST", "/cluster/firewall/ipset/{name}", add_member),
    ("DELETE", "/cluster/firewall/ipset/{name}", delete_set),
    ("GET", "/cluster/firewall/ipset/{name}/{cidr}", member),
    ("PUT", "/cluster/firewall/ipset/{name}/{cidr}", update_member),
    ("DELETE", "/cluster/firewall/ipset/{name}/{cidr}", delete_member),
    ("GET", "/nodes/{node}/lxc/{vmid}/firewall/ipset", sets),
    ("POST", "/nodes/{node}/lxc/{vmid}/firewall/ipset", create_set),
    ("GET", "/nodes/{node}/lxc/{vmid}/firewall/ipset/{name}", members),
    ("POST", "/nodes/{node}/lxc/{vmid}/firewall/ipset/{name}", add_member),
    ("DELETE", "/nodes/{node}/lxc/{vmid}/firewall/ipset/{name}", delete_set),
    ("GET", "/nodes/{node}/lxc/{vmid}/firewall/ipset/{name}/{cidr}", member),
    ("PUT", "/nodes/{node}/lxc/{vmid}/firewall/ipset/{name}/{cidr}", update_member),
    ("DELETE", "/nodes/{node}/lxc/{vmid}/firewall/ipset/{name}/{cidr}", delete_member),
    ("GET", "/nodes/{node}/qemu/{vmid}/firewall/ipset", sets),
    ("POST", "/nodes/{node}/qemu/{vmid}/firewall/ipset", create_set),
    ("GET", "/nodes/{node}/qemu/{vmid}/firewall/ipset/{name}", members),
    ("POST", "/nodes/{node}/qemu/{vmid}/firewall/ipset/{name}", add_member),
    ("DELETE", "/nodes/{node}/qemu/{vmid}/firewall/ipset/{name}", delete_set),
    ("GET", "/nodes/{node}/qemu/{vmid}/firewall/ipset/{name}/{cidr}", member),
    ("PUT", "/nodes/{node}/qemu/{vmid}/firewall/ipset/{name}/{cidr}", update_member),
    ("DELETE", "/nodes/{node}/qemu/{vmid}/firewall/ipset/{name}/{cidr}", delete_member),
];

fn alias_row(name: &str, alias: &Map) -> Map {
    let mut row = alias.clone();
    row.insert("name".into(), name.into());
    if let Some(version) = alias.get("cidr").and_then(Value::as_str).and_then(ip_version) {
        row.insert("ipversion".into(), version.into());
    }
    row
}

fn alias_rows(req: &Req<'_>, scope: &str) -> Vec<Map> {
    req.state.firewall(scope).aliases.iter().map(|(name, alias)| alias_row(name, alias)).collect()
}

fn aliases(req: &mut Req<'_>) -> Answer {
    Ok(Value::Array(with_digest(alias_rows(req, &scope(req)?))).into())
}

fn no_alias() -> Refusal {
    Refusal::param("name", "no such alias")
}

fn alias(req: &mut Req<'_>) -> Answer {
    let (firewall, name) = (req.state.firewall(&scope(req)?), req.params.text("name").to_lowercase());
    let found = firewall.aliases.get(&name).ok_or_else(no_alias)?;
    Ok(Value::Object(alias_row(&name, found)).into())
}

/// Returns network and comment in the request; empty comments are not stored.
fn sent(req: &Req<'_>, cidr: &str) -> Map {
    let mut row = Map::from_iter([("cidr".to_owned(), cidr.into())]);
    if let Some(comment) = req.params.get("comment").filter(|text| !text.is_empty()) {
        row.insert("comment".into(), comment.into());
    }
    row
}

/// Returns an address without a prefix length that covers one address.
fn clean(cidr: &str) -> String {
    let full = if cidr.contains(':') { "/128" } else { "/32" };
    cidr.strip_suffix(full).unwrap_or(cidr).to_owned()
}

fn already(name: &str) -> Refusal {
    Refusal::param("name", format!("alias '{name}' already exists"))
}

fn create_alias(req: &mut Req<'_>) -> Answer {
    let (scope, name) = (scope(req)?, req.params.text("name").to_owned());
    let row = sent(req, &clean(req.params.text("cidr")));
    let aliases = &mut req.state.firewall_mut(&scope).aliases;
    if aliases.contains_key(&name.to_lowercase()) {
        return Err(already(&name));
    }
    aliases.insert(name.to_lowercase(), row);
    Ok(Reply::null())
}

fn update_alias(req: &mut Req<'_>) -> Answer {
    let (scope, name) = (scope(req)?, req.params.text("name").to_lowercase());
    let row = sent(req, &clean(req.params.text("cidr")));
    let rename = req.params.get("rename").map(str::to_owned);
    changed_meanwhile(req, &list_digest(&alias_rows(req, &scope)))?;
    let aliases = &mut req.state.firewall_mut(&scope).aliases;
    if !aliases.contains_key(&name) {
        return Err(no_alias());
    }
    let new = rename.as_deref().unwrap_or(&name).to_lowercase();
    if new != name && aliases.contains_key(&new) {
        return Err(already(rename.as_deref().unwrap_or(&name)));
    }
    aliases.remove(&name);
    aliases.insert(new, row);
    Ok(Reply::null())
}

fn delete_alias(req: &mut Req<'_>) -> Answer {
    let (scope, name) = (scope(req)?, req.params.text("name").to_lowercase());
    changed_meanwhile(req, &list_digest(&alias_rows(req, &scope)))?;
    req.state.firewall_mut(&scope).aliases.remove(&name);
    Ok(Reply::null())
}

fn set_rows(req: &Req<'_>, scope: &str) -> Vec<Map> {
    let firewall = req.state.firewall(scope);
    let row = |name: &String| {
        let mut row = Map::from_iter([("name".to_owned(), name.as_str().into())]);
        if let Some(comment) = firewall.ipset_comments.get(name) {
            row.insert("comment".into(), comment.as_str().into());
        }
        row
    };
    firewall.ipsets.keys().map(row).collect()
}

fn sets(req: &mut Req<'_>) -> Answer {
    Ok(Value::Array(with_digest(set_rows(req, &scope(req)?))).into())
}

fn create_set(req: &mut Req<'_>) -> Answer {
    let (scope, name) = (scope(req)?, req.params.text("name").to_owned());
    let (rename, comment) = (req.params.get("rename").map(str::to_owned), req.params.get("comment").map(str::to_owned));
    if rename.is_some() {
        changed_meanwhile(req, &list_digest(&set_rows(req, &scope)))?;
    }
    let firewall = req.state.firewall_mut(&scope);
    let taken = firewall.ipsets.contains_key(&name);
    let exists = || Refusal::param("name", format!("IPSet '{name}' already exists"));
    let (members, old_comment) = match rename {
        Some(old) => {
            if !firewall.ipsets.contains_key(&old) {
                return Err(Refusal::param("name", format!("IPSet '{old}' does not exist")));
            }
            if taken && old != name {
                return Err(exists());
            }
            (firewall.ipsets.remove(&old).unwrap_or_default(), firewall.ipset_comments.remove(&old))
        }
        None if taken => return Err(exists()),
        None => (Vec::new(), None),
    };
    if let Some(comment) = comment.or(old_comment).filter(|text| !text.is_empty()) {
        firewall.ipset_comments.insert(name.clone(), comment);
    }
    firewall.ipsets.insert(name, members);
    Ok(Reply::null())
}

/// Returns the members of the set in the path.
fn the_set<'a>(req: &'a mut Req<'_>) -> Result<&'a mut Vec<Map>, Refusal> {
    let (scope, name) = (scope(req)?, req.params.text("name").to_owned());
    let missing = || Refusal::die(format!("no such IPSet '{name}'"));
    req.state.firewall_mut(&scope).ipsets.get_mut(&name).ok_or_else(missing)
}

fn members(req: &mut Req<'_>) -> Answer {
    Ok(Value::Array(with_digest(the_set(req)?.clone())).into())
}

fn cidr(member: &Map) -> &str {
    member.get("cidr").and_then(Value::as_str).unwrap_or_default()
}

/// Returns network, comment and exclusion in the request.
fn sent_member(req: &Req<'_>, cidr: &str) -> Map {
    let mut row = sent(req, cidr);
    if req.params.flag("nomatch") {
        row.insert("nomatch".into(), 1.into());
    }
    row
}

fn add_member(req: &mut Req<'_>) -> Answer {
    the_set(req)?;
    let given = req.params.text("cidr").to_owned();
    let alias = ["dc/", "guest/"].iter().find_map(|scope| given.strip_prefix(scope)).unwrap_or(&given).to_lowercase();
    let cleaned = if ip_version(&given).is_some() {
        clean(&given)
    } else {
        let scope = scope(req)?;
        let known = |scope: &str| req.state.firewall(scope).aliases.contains_key(&alias);
        if !(known(&scope) || known("cluster")) {
            return Err(Refusal::die(format!("no such alias '{alias}'")));
        }
        given
    };
    let row = sent_member(req, &cleaned);
    let set = the_set(req)?;
    if set.iter().any(|m| cidr(m) == cleaned) {
        return Err(Refusal::param("cidr", format!("address '{cleaned}' already exists")));
    }
    if cleaned.ends_with("/0") {
        return Err(Refusal::param("cidr", "a zero prefix is not allowed in ipset entries"));
    }
    set.insert(0, row);
    Ok(Reply::null())
}

fn no_member() -> Refusal {
    Refusal::param("cidr", "no such IP/Network")
}

fn member(req: &mut Req<'_>) -> Answer {
    let wanted = req.params.text("cidr").to_owned();
    let found = with_digest(the_set(req)?.clone()).into_iter().find(|m| m["cidr"] == wanted.as_str());
    found.map(Reply::from).ok_or_else(no_member)
}

fn update_member(req: &mut Req<'_>) -> Answer {
    let wanted = req.params.text("cidr").to_owned();
    let digest = list_digest(the_set(req)?);
    changed_meanwhile(req, &digest)?;
    let row = sent_member(req, &wanted);
    *the_set(req)?.iter_mut().find(|m| cidr(m) == wanted).ok_or_else(no_member)? = row;
    Ok(Reply::null())
}

fn delete_member(req: &mut Req<'_>) -> Answer {
    let wanted = req.params.text("cidr").to_owned();
    let digest = list_digest(the_set(req)?);
    changed_meanwhile(req, &digest)?;
    the_set(req)?.retain(|m| cidr(m) != wanted);
    Ok(Reply::null())
}

fn delete_set(req: &mut Req<'_>) -> Answer {
    let force = req.params.flag("force");
    if !the_set(req)?.is_empty() && !force {
        return Err(Refusal::die(format!("IPSet '{}' is not empty", req.params.text("name"))));
    }
    let (scope, name) = (scope(req)?, req.params.text("name").to_owned());
    let firewall = req.state.firewall_mut(&scope);
    firewall.ipsets.remove(&name);
    firewall.ipset_comments.remove(&name);
    Ok(Reply::null())
}
