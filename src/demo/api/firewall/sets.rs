//! Aliases and IP sets.

use serde_json::{Value, json};

use super::{changed_meanwhile, scope};
use crate::demo::api::{Answer, Refusal, Reply, Req, Route};
use crate::demo::state::{Map, sha1_hex};

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
    ("DELETE", "/cluster/firewall/ipset/{name}/{cidr}", delete_member),
    ("GET", "/nodes/{node}/lxc/{vmid}/firewall/ipset", sets),
    ("POST", "/nodes/{node}/lxc/{vmid}/firewall/ipset", create_set),
    ("GET", "/nodes/{node}/lxc/{vmid}/firewall/ipset/{name}", members),
    ("POST", "/nodes/{node}/lxc/{vmid}/firewall/ipset/{name}", add_member),
    ("DELETE", "/nodes/{node}/lxc/{vmid}/firewall/ipset/{name}", delete_set),
    ("GET", "/nodes/{node}/lxc/{vmid}/firewall/ipset/{name}/{cidr}", member),
    ("DELETE", "/nodes/{node}/lxc/{vmid}/firewall/ipset/{name}/{cidr}", delete_member),
    ("GET", "/nodes/{node}/qemu/{vmid}/firewall/ipset", sets),
    ("POST", "/nodes/{node}/qemu/{vmid}/firewall/ipset", create_set),
    ("GET", "/nodes/{node}/qemu/{vmid}/firewall/ipset/{name}", members),
    ("POST", "/nodes/{node}/qemu/{vmid}/firewall/ipset/{name}", add_member),
    ("DELETE", "/nodes/{node}/qemu/{vmid}/firewall/ipset/{name}", delete_set),
    ("GET", "/nodes/{node}/qemu/{vmid}/firewall/ipset/{name}/{cidr}", member),
    ("DELETE", "/nodes/{node}/qemu/{vmid}/firewall/ipset/{name}/{cidr}", delete_member),
];

/// What was sent about an alias or a member.
fn sent(req: &Req<'_>, keys: &[&str]) -> Map {
    let mut row = Map::new();
    for key in keys {
        if let Some(value) = req.params.0.get(*key) {
            row.insert((*key).into(), value.clone());
        }
    }
    row
}

fn alias_row(name: &str, alias: &Map) -> Value {
    let mut row = alias.clone();
    row.insert("name".into(), name.into());
    row.insert("digest".into(), sha1_hex(&json!(alias).to_string()).into());
    Value::Object(row)
}

fn aliases(req: &mut Req<'_>) -> Answer {
    let firewall = req.state.firewall(&scope(req)?);
    Ok(firewall.aliases.iter().map(|(name, alias)| alias_row(name, alias)).collect::<Value>().into())
}

fn alias(req: &mut Req<'_>) -> Answer {
    let (firewall, name) = (req.state.firewall(&scope(req)?), req.params.text("name").to_lowercase());
    let found = firewall.aliases.get(&name).ok_or_else(|| Refusal::param("name", "no such alias"))?;
    Ok(alias_row(&name, found).into())
}

fn create_alias(req: &mut Req<'_>) -> Answer {
    let (scope, name, row) = (scope(req)?, req.params.text("name").to_lowercase(), sent(req, &["cidr", "comment"]));
    let firewall = req.state.firewall_mut(&scope);
    if firewall.aliases.contains_key(&name) {
        return Err(Refusal::param("name", format!("alias '{name}' already exists")));
    }
    firewall.aliases.insert(name, row);
    Ok(Reply::null())
}

fn update_alias(req: &mut Req<'_>) -> Answer {
    let (scope, name, row) = (scope(req)?, req.params.text("name").to_lowercase(), sent(req, &["cidr", "comment"]));
    let rename = req.params.get("rename").map(str::to_lowercase);
    let known = req.state.firewall(&scope).aliases.get(&name).cloned().ok_or_else(|| Refusal::param("name", "no such alias"))?;
    changed_meanwhile(req, &sha1_hex(&json!(known).to_string()))?;
    let aliases = &mut req.state.firewall_mut(&scope).aliases;
    aliases.remove(&name);
    let mut alias = known;
    alias.extend(row);
    aliases.insert(rename.unwrap_or(name), alias);
    Ok(Reply::null())
}

fn delete_alias(req: &mut Req<'_>) -> Answer {
    let (scope, name) = (scope(req)?, req.params.text("name").to_lowercase());
    req.state.firewall_mut(&scope).aliases.remove(&name);
    Ok(Reply::null())
}

fn sets(req: &mut Req<'_>) -> Answer {
    let firewall = req.state.firewall(&scope(req)?);
    Ok(firewall.ipsets.keys().map(|name| json!({ "name": name, "digest": sha1_hex(name) })).collect::<Value>().into())
}

fn create_set(req: &mut Req<'_>) -> Answer {
    let (scope, name) = (scope(req)?, req.params.text("name").to_owned());
    let rename = req.params.get("rename").map(str::to_owned);
    let sets = &mut req.state.firewall_mut(&scope).ipsets;
    if let Some(old) = rename {
        let members = sets.remove(&old).ok_or_else(|| Refusal::param("name", format!("IPSet '{old}' does not exist")))?;
        sets.insert(name, members);
        return Ok(Reply::null());
    }
    if sets.contains_key(&name) {
        return Err(Refusal::param("name", format!("IPSet '{name}' already exists")));
    }
    sets.insert(name, Vec::new());
    Ok(Reply::null())
}

/// The members of the set of the path.
fn the_set<'a>(req: &'a mut Req<'_>) -> Result<&'a mut Vec<Map>, Refusal> {
    let (scope, name) = (scope(req)?, req.params.text("name").to_owned());
    let missing = || Refusal::die(format!("no such IPSet '{name}'"));
    req.state.firewall_mut(&scope).ipsets.get_mut(&name).ok_or_else(missing)
}

fn members(req: &mut Req<'_>) -> Answer {
    let rows = the_set(req)?.iter().map(|m| {
        let mut row = m.clone();
        row.insert("digest".into(), sha1_hex(&json!(m).to_string()).into());
        Value::Object(row)
    });
    Ok(rows.collect::<Value>().into())
}

fn cidr(member: &Map) -> &str {
    member.get("cidr").and_then(Value::as_str).unwrap_or_default()
}

fn add_member(req: &mut Req<'_>) -> Answer {
    let (wanted, row) = (req.params.text("cidr").to_owned(), sent(req, &["cidr", "comment", "nomatch"]));
    let set = the_set(req)?;
    if set.iter().any(|m| cidr(m) == wanted) {
        return Err(Refusal::param("cidr", format!("address '{wanted}' already exists")));
    }
    set.insert(0, row);
    Ok(Reply::null())
}

fn member(req: &mut Req<'_>) -> Answer {
    let wanted = req.params.text("cidr").to_owned();
    let found = the_set(req)?.iter().find(|m| cidr(m) == wanted).cloned();
    found.map(|m| Value::Object(m).into()).ok_or_else(|| Refusal::param("cidr", "no such IP/Network"))
}

fn delete_member(req: &mut Req<'_>) -> Answer {
    let wanted = req.params.text("cidr").to_owned();
    the_set(req)?.retain(|m| cidr(m) != wanted);
    Ok(Reply::null())
}

fn delete_set(req: &mut Req<'_>) -> Answer {
    let force = req.params.flag("force");
    if !force && !the_set(req)?.is_empty() {
        return Err(Refusal::die(format!("IPSet '{}' is not empty", req.params.text("name"))));
    }
    let (scope, name) = (scope(req)?, req.params.text("name").to_owned());
    req.state.firewall_mut(&scope).ipsets.remove(&name);
    Ok(Reply::null())
}
