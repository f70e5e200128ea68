//! Rebooting and shutting down a node: which guests stop, and the effect on the cluster.

use serde_json::Value as Json;

use crate::api::tasks::{self, Filter};
use crate::api::{Call, nodes};
use crate::fault::{Fault, Kind, Result};
use crate::guard::tags::{self, GuardedAction};
use crate::guard::{Item, Step, Target};
use crate::ops::guests::{self, Guest};
use crate::ops::nodes::{self as all_nodes, NodeState};
use crate::session::Session;

/// Number of guests to list by name.
const NAMED: usize = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    Reboot,
    Shutdown,
}

impl Command {
    pub fn word(self) -> &'static str {
        match self {
            Self::Reboot => "reboot",
            Self::Shutdown => "shutdown",
        }
    }

    /// Returns a phrase: `reboot node pve1`, `shut down node pve1`.
    pub fn of(self, node: &str) -> String {
        match self {
            Self::Reboot => format!("reboot node {node}"),
            Self::Shutdown => format!("shut down node {node}"),
        }
    }

    fn call(self, node: &str) -> Call<Json> {
        nodes::command(node, self.word())
    }
}

/// Prepares the command with its impact on the node.
pub fn prepare(session: &Session, node: &str, command: Command) -> Result<Item> {
    let all = all_nodes::all(session)?;
    let item = Item::new(command.word(), Target { node: Some(node.to_owned()), ..Target::default() }).word(node);
    if all.iter().any(|other| other.node == node && !other.online()) {
        return Ok(item.refused(
            Fault::new(Kind::NodeDown, format!("{node} is down: it accepts no command"))
                .with_hint("switch it on; `felhom node list` shows the nodes"),
        ));
    }
    let guests = guests::running(session, Some(node))?;
    if let Some(fault) = guarded(session, &guests, &command.of(node)) {
        return Ok(item.refused(fault));
    }
    Ok(impact(session, item, node, &all, &guests).step(Step::call(command.word(), command.call(node))))
}

/// Returns an error if a protected guest would stop.
pub fn guarded(session: &Session, guests: &[Guest], what: &str) -> Option<Fault> {
    let refused = |guest: &&Guest| {
        tags::refusal(&session.rules, &session.tags, &guest.target(), Some(&guest.tags), GuardedAction::Reboot).map(|fault| fault.message)
    };
    let protected: Vec<String> = guests.iter().filter(|guest| refused(guest).is_some()).map(labelled).collect();
    if protected.is_empty() {
        return None;
    }
    Some(
        Fault::refused(format!("refusing to {what}: {} would stop", protected.join(", ")))
            .with_hint("migrate or stop these first, or add --force to override once"),
    )
}

fn labelled(guest: &Guest) -> String {
    format!("{} [{}]", guest.label(), guest.tags.join(", "))
}

/// Adds the running guests, HA, quorum and running tasks to the impact.
pub fn impact(session: &Session, item: Item, node: &str, all: &[NodeState], guests: &[Guest]) -> Item {
    let mut item = item.fact("guests", guests.iter().map(|guest| guest.vmid.to_string()).collect::<Vec<_>>().join(","));
    item = item.extra("guests", guests.iter().map(|guest| guest.vmid).collect::<Vec<_>>());
    item = match guests.len() {
        0 => item.touches(format!("no visible guest is running on {node}")),
        count => item.touches(format!("{count} running guest{} on {node}: {}", if count == 1 { "" } else { "s" }, listed(guests))),
    };
    let ha: Vec<String> = guests.iter().filter(|guest| guest.ha_state.is_some()).map(Guest::label).collect();
    if !ha.is_empty() {
        item = item.caution(format!("managed by high availability, which may migrate or stop them: {}", ha.join(", ")));
    }
    if let Some(caution) = quorum(node, all) {
        item = item.caution(caution);
    }
    let running = Filter { running: true, limit: 20, ..Filter::default() };
    match session.client().and_then(|client| client.get(&tasks::list(node, &running))) {
        Ok(tasks) if !tasks.is_empty() => {
            let words: Vec<String> = tasks.iter().map(|task| format!("{} {}", task.kind, task.id).trim().to_owned()).collect();
            item.caution(format!("running tasks on it are aborted: {}", words.join(", ")))
        }
        Ok(_) => item,
        Err(fault) => item.caution(format!("its running tasks could not be listed: {}", fault.message)),
    }
}

pub fn listed(guests: &[Guest]) -> String {
    let names: Vec<String> = guests.iter().take(NAMED).map(Guest::label).collect();
    match guests.len().saturating_sub(NAMED) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

/// Warns about a lost quorum. Each node counts as one vote.
fn quorum(node: &str, all: &[NodeState]) -> Option<String> {
    if all.len() <= 1 {
        return Some(format!("{node} is the only node: nothing is reachable until it is up again"));
    }
    let left = all.iter().filter(|other| other.online() && other.node != node).count();
    (left * 2 <= all.len()).then(|| {
        format!("{left} of {} nodes would be left: the cluster loses its quorum and is read-only until the node is back", all.len())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(states: &[(&str, &str)]) -> Vec<NodeState> {
        states
            .iter()
            .map(|(node, status)| NodeState {
                context: "t".into(),
                node: (*node).into(),
                status: (*status).into(),
                cpu: None,
                cpus: None,
                memory_used_bytes: None,
                memory_bytes: None,
                disk_used_bytes: None,
                disk_bytes: None,
                uptime_s: None,
                ssl_fingerprint: None,
            })
            .collect()
    }

    #[test]
    fn quorum_after_a_node_stops() {
        assert!(quorum("a", &nodes(&[("a", "online")])).is_some_and(|text| text.contains("only node")));
        assert_eq!(quorum("a", &nodes(&[("a", "online"), ("b", "online"), ("c", "online")])), None);
        let two = quorum("a", &nodes(&[("a", "online"), ("b", "online"), ("c", "offline")]));
        assert!(two.is_some_and(|text| text.contains("1 of 3 nodes would be left")));
        assert!(quorum("a", &nodes(&[("a", "online"), ("b", "online")])).is_some_and(|text| text.contains("loses its quorum")));
    }
}
