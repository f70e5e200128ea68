//! Firewall rules that use an object, and rules that let felhom in.

use serde_json::Value as Json;

use super::{Finding, Request, text};
use crate::api::{Call, lenient};
use crate::fault::Result;
use crate::guard::Item;
use crate::ops::{guests, live, nodes};
use crate::path;
use crate::routes::Risk;
use crate::session::Session;

/// The port of the API.
const API_PORT: u16 = 8006;

/// Checks that no rule in the cluster uses an alias, IP set or group.
pub(super) fn cluster_object(session: &Session, kind: &str, name: &str) -> Result<Finding> {
    let mut places = vec![("cluster".to_owned(), path!["cluster", "firewall", "rules"])];
    for group in list(session, path!["cluster", "firewall", "groups"]).unwrap_or_default() {
        let group = word(&group, "group");
        places.push((format!("group {group}"), path!["cluster", "firewall", "groups", group]));
    }
    for node in nodes::all(session)?.into_iter().filter(nodes::NodeState::online) {
        places.push((format!("node {}", node.node), path!["nodes", node.node, "firewall", "rules"]));
    }
    let guests = guests::all(session)?;
    let own = live::each(&guests, |guest| {
        (guest.label(), list(session, path!["nodes", guest.node, guest.kind, guest.vmid, "firewall", "rules"]))
    });
    let others = places.into_iter().map(|(place, path)| (place, list(session, path)));
    Ok(users(kind, name, others.chain(own)))
}

/// Checks that no rule of a guest uses its alias or IP set.
pub(super) fn guest_object(session: &Session, guest: &[&str], kind: &str, name: &str) -> Result<Finding> {
    let mut path: Vec<String> = guest.iter().map(|part| (*part).to_owned()).collect();
    path.extend(["firewall".to_owned(), "rules".to_owned()]);
    Ok(users(kind, name, std::iter::once((format!("guest {}", guest[3]), list(session, path)))))
}

fn users(kind: &str, name: &str, rules: impl Iterator<Item = (String, Result<Vec<Json>>)>) -> Finding {
    let what = match kind {
        "aliases" => format!("the alias '{name}'"),
        "ipset" => format!("the IP set '{name}'"),
        _ => format!("the security group '{name}'"),
    };
    let mut found = Vec::new();
    let mut unread = None;
    for (place, rules) in rules {
        match rules {
            Ok(rules) => {
                let used = rules.iter().filter(|rule| uses(rule, kind, name));
                found.extend(used.map(|rule| format!("rule {} of {place}", word(rule, "pos"))));
            }
            Err(fault) => unread = Some(fault.message),
        }
    }
    match unread {
        Some(why) if found.is_empty() => Finding::Unknown(format!("rules that use {what}: {why}")),
        _ => Finding::in_use(&what, &found),
    }
}

/// Whether a rule names the object: `+set`, `+dc/set`, `alias`, `dc/alias`, or a group as its action.
fn uses(rule: &Json, kind: &str, name: &str) -> bool {
    if kind == "groups" {
        return word(rule, "type") == "group" && word(rule, "action") == name;
    }
    let set = kind == "ipset";
    let ends = [word(rule, "source"), word(rule, "dest")];
    ends.iter().flat_map(|end| end.split(',')).any(|end| {
        let (marked, rest) = end.strip_prefix('+').map_or((false, end), |rest| (true, rest));
        let bare = rest.rsplit('/').next().unwrap_or(rest);
        // An address such as 192.0.2.0/24 has a slash too.
        marked == set && bare.eq_ignore_ascii_case(name)
    })
}

fn list(session: &Session, path: Vec<String>) -> Result<Vec<Json>> {
    session.client()?.get(&Call::get(path))
}

fn word(object: &Json, key: &str) -> String {
    object.get(key).and_then(lenient::text).unwrap_or_default()
}

/// Warns if the cluster firewall is enabled without a rule for the API.
pub(super) fn enabling(session: &Session, request: &Request, item: Item) -> Result<Item> {
    let options: Json = session.client()?.get(&Call::get(path!["cluster", "firewall", "options"]))?;
    let policy = request.param("policy_in").map_or_else(|| word(&options, "policy_in"), |_| text(request, "policy_in"));
    if word(&options, "enable") == "1" || policy == "ACCEPT" {
        return Ok(item);
    }
    let rules = list(session, path!["cluster", "firewall", "rules"])?;
    if rules.iter().any(lets_in) {
        return Ok(item);
    }
    Ok(item
        .risk(Risk::Disruptive)
        .caution(format!("no rule accepts port {API_PORT}: only the nodes' own networks and the IP set 'management' can still connect"))
        .caution("run first: `felhom firewall rule add --cluster --type in --action ACCEPT --proto tcp --dport 8006`"))
}

/// Whether a rule accepts connections to the API from everywhere.
fn lets_in(rule: &Json) -> bool {
    let port = word(rule, "dport");
    let open = port.is_empty() && word(rule, "macro").is_empty();
    let named = port.split(',').any(|range| {
        let (from, to) = range.split_once(':').unwrap_or((range, range));
        from.parse().is_ok_and(|from: u16| from <= API_PORT) && to.parse().is_ok_and(|to: u16| API_PORT <= to)
    });
    word(rule, "type") == "in"
        && word(rule, "action") == "ACCEPT"
        && word(rule, "enable") == "1"
        && word(rule, "source").is_empty()
        && (open || named)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn objects_are_found_in_rules() {
        let rule = json!({"type": "in", "action": "ACCEPT", "source": "dc/office,+dc/admins,192.0.2.0/24"});
        assert!(uses(&rule, "aliases", "office") && uses(&rule, "ipset", "admins"));
        assert!(!uses(&rule, "ipset", "office") && !uses(&rule, "aliases", "admins") && !uses(&rule, "groups", "ACCEPT"));
        assert!(uses(&json!({"type": "group", "action": "web"}), "groups", "web"));
    }

    #[test]
    fn rules_that_let_felhom_in() {
        let rule = |port: &str, source: &str, enable: u8| {
            lets_in(&json!({"type": "in", "action": "ACCEPT", "enable": enable, "proto": "tcp", "dport": port, "source": source}))
        };
        assert!(rule("8006", "", 1) && rule("22,8000:8010", "", 1) && rule("", "", 1));
        assert!(!rule("8006", "", 0) && !rule("22", "", 1) && !rule("8006", "198.51.100.7", 1));
    }
}
