//! Checks of firewall rules, in the host's order.

use serde_json::Value;

use super::macros;
use crate::api::schema::{ip_version, port_list};
use crate::demo::api::Req;
use crate::demo::state::{Firewall, Map, text};

/// The objects that a rule can refer to.
pub(super) struct Checker {
    kind: Kind,
    cluster: Firewall,
    own: Firewall,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Cluster,
    Host,
    Group,
    Guest,
    Vnet,
}

/// The result of a check.
pub(super) struct Found {
    /// Parameters and messages, in the host's order.
    pub errors: Vec<(String, String)>,
    pub ip_version: Option<u8>,
}

/// Protocols with ports.
const WITH_PORTS: &[&str] = &["tcp", "udp", "udplite", "sctp", "dccp", "6", "17", "33", "132", "136"];
const ICMP: &[&str] = &["icmp", "ipv6-icmp", "icmpv6"];

fn alias_name(text: &str) -> bool {
    let mut chars = text.chars();
    text.len() > 1 && chars.next().is_some_and(|c| c.is_ascii_alphabetic()) && chars.all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
}

impl Checker {
    pub(super) fn new(req: &Req<'_>, scope: &str) -> Self {
        let kind = match scope.split('/').next() {
            Some("group") => Kind::Group,
            Some("guest") => Kind::Guest,
            Some("node") => Kind::Host,
            Some("vnet") => Kind::Vnet,
            _ => Kind::Cluster,
        };
        let own = if matches!(kind, Kind::Guest | Kind::Host | Kind::Vnet) { req.state.firewall(scope) } else { Firewall::default() };
        Self { kind, cluster: req.state.firewall("cluster"), own }
    }

    /// Checks a rule and normalizes the name of its macro.
    pub(super) fn check(&self, rule: &mut Map) -> Found {
        let mut found = Found { errors: Vec::new(), ip_version: None };
        self.direction(rule, &mut found);
        self.interface(rule, &mut found);
        if let Some(name) = rule.get("macro").and_then(Value::as_str).map(str::to_owned) {
            match macros::known(&name) {
                Some(known) => _ = rule.insert("macro".to_owned(), known.into()),
                None => found.error("macro", format!("unknown macro '{name}'")),
            }
        }
        ports(rule, &mut found);
        for key in ["source", "dest"] {
            self.address(rule, key, &mut found);
        }
        found
    }

    fn direction(&self, rule: &Map, found: &mut Found) {
        let (kind, action) = (text(rule, "type"), text(rule, "action"));
        let directions: &[&str] = match self.kind {
            Kind::Guest => &["in", "out", "group"],
            Kind::Group => &["in", "out", "forward"],
            Kind::Cluster | Kind::Host => &["in", "out", "forward", "group"],
            Kind::Vnet => &["forward", "group"],
        };
        if !directions.contains(&kind) {
            found.error("type", format!("invalid rule type '{kind}' for rule_env '{}'", self.environment()));
        }
        match kind {
            "group" if self.kind == Kind::Group => found.error("type", "security groups not allowed"),
            "group" if !alias_name(action) => found.error("action", "invalid characters in security group name"),
            "group" => {}
            "forward" if action == "REJECT" => found.error("action", "cannot define REJECT rules on forward chain"),
            _ if !matches!(action, "ACCEPT" | "DROP" | "REJECT") => found.error("action", format!("unknown action '{action}'")),
            _ => {}
        }
    }

    fn environment(&self) -> &'static str {
        match self.kind {
            Kind::Cluster => "cluster",
            Kind::Host => "host",
            Kind::Group => "group",
            Kind::Guest => "vm",
            Kind::Vnet => "vnet",
        }
    }

    fn interface(&self, rule: &Map, found: &mut Found) {
        let name = text(rule, "iface");
        if name.is_empty() {
            return;
        }
        if matches!(self.kind, Kind::Group | Kind::Vnet) {
            found.error("type", "parameter -i not allowed for this rule type");
        }
        let number = name.strip_prefix("net").is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
        if self.kind == Kind::Guest && !number {
            found.error("iface", "value does not match the regex pattern 'net\\d+'");
        }
    }

    fn address(&self, rule: &Map, key: &str, found: &mut Found) {
        let value = text(rule, key);
        if let Some(set) = value.strip_prefix('+') {
            let name = ["guest/", "dc/", "sdn/"].iter().find_map(|scope| set.strip_prefix(scope)).unwrap_or(set);
            if !alias_name(name) {
                found.error(key, format!("invalid ipset name '{value}'"));
            } else if !self.cluster.ipsets.contains_key(name) && !self.own.ipsets.contains_key(name) {
                found.error(key, format!("no such ipset '{name}'"));
            }
            return;
        }
        let name = ["guest/", "dc/"].iter().find_map(|scope| value.strip_prefix(scope)).unwrap_or(value);
        if alias_name(name) {
            let name = name.to_lowercase();
            let own = self.own.aliases.get(&name).filter(|_| !value.starts_with("dc/"));
            let alias = own.or_else(|| self.cluster.aliases.get(&name).filter(|_| !value.starts_with("guest/")));
            let exists = self.own.aliases.contains_key(&name) || self.cluster.aliases.contains_key(&name);
            if !exists {
                found.error(key, format!("no such alias '{value}'"));
            }
            if let Some(version) = alias.and_then(|alias| ip_version(text(alias, "cidr"))) {
                found.version(version, key);
            }
            return;
        }
        for part in value.split(',').filter(|part| !part.is_empty()) {
            match ip_version(part) {
                Some(version) => found.version(version, key),
                None => found.error(key, format!("invalid IP address: {part}")),
            }
        }
    }
}

fn ports(rule: &Map, found: &mut Found) {
    let proto = text(rule, "proto");
    let is_icmp = ICMP.contains(&proto);
    match proto {
        "icmp" => found.version(4, "proto"),
        "icmpv6" | "ipv6-icmp" => found.version(6, "proto"),
        _ => {}
    }
    for key in ["dport", "sport"] {
        let ports = text(rule, key);
        if ports.is_empty() {
            continue;
        }
        if let Err(why) = port_list(ports, is_icmp && key == "dport") {
            found.error(key, why);
        }
        if proto.is_empty() {
            found.error("proto", format!("missing property - '{key}' requires this property"));
        }
        if !(WITH_PORTS.contains(&proto) || is_icmp && key == "dport") {
            found.error(key, format!("protocol '{proto}' does not support ports"));
        }
    }
    if rule.contains_key("icmp-type") && !is_icmp {
        found.error("proto", "missing property - 'icmp-type' requires this property");
    }
}

impl Found {
    fn error(&mut self, key: &str, why: impl Into<String>) {
        if !self.errors.iter().any(|(known, _)| known == key) {
            self.errors.push((key.to_owned(), why.into()));
        }
    }

    fn version(&mut self, version: u8, key: &str) {
        if self.ip_version.is_some_and(|known| known != version) {
            self.error(key, "detected mixed ipv4/ipv6 addresses in rule");
        }
        self.ip_version = Some(version);
    }
}
