//! Rules, in their order.

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

/// A rule of type `group` names a security group; the others name an action that is one.
fn verify(req: &Req<'_>, rule: &Map) -> Result<(), Refusal> {
    let text = |key: &str| rule.get(key).and_then(Value::as_str).unwrap_or_default();
    let action = text("action");
    if text("type") == "group" {
        let known = req.state.firewalls.contains_key(&format!("group/{action}"));
        return if known { Ok(()) } else { Err(Refusal::param("action", format!("security group '{action}' does not exist"))) };
    }
    if !matches!(action, "ACCEPT" | "DROP" | "REJECT") {
        return Err(Refusal::param("action", format!("unknown action '{action}'")));
    }
    if (rule.contains_key("dport") || rule.contains_key("sport")) && text("proto").is_empty() {
        return Err(Refusal::param("proto", "missing property - 'dport' and 'sport' require this property"));
    }
    Ok(())
}

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
