//! Applying SDN changes: what is pending, and which guests may lose their network.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::{Map, Value as Json, json};

use crate::api::sdn::{self, Kind, NodeZone, Object};
use crate::api::{Form, Property, cluster, lenient};
use crate::fault::{Fault, Kind as FaultKind, Result};
use crate::guard::plan::holds;
use crate::guard::{Done, Item, Step, Target};
use crate::ops::guests::{self, Guest};
use crate::ops::{live, nodes};
use crate::routes::Grant;
use crate::session::{Session, stopped};

/// The status of a zone or VNet that is up to date.
const AVAILABLE: &str = "available";
/// How long a node may take to reload its network after the task.
const RELOAD_LIMIT: Duration = Duration::from_secs(30);

/// An SDN object with pending changes.
#[derive(Debug, Clone, Serialize)]
pub struct PendingChange {
    pub context: String,
    pub kind: &'static str,
    pub id: String,
    pub state: String,
    /// The current zone of a vnet.
    pub zone: Option<String>,
    /// The pending changes in one line.
    pub change: String,
}

/// Returns the pending changes of all kinds.
pub fn pending(session: &Session) -> Result<Vec<PendingChange>> {
    let client = session.client()?;
    let mut found = Vec::new();
    for kind in Kind::ALL {
        let objects = client.get(&sdn::pending(kind))?;
        found.extend(objects.into_iter().filter_map(|object| of(&session.context, kind, &object)));
    }
    Ok(found)
}

fn of(context: &str, kind: Kind, object: &Object) -> Option<PendingChange> {
    let state = object.state.clone().filter(|state| !state.is_empty())?;
    let text = |key: &str| object.values.get(key).and_then(lenient::text);
    let change = object.pending.iter().flatten().filter_map(|(key, value)| {
        let value = lenient::text(value)?;
        Some(if value == "deleted" { format!("without {key}") } else { format!("{key}={value}") })
    });
    Some(PendingChange {
        context: context.into(),
        kind: kind.word(),
        id: text(kind.word())?,
        zone: text("zone").filter(|_| kind == Kind::Vnet),
        change: change.collect::<Vec<_>>().join(", "),
        state,
    })
}

/// Prepares applying with its impact.
pub fn prepare(session: &Session) -> Result<Item> {
    let item = Item::new("apply", Target { name: Some("sdn".into()), ..Target::default() });
    let pending = pending(session)?;
    let item = item.extra("applied", json!(pending));
    if pending.is_empty() && sees(session)? {
        return Ok(item.unchanged());
    }
    let item = if pending.is_empty() { item.caution("this token cannot see pending changes") } else { impact(session, &pending, item) };
    Ok(item.step(Step::call("apply", sdn::apply())))
}

/// Whether the token can see all of SDN. Without the privilege, the list is empty as if nothing were pending.
fn sees(session: &Session) -> Result<bool> {
    let held = session.client()?.get(&cluster::permissions())?;
    let on = |privilege: &str| holds(&held, &Grant { path: "/sdn".into(), privilege: privilege.into() });
    Ok(on("SDN.Audit") || on("SDN.Allocate"))
}

/// The same for a raw call, which is sent whatever waits.
pub fn assess(session: &Session, item: Item) -> Result<Item> {
    Ok(match pending(session) {
        Ok(pending) => impact(session, &pending, item),
        Err(fault) => item.caution(format!("pending changes could not be read: {}", fault.message)),
    })
}

fn impact(session: &Session, pending: &[PendingChange], item: Item) -> Item {
    let item =
        item.fact("waiting", pending.iter().map(|one| format!("{} {} {}", one.state, one.kind, one.id)).collect::<Vec<_>>().join(","));
    let mut item = pending.iter().fold(item, |item, one| {
        let change = if one.change.is_empty() { String::new() } else { format!(": {}", one.change) };
        item.touches(format!("{} {} {}{change}", one.kind, one.id, one.state))
    });
    let bridges = disturbed(pending, &|zone| vnets(session, zone));
    if !bridges.is_empty() {
        let (hit, unread) = on_bridges(session, &bridges);
        item = item.extra("can_be_cut_off", json!(hit));
        if !hit.is_empty() {
            item = item.caution(format!("guests on changed or deleted networks can lose their connection: {}", hit.join(", ")));
        }
        if unread > 0 {
            item = item.caution(format!("the networks of {unread} guests could not be read: they may be affected as well"));
        }
    }
    item.caution("the network of every node is reloaded, with other pending changes of the node's own configuration")
}

/// Returns the bridges of vnets that change or are deleted, including those of such a zone.
fn disturbed(pending: &[PendingChange], vnets_of: &dyn Fn(&str) -> Vec<String>) -> BTreeSet<String> {
    let mut bridges = BTreeSet::new();
    for one in pending.iter().filter(|one| one.state != "new") {
        match one.kind {
            "vnet" => drop(bridges.insert(one.id.clone())),
            "zone" => bridges.extend(vnets_of(&one.id)),
            _ => {}
        }
    }
    bridges
}

/// Returns the active vnets of a zone.
fn vnets(session: &Session, zone: &str) -> Vec<String> {
    let objects = session.client().and_then(|client| client.get(&sdn::pending(Kind::Vnet))).unwrap_or_default();
    let text = |object: &Object, key: &str| object.values.get(key).and_then(lenient::text);
    objects.iter().filter(|object| text(object, "zone").as_deref() == Some(zone)).filter_map(|object| text(object, "vnet")).collect()
}

/// Returns the running guests on these bridges, and the number of guests that could not be read.
fn on_bridges(session: &Session, bridges: &BTreeSet<String>) -> (Vec<String>, usize) {
    let running: Vec<Guest> = guests::running(session, None).unwrap_or_default();
    let seen = live::each(&running, |guest| {
        let config = guests::with_place(session, guest, |place| session.client()?.get(&place.config())).ok()?;
        let on: BTreeSet<String> =
            config.iter().filter_map(|(key, value)| bridge(guest, key, value)).filter(|b| bridges.contains(b)).collect();
        Some((guest.label(), on))
    });
    let unread = seen.iter().filter(|one| one.is_none()).count();
    let hit = seen.into_iter().flatten().filter(|(_, on)| !on.is_empty());
    (hit.map(|(label, on)| format!("{label} on {}", on.into_iter().collect::<Vec<_>>().join(", "))).collect(), unread)
}

fn bridge(guest: &Guest, key: &str, value: &Json) -> Option<String> {
    if key.trim_end_matches(|c: char| c.is_ascii_digit()) != "net" {
        return None;
    }
    let form = Form::of(guest.kind, key)?;
    Property::parse(form, &lenient::text(value)?).get("bridge").map(str::to_owned)
}

/// Verifies that nothing is pending and all zones are available on each node: the task succeeds even if a node cannot reload its
/// network.
pub fn verify(session: &Session, done: &Done) -> Result<Map<String, Json>> {
    let left = pending(session)?;
    let mut wrong: Vec<String> = left.iter().map(|one| format!("{} {} is still pending", one.kind, one.id)).collect();
    let limit = if done.failures.is_empty() { RELOAD_LIMIT } else { Duration::ZERO };
    for node in nodes::all(session)? {
        if node.status == "offline" {
            wrong.push(format!("node '{}' is offline", node.node));
            continue;
        }
        let zones = settled(session, &node.node, limit)?;
        wrong.extend(zones.iter().filter(|zone| zone.status != AVAILABLE).map(|zone| unavailable(session, &node.node, zone)));
    }
    if wrong.is_empty() {
        return Ok(Map::new());
    }
    let fault = Fault::new(FaultKind::TaskFailed, format!("the task succeeded, but not all nodes have applied it: {}", wrong.join("; ")));
    Err(Fault { upid: done.upid.as_ref().map(ToString::to_string), ..fault })
}

/// Returns a node's zones when none is pending or the time limit is over.
fn settled(session: &Session, node: &str, limit: Duration) -> Result<Vec<NodeZone>> {
    let begun = Instant::now();
    let mut pause = Duration::from_millis(100);
    loop {
        let zones = session.client()?.get(&sdn::zones_on(node))?;
        if begun.elapsed() >= limit || zones.iter().all(|zone| zone.status != "pending") {
            return Ok(zones);
        }
        session.interrupt.wait(pause).map_err(|signal| stopped(signal, &format!("stopped pending for the zones of {node}")))?;
        pause = (pause * 2).min(Duration::from_secs(1));
    }
}

/// Describes a zone: `pve1: zone 'z1' is pending (local sdn network configuration is not yet generated, please reload)`.
fn unavailable(session: &Session, node: &str, zone: &NodeZone) -> String {
    let vnets = session.client().and_then(|client| client.get(&sdn::vnets_on(node, &zone.zone))).unwrap_or_default();
    let why = vnets.into_iter().filter(|vnet| vnet.status.as_deref() != Some(AVAILABLE)).find_map(|vnet| vnet.statusmsg);
    let why = why.filter(|why| !why.is_empty()).map_or_else(String::new, |why| format!(" ({why})"));
    format!("{node}: zone '{}' is {}{why}", zone.zone, zone.status)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: Kind, value: Json) -> Option<PendingChange> {
        of("t", kind, &serde_json::from_value(value).expect("an object"))
    }

    #[test]
    fn a_pending_change_has_its_state() {
        assert!(read(Kind::Zone, json!({"zone": "z1", "type": "simple"})).is_none());
        let changed = read(
            Kind::Vnet,
            json!({"vnet": "v1", "type": "vnet", "zone": "z1", "state": "changed", "pending": {"tag": 7, "alias": "deleted"}}),
        );
        let changed = changed.expect("pending");
        assert_eq!((changed.id.as_str(), changed.zone.as_deref()), ("v1", Some("z1")));
        assert_eq!(changed.change, "tag=7, without alias");
    }

    #[test]
    fn deleting_a_zone_affects_its_vnets_and_a_new_one_does_not() {
        let pending = |kind, id: &str, state: &str| PendingChange {
            context: "t".into(),
            kind,
            id: id.into(),
            state: state.into(),
            zone: None,
            change: String::new(),
        };
        let list = [
            pending("zone", "z1", "deleted"),
            pending("vnet", "v9", "changed"),
            pending("vnet", "v8", "new"),
            pending("zone", "z2", "new"),
        ];
        let bridges = disturbed(&list, &|zone| vec![format!("{zone}-vnet")]);
        assert_eq!(bridges.into_iter().collect::<Vec<_>>(), ["v9", "z1-vnet"]);
    }
}
