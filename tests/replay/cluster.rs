//! The run on two nodes, with the events between the requests.

use std::time::Duration;

use felhom::demo::state::{Neighbor, Node, State};

use super::session::Session;

/// The files of the run on two nodes.
pub(super) const RUN: &[&str] = &["36", "37", "38", "39", "40", "41", "42"];

/// The password in the transcripts.
const PASSWORD: &str = "***";
const FINGERPRINT: &str = "49:0C:F6:05:F9:18:71:8D:9A:23:67:D2:F3:32:85:4B:BB:AB:49:8A:90:BD:4F:48:5A:7A:02:9C:2E:FF:2D:E1";

impl Session {
    /// Repeats the events before a step, and the time that passed.
    pub(super) fn between(&mut self, at: &str, asked: &str) {
        match at {
            "37:1" => self.change(apart),
            "38:1" => self.change(together),
            // The API of pve2 is stopped; later its network is down for 3 s, then for longer.
            "39:2" => self.change(|state| unreachable(state, Some("Connection refused"))),
            "39:5" | "39:35" => self.change(|state| {
                unreachable(state, None);
                online(state, true);
            }),
            "39:7" => self.change(|state| unreachable(state, Some("Connection refused"))),
            "39:9" => self.change(|state| unreachable(state, Some("Connection timed out"))),
            "39:10" => self.change(|state| {
                unreachable(state, None);
                online(state, false);
            }),
            // Before the bulk actions, 103 was deleted, 102 was on pve1, and a migration had lost its volume.
            "40:3" => self.change(|state| {
                state.guests.remove(&103);
                lose_the_volume_of(state, 102);
            }),
            // The nodes cannot reload their networks, and 104 is managed again.
            "42:1" => self.change(|state| {
                state.nodes.values_mut().for_each(with_ifupdown2);
                state.ha.resources.insert("ct:104".into(), serde_json::Map::new());
            }),
            // 41 starts with both nodes online and active managers.
            "41:1" => {
                self.change(|state| {
                    online(state, true);
                    state.ha.master = true;
                });
                // The stopall task of 40 has ended.
                self.host.advance(Duration::from_secs(600));
            }
            "41:6" | "41:11" | "41:13" | "41:17" | "41:21" | "41:23" | "41:28" => self.host.advance(Duration::from_secs(25)),
            "41:18" => self.host.advance(Duration::from_secs(24)),
            _ => {}
        }
        let asked = asked.to_owned();
        self.change(move |state| state.local = asked);
    }

    fn change(&mut self, work: impl FnOnce(&mut State)) {
        self.host.with_state(work).unwrap();
    }
}

/// Leaves only pve2, before it joins.
fn apart(state: &mut State) {
    let Some(mut first) = state.nodes.remove("pve1") else { return };
    let mut second = first.clone();
    (second.name, second.ip, second.id) = ("pve2".into(), "198.51.100.11".into(), 0);
    state.nodes.insert("pve2".into(), second);
    first.fingerprint = FINGERPRINT.into();
    let neighbor = Neighbor { node: first, cluster: "rigcl".into(), password: PASSWORD.into() };
    state.neighbors.insert("198.51.100.10".into(), neighbor);
    // The guests stay on pve1, which is not visible.
    state.guests.values_mut().for_each(|guest| guest.node = "pve1".into());
    state.cluster = None;
    state.local = "pve2".into();
}

/// Sets both nodes as members, regardless of the join before.
fn together(state: &mut State) {
    for (address, neighbor) in std::mem::take(&mut state.neighbors) {
        assert_eq!(address, "198.51.100.10");
        state.nodes.insert("pve1".into(), neighbor.node);
    }
    state.cluster = Some("rigcl".into());
    for (id, node) in (1..).zip(state.nodes.values_mut()) {
        node.id = id;
    }
}

fn lose_the_volume_of(state: &mut State, vmid: u32) {
    if let Some(guest) = state.guests.get_mut(&vmid) {
        guest.node = "pve1".into();
    }
    for storage in state.storages.values_mut() {
        storage.volumes.retain(|volume| volume.vmid != Some(vmid) || volume.content == "backup");
    }
}

/// Sets a node as in the SDN tests: a bridge with a port, and a network that does not reload.
fn with_ifupdown2(node: &mut Node) {
    for interface in &mut node.network {
        if interface["iface"] == "vmbr0" {
            interface.insert("gateway".into(), "198.51.100.1".into());
            interface.insert("bridge_ports".into(), "eth0".into());
        } else {
            interface.shift_remove("exists");
            interface.insert("priority".into(), 3.into());
        }
    }
    let why = "incompatible 'ifupdown2' package version '3.0.0-1.3'! Did you install from Proxmox repositories?";
    node.reload_error = Some(why.into());
}

fn unreachable(state: &mut State, why: Option<&str>) {
    if let Some(node) = state.nodes.get_mut("pve2") {
        node.unreachable = why.map(str::to_owned);
    }
}

fn online(state: &mut State, online: bool) {
    if let Some(node) = state.nodes.get_mut("pve2") {
        node.online = online;
    }
}
