//! Firewall rules.

use serde_json::Value;

use super::verify::{Checker, Found};
use super::{changed_meanwhile, list_digest, scope};
use crate::demo::api::{Answer, Refusal, Reply, Req, Route};
use crate::demo::state::Map;

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/cluster/firewall/rules", list),
    ("POST", "/cluster/firewall/rules", create),
    ("GET", "/cluster/firewall/rules/{pos}", read),
    ("PUT", "/cluster/firewall/rules/{pos}", update),
    ("DELETE", "/cluster/firewall/rules/{pos}", delete),
    ("GET", "/cluster/firewall/groups/{group}", list),
    ("POST", "/cluster/firewall/groups/{group}", create),
    ("GET", "/cluster/firewall/groups/{group}/{pos}", read),
    ("PUT", "/cluster/firewall/groups/{group}/{pos}", update),
    ("DELETE", "/cluster/firewall/groups/{group}/{pos}", delete),
    ("GET", "/cluster/sdn/vnets/{vnet}/firewall/rules", list),
    ("POST", "/cluster/sdn/vnets/{vnet}/firewall/rules", create),
    ("GET", "/cluster/sdn/vnets/{vnet}/firewall/rules/{pos}", read),
    ("PUT", "/cluster/sdn/vnets/{vnet}/firewall/rules/{pos}", update),
    ("DELETE", "/cluster/sdn/vnets/{vnet}/firewall/rules/{pos}", delete),
    ("GET", "/nodes/{node}/firewall/rules", list),
    ("POST", "/nodes/{node}/firewall/rules", create),
    ("GET", "/nodes/{node}/firewall/rules/{pos}", read),
    ("PUT", "/nodes/{node}/firewall/rules/{pos}", update),
    ("DELETE", "/nodes/{node}/firewall/rules/{pos}", delete),
    ("GET", "/nodes/{node}/lxc/{vmid}/firewall/rules", list),
    ("POST", "/nodes/{node}/lxc/{vmid}/firewall/rules", create),
    ("GET", "/nodes/{node}/lxc/{vmid}/firewall/rules/{pos}", read),
    ("PUT", "/nodes/{node}/lxc/{vmid}/firewall/rules/{pos}", update),
    ("DELETE", "/nodes/{node}/lxc/{vmid}/firewall/rules/{pos}", delete),
    ("GET", "/nodes/{node}/qemu/{vmid}/firewall/rules", list),
    ("POST", "/nodes/{node}/qemu/{vmid}/firewall/rules", create),
    ("GET", "/nodes/{node}/qemu/{vmid}/firewall/rules/{pos}", read),
    ("PUT", "/nodes/{node}/qemu/{vmid}/firewall/rules/{pos}", update),
    ("DELETE", "/nodes/{node}/qemu/{vmid}/firewall/rules/{pos}", delete),
];

fn rows(req: &Req<'_>) -> Result<Vec<Value>, Refusal> {
    let scope = scope(req)?;
    let rules = req.state.firewall(&scope).rules;
    let digest = list_digest(&rules);
    let checker = Checker::new(req, &scope);
    let row = |(at, mut rule): (usize, Map)| {
        let Found { errors, ip_version } = checker.check(&mut rule);
        if !errors.is_empty() {
            rule.insert("errors".into(), errors.into_iter().map(|(key, why)| (key, Value::from(why))).collect::<Map>().into());
        }
        if let Some(version) = ip_version {
            rule.insert("ipversion".into(), version.into());
        }
        rule.insert("pos".into(), at.into());
        rule.insert("digest".into(), digest.clone().into());
        Value::Object(rule)
    };
    Ok(rules.into_iter().enumerate().map(row).collect())
}

fn list(req: &mut Req<'_>) -> Answer {
    Ok(Value::Array(rows(req)?).into())
}

/// Returns the position in the path, if there is a rule.
fn position(req: &Req<'_>, rules: usize) -> Result<usize, Refusal> {
    let text = req.params.text("pos");
    text.parse().ok().filter(|at| *at < rules).ok_or_else(|| Refusal::die(format!("no rule at position {text}")))
}

fn read(req: &mut Req<'_>) -> Answer {
    let mut rows = rows(req)?;
    let mut row = rows.swap_remove(position(req, rows.len())?);
    // As in the path, the position is text.
    row["pos"] = req.params.text("pos").into();
    Ok(row.into())
}

const STEERING: &[&str] = &["node", "vmid", "vnet", "pos", "digest", "delete", "moveto", "lock-token"];

/// Returns the properties of a rule in the request. An empty value removes a property.
fn sent(req: &Req<'_>) -> Map {
    let is_group = req.template.contains("/groups/");
    let kept = req.params.iter().filter(|(k, _)| !STEERING.contains(&k.as_str()) && (!is_group || *k != "group"));
    kept.map(|(k, v)| if k == "enable" { (k.clone(), req.params.int("enable").unwrap_or(0).into()) } else { (k.clone(), v.clone()) })
        .collect()
}

fn merge(rule: &mut Map, sent: Map) {
    for (key, value) in sent {
        if value == "" {
            rule.shift_remove(&key);
        } else {
            rule.insert(key, value);
        }
    }
}

/// Refuses a rule with its first error.
fn verify(req: &Req<'_>, scope: &str, rule: &mut Map) -> Result<(), Refusal> {
    match Checker::new(req, scope).check(rule).errors.into_iter().next() {
        Some((key, why)) => Err(Refusal::param(&key, why)),
        None => Ok(()),
    }
}

fn create(req: &mut Req<'_>) -> Answer {
    let scope = scope(req)?;
    let mut rule = Map::new();
    merge(&mut rule, sent(req));
    verify(req, &scope, &mut rule)?;
    rule.entry("enable").or_insert_with(|| 0.into());
    req.state.firewall_mut(&scope).rules.insert(0, rule);
    Ok(Reply::null())
}

fn update(req: &mut Req<'_>) -> Answer {
    let scope = scope(req)?;
    let mut rules = req.state.firewall(&scope).rules;
    changed_meanwhile(req, &list_digest(&rules))?;
    let at = position(req, rules.len())?;
    if let Some(to) = req.params.int("moveto").and_then(|t| usize::try_from(t).ok()).filter(|t| *t != at) {
        // The target position refers to the old list.
        let rule = rules.remove(at);
        let to = if to > at { to - 1 } else { to };
        rules.insert(to.min(rules.len()), rule);
    } else {
        let mut rule = rules[at].clone();
        merge(&mut rule, sent(req));
        for key in req.params.list("delete") {
            rule.shift_remove(&key);
        }
        verify(req, &scope, &mut rule)?;
        rules[at] = rule;
    }
    req.state.firewall_mut(&scope).rules = rules;
    Ok(Reply::null())
}

fn delete(req: &mut Req<'_>) -> Answer {
    let scope = scope(req)?;
    let mut rules = req.state.firewall(&scope).rules;
    changed_meanwhile(req, &list_digest(&rules))?;
    let at = position(req, rules.len())?;
    rules.remove(at);
    req.state.firewall_mut(&scope).rules = rules;
    Ok(Reply::null())
}
