//! The HA manager: it carries out requests some seconds later, in its own tasks.

use serde_json::Value;

use super::state::{Guest, GuestKind, Map, State};
use super::tasks::{self, Effect, TaskSpec};

/// Seconds (at speed 1) until a guest follows a request; the managers act every 10 s.
const DELAY: f64 = 12.0;
/// Seconds that a new resource is queued.
const QUEUED: f64 = 10.0;
/// Seconds until a migrated container is started on its new node.
const START: f64 = 20.0;

impl State {
    /// Whether the cluster's managers are active and have quorum.
    pub fn ha_active(&self) -> bool {
        self.ha.master && self.quorate()
    }

    /// Whether a resource is still queued.
    pub fn ha_queued(&self, sid: &str, now_ms: i64) -> bool {
        let speed = if self.speed > 0.0 { self.speed } else { 1.0 };
        !self.ha_active() || self.ha.since_ms.get(sid).is_some_and(|at| now_ms < at + (QUEUED * 1000.0 / speed) as i64)
    }
}

/// The entries of a comma-separated list in a rule.
pub fn named<'a>(rule: &'a Map, key: &str) -> Vec<&'a str> {
    rule.get(key).and_then(Value::as_str).unwrap_or_default().split(',').filter(|name| !name.is_empty()).collect()
}

/// Schedules a task of the manager and cancels its pending ones for this guest.
pub fn later(state: &mut State, vmid: u32, spec: TaskSpec, node: &str, now_ms: i64) {
    state.later.retain(|later| !later.spec.is_about(vmid));
    // Inactive managers of a cluster carry out nothing.
    if state.cluster.is_none() || state.ha_active() {
        tasks::start_later(state, spec, node, "root@pam", now_ms, DELAY);
    }
}

fn task(guest: &Guest, verb: &str) -> TaskSpec {
    let word = match (guest.kind, verb) {
        (GuestKind::Qemu, "migrate") => "qmigrate".to_owned(),
        (GuestKind::Qemu, verb) => format!("qm{verb}"),
        (GuestKind::Lxc, verb) => format!("vz{verb}"),
    };
    TaskSpec::new(word, guest.vmid)
}

/// Starts or stops a guest as its resource requests.
pub fn follow(state: &mut State, sid: &str, now_ms: i64) {
    let Some(guest) = state.guests.values().find(|guest| guest.ha_id() == sid).cloned() else { return };
    let wanted = state.ha.resources.get(sid).and_then(|resource| resource.get("state")).and_then(Value::as_str).unwrap_or("started");
    let vmid = guest.vmid;
    let spec = match wanted {
        "started" if !guest.power.is_on() => task(&guest, "start").takes(2.0).then(Effect::power_on(vmid)).ok(),
        "stopped" | "disabled" if guest.power.is_on() => task(&guest, "shutdown").takes(4.0).then(Effect::power_off(vmid)).ok(),
        _ => return state.later.retain(|later| !later.spec.is_about(vmid)),
    };
    later(state, vmid, spec, &guest.node, now_ms);
}

/// The nodes that a strict rule allows for a resource.
fn allowed(state: &State, sid: &str) -> Option<Vec<String>> {
    let strict = |rule: &&Map| {
        rule.get("strict").and_then(Value::as_i64) == Some(1)
            && rule.get("disable").is_none_or(|value| value.as_i64() != Some(1))
            && named(rule, "resources").contains(&sid)
    };
    let rule = state.ha.rules.values().find(strict)?;
    Some(named(rule, "nodes").into_iter().filter_map(|node| Some(node.split(':').next()?.to_owned())).collect())
}

/// Migrates a resource unless a strict rule forbids the node. A running container is shut down, moved, and started again.
pub fn migrate(state: &mut State, sid: &str, target: &str, now_ms: i64) {
    let Some(guest) = state.guests.values().find(|guest| guest.ha_id() == sid).cloned() else { return };
    let kept = allowed(state, sid).is_some_and(|nodes| !nodes.iter().any(|node| node == target));
    if kept || guest.node == target || !state.nodes.contains_key(target) {
        return;
    }
    let (vmid, node) = (guest.vmid, guest.node.clone());
    let moves = task(&guest, "migrate").takes(8.0).then(Effect::MoveGuest { vmid, node: target.to_owned() });
    let spec = if guest.power.is_on() && guest.kind == GuestKind::Lxc {
        let start = task(&guest, "start").takes(2.0).then(Effect::power_on(vmid)).ok();
        let moves = moves.then(Effect::StartLater { spec: Box::new(start), node: target.to_owned(), seconds: START }).ok();
        let moves = Effect::Start { spec: Box::new(moves), node: node.clone(), user: "root@pam".to_owned() };
        task(&guest, "shutdown").takes(1.0).then(Effect::power_off(vmid)).then(moves).ok()
    } else {
        moves.ok()
    };
    later(state, vmid, spec, &node, now_ms);
}

/// Migrates resources from nodes that a strict rule forbids.
pub fn apply_rules(state: &mut State, now_ms: i64) {
    let resources: Vec<String> = state.ha.resources.keys().cloned().collect();
    for sid in resources {
        let Some(node) = state.guests.values().find(|guest| guest.ha_id() == sid).map(|guest| guest.node.clone()) else { continue };
        let Some(nodes) = allowed(state, &sid) else { continue };
        if let (false, Some(target)) = (nodes.contains(&node), nodes.first()) {
            migrate(state, &sid, target, now_ms);
        }
    }
}
