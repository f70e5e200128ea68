//! Migration to another cluster, and its tunnel on the other side.

use serde_json::json;

use super::{check_lock, kind, random, the_guest};
use crate::demo::api::{Answer, Refusal, Reply, Req, Route};
use crate::demo::state::{Guest, GuestKind};
use crate::demo::tasks::{self, Effect, TaskSpec};

pub(super) const ROUTES: &[Route] = &[
    ("POST", "/nodes/{node}/lxc/{vmid}/remote_migrate", migrate),
    ("POST", "/nodes/{node}/qemu/{vmid}/remote_migrate", migrate),
    ("POST", "/nodes/{node}/lxc/{vmid}/mtunnel", tunnel),
    ("POST", "/nodes/{node}/qemu/{vmid}/mtunnel", tunnel),
    ("POST", "/nodes/{node}/qemu/{vmid}/dbus-vmstate", vmstate),
];

fn part<'a>(endpoint: &'a str, key: &str) -> Option<&'a str> {
    endpoint.split(',').find_map(|part| part.strip_prefix(key)?.strip_prefix('='))
}

/// Migrates a guest to a neighboring host; others cannot be connected to.
fn migrate(req: &mut Req<'_>) -> Answer {
    let (kind, guest) = (kind(req), the_guest(req)?);
    check_lock(&guest)?;
    let word = if kind == GuestKind::Lxc { "CT" } else { "VM" };
    if req.state.ha_of(guest.vmid).is_some() {
        return Err(Refusal::param("vmid", format!("cannot remote-migrate {word} that is configured for HA")));
    }
    let endpoint = req.params.text("target-endpoint");
    let (host, port) = (part(endpoint, "host").unwrap_or_default(), part(endpoint, "port").unwrap_or("8006"));
    let Some(other) = req.state.neighbors.get(host).map(|neighbor| neighbor.node.fingerprint.clone()) else {
        return Err(Refusal::die(format!("500 Can't connect to {host}:{port} (No route to host)")));
    };
    if let Some(given) = part(endpoint, "fingerprint").filter(|given| !given.eq_ignore_ascii_case(&other)) {
        return Err(Refusal::die(format!("500 Can't connect to {host}:{port} (fingerprint '{given}' not verified, abort!)")));
    }
    let prefix = format!("{}-", guest.vmid);
    if req.state.section("/cluster/replication").any(|(id, _)| id.starts_with(&prefix)) {
        return Err(Refusal::die(format!("cannot remote-migrate replicated {word}")));
    }
    if guest.power.is_on() && !req.params.flag("online") && !req.params.flag("restart") {
        return Err(Refusal::die(format!("can't migrate running {} without --online", if word == "CT" { "container" } else { "VM" })));
    }
    if req.params.text("target-storage") == "1" {
        return Err(Refusal::die("remote migration requires explicit storage mapping!"));
    }
    let spec = away(req, &guest, host);
    req.start(spec)
}

/// Returns the task of a migration. The guest stays locked unless `delete` is set.
fn away(req: &Req<'_>, guest: &Guest, host: &str) -> TaskSpec {
    let (vmid, name) = (guest.vmid, if guest.kind == GuestKind::Lxc { "vzmigrate" } else { "qmigrate" });
    let target = req.params.int("target-vmid").unwrap_or_else(|| vmid.into());
    let spec = TaskSpec::new(name, vmid)
        .log(format!("remote: started tunnel worker on '{host}'"))
        .log(format!("starting migration of {} {vmid} to remote '{host}' as {target}", guest.kind.label()))
        .takes(6.0)
        .log("migration finished successfully");
    let spec = spec.then(Effect::power_off(vmid));
    if req.params.flag("delete") {
        return spec.then(Effect::RemoveGuest { vmid, purge: true }).ok();
    }
    spec.then(Effect::SetLock { vmid, lock: Some("migrate".to_owned()) }).ok()
}

/// Opens a tunnel for a guest from another cluster.
fn tunnel(req: &mut Req<'_>) -> Answer {
    let (kind, vmid, node) = (kind(req), req.vmid(), req.node());
    for storage in req.params.list("storages") {
        req.check(&format!("/storage/{storage}"), &["Datastore.AllocateSpace"])?;
        super::disks::usable(req.state, &storage, &node)?;
    }
    if req.state.guests.contains_key(&vmid) {
        let label = kind.label();
        return Err(Refusal::param(
            "vmid",
            format!("unable to create empty {label} config - {label} {vmid} already exists on node '{node}'"),
        ));
    }
    let (prefix, socket) = if kind == GuestKind::Lxc {
        ("vz", format!("/run/pve/ct-{vmid}.mtunnel"))
    } else {
        ("qm", format!("/run/qemu-server/{vmid}.mtunnel"))
    };
    let spec = TaskSpec::new(format!("{prefix}mtunnel"), vmid).takes(10.0).fail("timed out waiting for client");
    let user = req.who.name();
    let upid = tasks::start(req.state, spec, &node, &user, req.now_ms);
    let ticket = format!("PVETUNNEL:{:08X}::{}", req.now(), random::hex(64));
    Ok(json!({ "upid": upid, "ticket": ticket, "socket": socket }).into())
}

/// Starts or stops the helper that migrates the firewall's connections.
fn vmstate(req: &mut Req<'_>) -> Answer {
    the_guest(req)?;
    Ok(Reply::null())
}
