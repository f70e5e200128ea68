//! Moving all running guests off a node, and back again.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::api::{GuestKind, storage};
use crate::fault::{Fault, Result};
use crate::guard::{Item, Record};
use crate::ops::guests::{self, Guest};
use crate::ops::live::{self, Live};
use crate::ops::lock;
use crate::ops::migrate::{self, Options, Preconditions};
use crate::ops::nodes::{self, NodeState};
use crate::session::Session;
use crate::units;

/// The action of a guest that leaves a drained node.
pub const DRAIN: &str = "drain";
/// The action of a guest that returns.
pub const UNDRAIN: &str = "undrain";

/// Free resources of a node.
struct Free {
    memory: u64,
    /// By storage; empty if the token cannot see them.
    storages: BTreeMap<String, u64>,
}

impl Free {
    /// Returns a warning if the local disks may not fit.
    fn short_of_space(&self, seen: &Preconditions, options: &Options) -> Option<String> {
        self.demand(seen, options).into_iter().find_map(|(id, wanted)| {
            let free = *self.storages.get(id)?;
            (free < wanted).then(|| format!("'{id}' has {} free, the disks can grow to {}", units::bytes(free), units::bytes(wanted)))
        })
    }

    /// Returns the size of the local disks by target storage.
    fn demand<'a>(&self, seen: &'a Preconditions, options: &'a Options) -> BTreeMap<&'a str, u64> {
        let mut demand = BTreeMap::new();
        for (volume, size) in &seen.local_disks {
            let own = volume.split(':').next().unwrap_or_default();
            *demand.entry(options.storage.as_deref().unwrap_or(own)).or_default() += size;
        }
        demand
    }

    fn take(&mut self, memory: u64, seen: &Preconditions, options: &Options) {
        self.memory = self.memory.saturating_sub(memory);
        for (id, size) in self.demand(seen, options) {
            if let Some(free) = self.storages.get_mut(id) {
                *free = free.saturating_sub(size);
            }
        }
    }
}

/// Free resources of the nodes that can take guests.
struct Room(BTreeMap<String, Free>);

impl Room {
    fn of(session: &Session, drained: &str, only: &[String]) -> Result<Self> {
        let all = nodes::all(session)?;
        for name in only {
            match all.iter().find(|node| node.node == *name) {
                None => return Err(nodes::unknown(name)),
                Some(node) if !node.online() => return Err(Fault::refused(format!("{name} is offline, so it cannot take guests"))),
                Some(_) if name == drained => return Err(Fault::usage(format!("--to {name} is the drained node itself"))),
                Some(_) => {}
            }
        }
        let takes = |node: &NodeState| node.online() && node.node != drained && (only.is_empty() || only.contains(&node.node));
        let free = |node: NodeState| {
            // Without Sys.Audit on the node, its memory is unknown.
            let memory = node.memory_bytes.map_or(u64::MAX, |all| all.saturating_sub(node.memory_used_bytes.unwrap_or_default()));
            let storages = session.client().and_then(|client| client.get(&storage::list(&node.node))).unwrap_or_default();
            let storages = storages.into_iter().filter(|one| !one.shared).filter_map(|one| Some((one.storage, one.avail?))).collect();
            (node.node, Free { memory, storages })
        };
        let room: BTreeMap<String, Free> = all.into_iter().filter(takes).map(free).collect();
        if room.is_empty() {
            return Err(Fault::refused(format!("no other node is online to take the guests of {drained}")));
        }
        Ok(Self(room))
    }

    /// Reserves memory and disk space on a node that can take the guest: one with enough space, then with the most free memory.
    /// Returns it with a warning, or the reasons against all nodes.
    fn place(&mut self, guest: &Guest, seen: &Preconditions, options: &Options) -> std::result::Result<(String, Option<String>), String> {
        let wanted = guest.memory_bytes.unwrap_or_default();
        let mut reasons = Vec::new();
        let mut fitting = Vec::new();
        for (node, free) in &self.0 {
            match seen.against(node, options) {
                Some(reason) => reasons.push(format!("{node}: {reason}")),
                None if free.memory < wanted => {
                    reasons.push(format!("{node}: {} of memory free, {} needed", units::bytes(free.memory), units::bytes(wanted)));
                }
                None => fitting.push((free.short_of_space(seen, options), free.memory, node.clone())),
            }
        }
        fitting.sort_by_key(|(short, memory, _)| (short.is_some(), std::cmp::Reverse(*memory)));
        let Some((short, _, node)) = fitting.into_iter().next() else { return Err(reasons.join("; ")) };
        if let Some(free) = self.0.get_mut(&node) {
            free.take(wanted, seen, options);
        }
        Ok((node, short))
    }
}

/// A guest with its planned move.
pub struct Planned {
    pub guest: Guest,
    pub item: Item,
    /// The target node, if one can take the guest.
    pub to: Option<String>,
}

/// Plans the moves of all running guests, those that cannot move first. Large guests are placed first.
pub fn plan(session: &Session, node: &str, to: &[String], options: &Options) -> Result<Vec<Planned>> {
    let mut room = Room::of(session, node, to)?;
    let mut leaving = guests::running(session, Some(node))?;
    leaving.sort_by_key(|guest| (std::cmp::Reverse(guest.memory_bytes), guest.vmid));
    let seen = live::each(&leaving, |guest| -> Result<(Live, Preconditions)> {
        Ok((lock::wait(session, guest, &[])?, migrate::preconditions(session, guest)?))
    });
    let mut planned: Vec<Planned> = Vec::new();
    for (guest, seen) in leaving.into_iter().zip(seen) {
        let item = || Item::new(DRAIN, guest.target());
        let placed = seen.and_then(|(live, seen)| {
            let (node, short) = room.place(&guest, &seen, options).map_err(|reasons| no_place(&guest, &reasons))?;
            let item = migrate::prepare_with(session, &guest, &node, options, item().extra("to", node.as_str()), &live, &seen)?;
            Ok((node, if let Some(short) = short { item.caution(short) } else { item }))
        });
        planned.push(match placed {
            Ok((node, item)) => Planned { item, to: Some(node), guest },
            Err(fault) => Planned { item: item().refused(fault), to: None, guest },
        });
    }
    planned.sort_by_key(|one| (one.to.is_some(), one.guest.vmid));
    Ok(planned)
}

fn no_place(guest: &Guest, reasons: &str) -> Fault {
    let fault = Fault::refused(format!("no node can take {}: {reasons}", guest.label()));
    match guest.kind {
        GuestKind::Lxc => fault.with_hint("add --restart, free memory on another node, or add --target-storage"),
        GuestKind::Qemu => fault.with_hint("free memory on another node, or add --target-storage"),
    }
}

/// Plans the return of the guests that `node drain` moved off the node.
pub fn plan_return(session: &Session, node: &str, options: &Options) -> Result<Vec<Planned>> {
    let moved = drained(&session.journal.read()?, &session.context, node);
    let all = guests::all(session)?;
    let returning: Vec<Guest> = all.into_iter().filter(|guest| moved.contains(&guest.vmid) && guest.node != node).collect();
    let items = live::each(&returning, |guest| {
        let item = || Item::new(UNDRAIN, guest.target());
        migrate::prepare(session, guest, node, options, item()).unwrap_or_else(|fault| item().refused(fault))
    });
    Ok(returning.into_iter().zip(items).map(|(guest, item)| Planned { guest, item, to: Some(node.to_owned()) }).collect())
}

/// Returns the guests that were moved off a node by the latest drains, and have not returned since.
fn drained(records: &[Record], context: &str, node: &str) -> Vec<u32> {
    let mut moved: BTreeMap<u32, bool> = BTreeMap::new();
    // A run that ended before it wrote a verdict may have moved the guest.
    let mut refused: Vec<(&str, usize)> = Vec::new();
    for record in records {
        if let Record::Verdict { id, item, status, .. } = record
            && !matches!(status.as_str(), "ok" | "warnings" | "detached" | "unknown")
        {
            refused.push((id, *item));
        }
    }
    for record in records {
        let Record::Intent { id, context: on, plan, .. } = record else { continue };
        let items = plan.get("items").and_then(Json::as_array).into_iter().flatten();
        for (at, item) in items.enumerate().filter(|_| on == context) {
            let word = |key: &str| item.get(key).and_then(Json::as_str).unwrap_or_default();
            let vmid = item.get("vmid").and_then(Json::as_u64).and_then(|vmid| u32::try_from(vmid).ok());
            let Some(vmid) = vmid.filter(|_| !refused.contains(&(id, at))) else { continue };
            match word("action") {
                DRAIN => drop(moved.insert(vmid, word("node") == node)),
                UNDRAIN => drop(moved.insert(vmid, false)),
                _ => {}
            }
        }
    }
    moved.into_iter().filter(|(_, away)| *away).map(|(vmid, _)| vmid).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn intent(id: &str, context: &str, items: &Json) -> Record {
        serde_json::from_value(json!({
            "record": "intent", "id": id, "time": "", "context": context, "who": "", "user": "", "pid": 1, "verb": "node drain", "command": [],
            "plan": {"items": items},
        }))
        .expect("a record")
    }

    fn verdict(id: &str, item: usize, status: &str) -> Record {
        serde_json::from_value(json!({"record": "verdict", "id": id, "time": "", "item": item, "status": status, "duration_s": 1.0}))
            .expect("one")
    }

    #[test]
    fn guests_return_once_and_only_if_they_left() {
        let drain = json!([
            {"action": "drain", "node": "pve1", "vmid": 101}, {"action": "drain", "node": "pve1", "vmid": 102},
            {"action": "drain", "node": "pve1", "vmid": 103}, {"action": "drain", "node": "pve2", "vmid": 104},
        ]);
        let mut records = vec![intent("a", "home", &drain), verdict("a", 0, "ok"), verdict("a", 1, "failed"), intent("b", "other", &drain)];
        assert_eq!(drained(&records, "home", "pve1"), [101, 103]);
        records.push(intent("c", "home", &json!([{"action": "undrain", "node": "pve2", "vmid": 101}])));
        records.push(verdict("c", 0, "ok"));
        assert_eq!(drained(&records, "home", "pve1"), [103]);
        records.push(intent("d", "home", &json!([{"action": "undrain", "node": "pve2", "vmid": 103}])));
        records.push(verdict("d", 0, "failed"));
        assert_eq!(drained(&records, "home", "pve1"), [103]);
        assert_eq!(drained(&records, "home", "pve2"), [104]);
    }
}
