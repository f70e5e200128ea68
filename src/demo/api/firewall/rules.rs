//! Rules, in their order.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{changed_meanwhile, scope};
use crate::demo::api::{Answer, Refusal, Reply, Req, Route};
use crate::demo::state::{Map, sha1_hex};

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

fn digest(rules: &[Map]) -> String {
    sha1_hex(&json!(rules).to_string())
}

fn row(rules: &[Map], at: usize, pos: Value) -> Value {
    let mut row = rules[at].clone();
    row.insert("pos".into(), pos);
    row.insert("digest".into(), digest(rules).into());
    Value::Object(row)
}

fn list(req: &mut Req<'_>) -> Answer {
    let rules = req.state.firewall(&scope(req)?).rules;
    Ok((0..rules.len()).map(|at| row(&rules, at, at.into())).collect::<Value>().into())
}

/// The position of the path, if there is a rule.
fn position(req: &Req<'_>, rules: &[Map]) -> Result<usize, Refusal> {
    let text = req.params.text("pos");
    text.parse().ok().filter(|at| *at < rules.len()).ok_or_else(|| Refusal::die(format!("no rule at position {text}")))
}

fn read(req: &mut Req<'_>) -> Answer {
    let rules = req.state.firewall(&scope(req)?).rules;
    let at = position(req, &rules)?;
    Ok(row(&rules, at, req.params.text("pos").into()).into())
}

const STEERING: &[&str] = &["node", "vmid", "pos", "digest", "delete", "moveto"];

fn sent(req: &Req<'_>) -> Map {
    let is_group = req.template.contains("/groups/");
    let kept = req.params.iter().filter(|(k, _)| !STEERING.contains(&k.as_str()) && (!is_group || *k != "group"));
    kept.map(|(k, v)| if k == "enable" { (k.clone(), req.params.int("enable").unwrap_or(0).into()) } else { (k.clone(), v.clone()) })
        .collect()
}

/// What the host would complain about, by parameter.
fn verify(req: &Req<'_>, rule: &Map) -> Result<(), Refusal> {
    let text = |key: &str| rule.get(key).and_then(Value::as_str).unwrap_or_default();
    let mut errors = BTreeMap::new();
    let (kind, action, proto) = (text("type"), text("action"), text("proto"));
    match kind {
        "in" | "out" if !matches!(action, "ACCEPT" | "DROP" | "REJECT") => {
            errors.insert("action".to_owned(), format!("unknown action '{action}'"));
        }
        "group" if req.template.contains("/groups/") => {
            errors.insert("type".to_owned(), "security groups not allowed".to_owned());
        }
        "group" if !action.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)) => {
            errors.insert("action".to_owned(), "invalid characters in security group name".to_owned());
        }
        _ => {}
    }
    for key in ["dport", "sport"] {
        if rule.contains_key(key) && proto.is_empty() {
            errors.insert("proto".to_owned(), format!("missing property - '{key}' requires this property"));
        }
        if rule.contains_key(key) && !PORTS.contains(&proto) {
            errors.insert(key.to_owned(), format!("protocol '{proto}' does not support ports"));
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(Refusal::params(errors)) }
}

/// Protocols that have ports.
const PORTS: &[&str] = &["tcp", "udp", "udplite", "sctp", "dccp", "icmp", "ipv6-icmp", "icmpv6", "6", "17", "33", "132", "136"];

fn create(req: &mut Req<'_>) -> Answer {
    let scope = scope(req)?;
    let mut rule = sent(req);
    verify(req, &rule)?;
    rule.entry("enable").or_insert_with(|| 0.into());
    req.state.firewall_mut(&scope).rules.insert(0, rule);
    Ok(Reply::null())
}

fn update(req: &mut Req<'_>) -> Answer {
    let scope = scope(req)?;
    let mut rules = req.state.firewall(&scope).rules;
    changed_meanwhile(req, &digest(&rules))?;
    let at = position(req, &rules)?;
    if let Some(to) = req.params.int("moveto").and_then(|t| usize::try_from(t).ok()).filter(|t| *t != at) {
        // The target counts in the old list.
        let rule = rules.remove(at);
        let to = if to > at { to - 1 } else { to };
        rules.insert(to.min(rules.len()), rule);
    } else {
        let mut rule = rules[at].clone();
        rule.extend(sent(req));
        for key in req.params.list("delete") {
            rule.shift_remove(&key);
        }
        verify(req, &rule)?;
        rules[at] = rule;
    }
    req.state.firewall_mut(&scope).rules = rules;
    Ok(Reply::null())
}

fn delete(req: &mut Req<'_>) -> Answer {
    let scope = scope(req)?;
    let mut rules = req.state.firewall(&scope).rules;
    changed_meanwhile(req, &digest(&rules))?;
    let at = position(req, &rules)?;
    rules.remove(at);
    req.state.firewall_mut(&scope).rules = rules;
    Ok(Reply::null())
}
