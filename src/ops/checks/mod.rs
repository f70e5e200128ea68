//! Checks that the host does not make: members that do not exist, objects in use, and changes that lock felhom out.
//!
//! They apply to declared commands and to raw API calls alike. `--force` turns a refusal into a warning.

mod access;
mod cluster;
mod firewall;
mod network;
mod storage;
mod uses;

use crate::api::cluster::{self as cluster_api, Member};
use crate::api::{Method, Request, Value, list};
use crate::fault::{Fault, Kind, Result};
use crate::guard::Item;
use crate::ops::guests::Guest;
use crate::session::Session;

/// Adds what a call would break, or refuses it.
pub fn assess(session: &Session, request: &Request, item: Item) -> Result<Item> {
    let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
    let finding = match (request.method, &path[..]) {
        (Method::Put, ["pools", ..]) if !flag(request, "delete") => storage::members(session, request)?,
        (Method::Delete, ["storage", id]) => storage::content(session, id)?,
        (Method::Post, ["access", "users"]) => access::realm_of(session, &text(request, "userid"))?,
        (Method::Put, ["access", "users", user]) if disables(request) => access::user(session, user, "disable")?,
        (Method::Delete, ["access", "users", user]) => access::user(session, user, "delete")?,
        (Method::Delete, ["access", "users", user, "token", token]) => access::token(session, user, token),
        (Method::Delete, ["access", "domains", realm]) => access::realm(session, realm)?,
        (Method::Delete, ["access", "roles", role]) => access::role(session, role)?,
        (Method::Delete, ["access", "groups", group]) => access::group(session, group)?,
        (Method::Delete, ["cluster", "mapping", kind, id]) => uses::mapping(session, kind, id)?,
        (Method::Delete, ["cluster", "sdn", "vnets", vnet]) => uses::vnet(session, vnet)?,
        (Method::Delete, ["cluster", "firewall", kind @ ("aliases" | "ipset" | "groups"), name]) => {
            firewall::cluster_object(session, kind, name)?
        }
        (Method::Delete, ["nodes", _, "lxc" | "qemu", _, "firewall", kind @ ("aliases" | "ipset"), name]) => {
            firewall::guest_object(session, &path[..4], kind, name)?
        }
        (Method::Put, ["cluster", "firewall", "options"]) if flag(request, "enable") => return firewall::enabling(session, request, item),
        (Method::Post, ["nodes", node, "services", service, "stop"]) => network::service(session, node, service)?,
        (Method::Put | Method::Delete, ["nodes", node, "network", interface]) => network::interface(session, node, interface, request)?,
        (Method::Delete, ["cluster", "config", "nodes", node]) => return cluster::removal(session, node, item),
        _ => Finding::Fine,
    };
    Ok(finding.on(session, item))
}

/// Checks that a guest does not have a volume in its configuration.
pub fn volume(session: &Session, guest: &Guest, volume: &str, item: Item) -> Result<Item> {
    Ok(uses::volume(session, guest, volume)?.on(session, item))
}

/// The result of a check.
enum Finding {
    Fine,
    /// The check could not be made.
    Unknown(String),
    Refused(Box<Fault>),
}

impl Finding {
    fn refused(fault: Fault) -> Self {
        Self::Refused(Box::new(fault))
    }

    /// Returns the finding about an object and its users.
    fn in_use(what: &str, users: &[String]) -> Self {
        const NAMED: usize = 6;
        if users.is_empty() {
            return Self::Fine;
        }
        let mut named: Vec<&str> = users.iter().take(NAMED).map(String::as_str).collect();
        let rest = users.len().saturating_sub(NAMED);
        let more = format!("{rest} more");
        if rest > 0 {
            named.push(&more);
        }
        Self::refused(Fault::refused(format!("{what} is in use: {}", named.join(", "))).with_hint("change these first, or add --force"))
    }

    fn on(self, session: &Session, item: Item) -> Item {
        match self {
            Self::Fine => item,
            Self::Unknown(what) => item.caution(format!("not checked: {what}")),
            Self::Refused(fault) if session.rules.force => item.caution(fault.message),
            Self::Refused(fault) => item.refused(*fault),
        }
    }
}

/// Returns the members of the cluster, or why the token cannot see them.
fn members(session: &Session) -> Result<std::result::Result<Vec<Member>, String>> {
    match session.client()?.get(&cluster_api::status()) {
        Ok(members) => Ok(Ok(members)),
        Err(fault) if fault.kind == Kind::Denied => Ok(Err(fault.message)),
        Err(fault) => Err(fault),
    }
}

fn text(request: &Request, name: &str) -> String {
    request.param(name).map(Value::shown).unwrap_or_default()
}

fn flag(request: &Request, name: &str) -> bool {
    crate::api::lenient::parse_bool(&text(request, name))
}

/// Returns the items of a parameter that is a list or is sent several times.
fn items(request: &Request, name: &str) -> Vec<String> {
    let values = request.params.iter().filter(|(key, _)| key == name).map(|(_, value)| value.shown()).collect::<Vec<_>>().join(",");
    list::split(&values).map(str::to_owned).collect()
}

/// Whether a change disables a user.
fn disables(request: &Request) -> bool {
    request.param("enable").is_some() && !flag(request, "enable")
}
