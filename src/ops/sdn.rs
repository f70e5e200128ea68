//! Applying the software-defined networks: what waits, and which guests it can cut off.

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

/// The status of a zone or VNet that a node runs as it is configured.
const AVAILABLE: &str = "available";
/// How long a node may take to reload its network after the task.
const RELOAD_LIMIT: Duration = Duration::from_secs(30);

/// Something of SDN that waits to be applied.
#[derive(Debug, Clone, Serialize)]
pub struct Waiting {
    pub context: String,
    pub kind: &'static str,
    pub id: String,
    pub state: String,
    /// The zone of a vnet, as it runs.
    pub zone: Option<String>,
    /// What is new about it, in one line.
    pub change: String,
}

/// What waits, of all kinds.
pub fn waiting(session: &Session) -> Result<Vec<Waiting>> {
    let client = session.client()?;
    let mut found = Vec::new();
    for kind in Kind::ALL {
        let objects = client.get(&sdn::pending(kind))?;
        found.extend(objects.into_iter().filter_map(|object| of(&session.context, kind, &object)));
    }
    Ok(found)
}

fn of(context: &str, kind: Kind, object: &Object) -> Option<Waiting> {
    let state = object.state.clone().filter(|state| !state.is_empty())?;
    let text = |key: &str| object.values.get(key).and_then(lenient::text);
    let change = object.pending.iter().flatten().filter_map(|(key, value)| {
        let value = lenient::text(value)?;
        Some(if value == "deleted" { format!("without {key}") } else { format!("{key}={value}") })
    });
    Some(Waiting {
        context: context.into(),
        kind: kind.word(),
        id: text(kind.word())?,
        zone: text("zone").filter(|_| kind == Kind::Vnet),
        change: change.collect::<Vec<_>>().join(", "),
        state,
    })
}

/// What applying means, as it is now.
pub fn prepare(session: &Session) -> Result<Item> {
    let item = Item::new("apply", Target { name: Some("sdn".into()), ..Target::default() });
    let waiting = waiting(session)?;
    let item = item.extra("applied", json!(waiting));
    if waiting.is_empty() && sees(session)? {
        return Ok(item.unchanged());
    }
    let item = if waiting.is_empty() { item.caution("this token cannot see pending changes") } else { impact(session, &waiting, item) };
    Ok(item.step(Step::call("apply", sdn::apply())))
}

/// May this token see all of it? A list without what it may not see looks like one in which nothing waits.
fn sees(session: &Session) -> Result<bool> {
    let held = session.client()?.get(&cluster::permissions())?;
    let on = |privilege: &str| holds(&held, &Grant { path: "/sdn".into(), privilege: privilege.into() });
    Ok(on("SDN.Audit") || on("SDN.Allocate"))
}

/// The same for a raw call, which is sent whatever waits.
pub fn weigh(session: &Session, item: Item) -> Result<Item> {
    Ok(match waiting(session) {
        Ok(waiting) => impact(session, &waiting, item),
        Err(fault) => item.caution(format!("pending changes could not be read: {}", fault.message)),
    })
}

fn impact(session: &Session, waiting: &[Waiting], item: Item) -> Item {
    let item =
        item.fact("waiting", waiting.iter().map(|one| format!("{} {} {}", one.state, one.kind, one.id)).collect::<Vec<_>>().join(","));
    let mut item = waiting.iter().fold(item, |item, one| {
        let change = if one.change.is_empty() { String::new() } else { format!(": {}", one.change) };
        item.touches(format!("{} {} {}{change}", one.kind, one.id, one.state))
    });
    let bridges = disturbed(waiting, &|zone| vnets(session, zone));
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

/// The bridges of vnets that change or go, those of a zone that does included.
fn disturbed(waiting: &[Waiting], vnets_of: &dyn Fn(&str) -> Vec<String>) -> BTreeSet<String> {
    let mut bridges = BTreeSet::new();
    for one in waiting.iter().filter(|one| one.state != "new") {
        match one.kind {
            "vnet" => drop(bridges.insert(one.id.clone())),
            "zone" => bridges.extend(vnets_of(&one.id)),
            _ => {}
        }
    }
    bridges
}

/// The vnets that run in a zone.
fn vnets(session: &Session, zone: &str) -> Vec<String> {
    let objects = session.client().and_then(|client| client.get(&sdn::pending(Kind::Vnet))).unwrap_or_default();
    let text = |object: &Object, key: &str| object.values.get(key).and_then(lenient::text);
    objects.iter().filter(|object| text(object, "zone").as_deref() == Some(zone)).filter_map(|object| text(object, "vnet")).collect()
}

/// The running guests that have a card on one of these bridges, and how many could not be looked at.
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

/// Checks that nothing is pending, and that every node runs its zones: the task ends with OK although a node could not reload its
/// network.
pub fn verify(session: &Session, done: &Done) -> Result<Map<String, Json>> {
    let left = waiting(session)?;
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
    let fault =
        Fault::new(FaultKind::TaskFailed, format!("the task ended with OK, but not every node has applied it: {}", wrong.join("; ")));
    Err(Fault { upid: done.upid.as_ref().map(ToString::to_string), ..fault })
}

/// A node's zones once none of them is pending, or when the time is over.
fn settled(session: &Session, node: &str, limit: Duration) -> Result<Vec<NodeZone>> {
    let begun = Instant::now();
    let mut pause = Duration::from_millis(100);
    loop {
        let zones = session.client()?.get(&sdn::zones_on(node))?;
        if begun.elapsed() >= limit || zones.iter().all(|zone| zone.status != "pending") {
            return Ok(zones);
        }
        session.interrupt.wait(pause).map_err(|signal| stopped(signal, &format!("stopped looking at the zones of {node}")))?;
        pause = (pause * 2).min(Duration::from_secs(1));
    }
}

/// `pve1: zone 'z1' is pending (local sdn network configuration is not yet generated, please reload)`.
fn unavailable(session: &Session, node: &str, zone: &NodeZone) -> String {
    let vnets = session.client().and_then(|client| client.get(&sdn::vnets_on(node, &zone.zone))).unwrap_or_default();
    let why = vnets.into_iter().filter(|vnet| vnet.status.as_deref() != Some(AVAILABLE)).find_map(|vnet| vnet.statusmsg);
    let why = why.filter(|why| !why.is_empty()).map_or_else(String::new, |why| format!(" ({why})"));
    format!("{node}: zone '{}' is {}{why}", zone.zone, zone.status)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: Kind, value: Json) -> Option<Waiting> {
        of("t", kind, &serde_json::from_value(value).expect("an object"))
    }

    #[test]
    fn what_waits_is_read_with_its_state() {
        assert!(read(Kind::Zone, json!({"zone": "z1", "type": "simple"})).is_none());
        let changed = read(
            Kind::Vnet,
            json!({"vnet": "v1", "type": "vnet", "zone": "z1", "state": "changed", "pending": {"tag": 7, "alias": "deleted"}}),
        );
        let changed = changed.expect("it waits");
        assert_eq!((changed.id.as_str(), changed.zone.as_deref()), ("v1", Some("z1")));
        assert_eq!(changed.change, "tag=7, without alias");
    }

    #[test]
    fn a_zone_that_goes_disturbs_its_vnets_and_a_new_one_disturbs_nobody() {
        let waiting = |kind, id: &str, state: &str| Waiting {
            context: "t".into(),
            kind,
            id: id.into(),
            state: state.into(),
            zone: None,
            change: String::new(),
        };
        let list = [
            waiting("zone", "z1", "deleted"),
            waiting("vnet", "v9", "changed"),
            waiting("vnet", "v8", "new"),
            waiting("zone", "z2", "new"),
        ];
        let bridges = disturbed(&list, &|zone| vec![format!("{zone}-vnet")]);
        assert_eq!(bridges.into_iter().collect::<Vec<_>>(), ["v9", "z1-vnet"]);
    }
}
