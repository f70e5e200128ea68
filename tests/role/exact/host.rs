//! Nodes, storages, tasks, and what felhom asks about itself.

use super::{Case, lxc, prove};
use felhom::api::GuestKind;
use felhom::demo::state::State;

const ADD: &[&str] =
    &["context", "add", "home", "--endpoint", "{endpoint}", "--token-id", "felhom@pve!rig", "--secret", "{secret}", "--ca-file", "{ca}"];
const BACKUP: &[&str] = &["backup", "run", "101", "--storage", "local"];

const START: &[&str] = &["guest", "start", "101"];
const START_VM: &[&str] = &["guest", "start", "201"];

/// A network that is to go, with guests on it.
fn network(state: &mut State) {
    let config = |zone: Option<&str>| {
        let mut config = serde_json::Map::from_iter([("type".to_owned(), if zone.is_some() { "vnet" } else { "simple" }.into())]);
        config.extend(zone.map(|zone| ("zone".to_owned(), zone.into())));
        config
    };
    state.section_mut("sdn-zones").insert("lab".into(), config(None));
    state.section_mut("sdn-zones-applied").insert("lab".into(), config(None));
    state.section_mut("sdn-vnets-applied").insert("labnet".into(), config(Some("lab")));
    for (vmid, card) in [(101, "name=eth0,bridge=labnet"), (201, "virtio,bridge=labnet")] {
        state.guests.get_mut(&vmid).unwrap().config.insert("net0".into(), card.into());
    }
}

/// A node with a certificate that somebody gave it.
fn certificate(state: &mut State) {
    let pem = state.nodes["pve1"].cert_pem.clone();
    let given = serde_json::Map::from_iter([("filename".to_owned(), "pveproxy-ssl.pem".into()), ("pem".to_owned(), pem.into())]);
    state.section_mut("custom-certificates").insert("pve1".into(), given);
}

/// The tasks are the token's own: others' take Sys.Audit to see, and Sys.Modify to stop.
fn own(state: &mut State) {
    state.tasks.iter_mut().for_each(|task| task.user = "felhom@pve!rig".into());
}

/// The same, and the last of them has an hour to go.
fn running(state: &mut State) {
    own(state);
    let task = state.tasks.last_mut().unwrap();
    task.end_ms = task.start_ms + 3_600_000_000;
}

pub(super) static CASES: &[Case] = &[
    lxc("node list", &["-o", "id"], &[]),
    lxc("node status", &["pve1"], &[]),
    lxc("node smart", &["pve1"], &[]),
    lxc("node certs", &["pve1"], &[]),
    lxc("node cert upload", &["pve1", "--certificate", "{certificate}", "--replace", "--yes"], &[]).set(certificate),
    lxc("node cert delete", &["pve1", "--yes"], &[]).set(certificate),
    lxc("node reboot", &["pve1", "--confirm", "pve1"], &[]),
    lxc("node shutdown", &["pve1", "--confirm", "pve1"], &[]),
    lxc("sdn pending", &["-o", "json"], &[]).set(network),
    lxc("sdn apply", &["--yes", "-o", "json"], &[START]).set(network),
    Case { kind: GuestKind::Qemu, guests: &[201], ..lxc("sdn apply", &["--yes", "-o", "json"], &[START_VM]).set(network) },
    lxc("storage list", &["-o", "id"], &[]),
    lxc("task list", &["-o", "id"], &[BACKUP]).set(own),
    lxc("task show", &["{upid}"], &[BACKUP]).set(own),
    lxc("task log", &["{upid}"], &[BACKUP]).set(own),
    lxc("task wait", &["{upid}"], &[BACKUP]).set(own),
    lxc("task stop", &["{upid}", "--yes"], &[BACKUP]).set(running),
    // It says what it may not see: that is a problem.
    lxc("doctor", &[], &[]).ends(1),
    // And this, that nothing is granted.
    lxc("role check", &[], &[]).ends(4),
    lxc("role list", &["--builtin", "-o", "id"], &[]),
    lxc("role show", &["PVEAuditor"], &[]),
    lxc("context test", &[], &[]),
    lxc("context add", ADD.split_at(2).1, &[]),
    lxc("context trust", &["home", "--ca-file", "{ca}"], &[]),
];

#[test]
fn all() {
    prove(CASES);
}
