//! Reboot, shutdown and bulk actions of a node.

use serde_json::json;

use super::the_node;
use crate::demo::api::{Answer, Refusal, Reply, Req, Route};
use crate::demo::state::{Guest, GuestKind, Power};
use crate::demo::tasks::{Effect, TaskSpec};

pub(super) const ROUTES: &[Route] = &[
    ("POST", "/nodes/{node}/status", command),
    ("POST", "/nodes/{node}/startall", start_all),
    ("POST", "/nodes/{node}/stopall", stop_all),
    ("POST", "/nodes/{node}/suspendall", suspend_all),
    ("POST", "/nodes/{node}/migrateall", migrate_all),
    ("POST", "/nodes/{node}/wakeonlan", wake),
    ("POST", "/nodes/{node}/vncshell", shell),
    ("POST", "/nodes/{node}/termproxy", shell),
    ("POST", "/nodes/{node}/spiceshell", shell),
];

/// Reboots a node or shuts it down. The local node stays online.
fn command(req: &mut Req<'_>) -> Answer {
    let (name, now) = (the_node(req).name.clone(), req.now());
    let shutdown = req.params.text("command") == "shutdown";
    let is_local = name == req.state.local;
    for guest in req.state.guests.values_mut().filter(|g| g.node == name) {
        guest.power = Power::Stopped;
        guest.started = None;
    }
    if let Some(node) = req.state.nodes.get_mut(&name) {
        node.booted = now;
        node.online = is_local || !shutdown;
    }
    Ok(Reply::null())
}

/// Returns the matching guests, limited to the named ones if any.
fn chosen<'a>(req: &'a Req<'_>, fits: impl Fn(&Guest) -> bool) -> Vec<&'a Guest> {
    let (node, named) = (the_node(req).name.clone(), req.params.list("vms"));
    let wanted = |g: &&Guest| g.node == node && fits(g) && (named.is_empty() || named.contains(&g.vmid.to_string()));
    req.state.guests.values().filter(wanted).collect()
}

fn may(req: &Req<'_>) -> Result<(), Refusal> {
    if req.may("/", &["VM.PowerMgmt"]) {
        return Ok(());
    }
    let vms = req.params.list("vms");
    if vms.is_empty() {
        return Err(Refusal::denied("/", "VM.PowerMgmt"));
    }
    vms.iter().try_for_each(|id| req.check(&format!("/vms/{id}"), &["VM.PowerMgmt"]))
}

fn start_all(req: &mut Req<'_>) -> Answer {
    may(req)?;
    let force = req.params.flag("force");
    let mut spec = TaskSpec::new("startall", "");
    for guest in chosen(req, |g| force || g.flag("onboot")).into_iter().filter(|g| !g.power.is_on() && !g.is_template()) {
        spec = spec.log(format!("Starting {} {}", guest.kind.label(), guest.vmid)).takes(1.0).then(Effect::power_on(guest.vmid));
    }
    req.start(spec.ok())
}

fn stop_all(req: &mut Req<'_>) -> Answer {
    may(req)?;
    let mut spec = TaskSpec::new("stopall", "");
    for guest in chosen(req, |_| true).into_iter().filter(|g| g.power.is_on()) {
        spec = spec
            .log(format!("Stopping {} {} (timeout = 180 seconds)", guest.kind.label(), guest.vmid))
            .takes(2.0)
            .then(Effect::power_off(guest.vmid));
    }
    req.start(spec.ok())
}

fn suspend_all(req: &mut Req<'_>) -> Answer {
    may(req)?;
    let (mut spec, mut skipped) = (TaskSpec::new("suspendall", ""), 0);
    for guest in chosen(req, |_| true) {
        let vmid = guest.vmid;
        if guest.kind == GuestKind::Lxc {
            spec = spec.log(format!("WARN: skipping {vmid}, only VMs can be suspended"));
            skipped += 1;
        } else if guest.power.is_on() {
            let suspend = Effect::SetPower { vmid, power: Power::Suspended };
            let lock = Effect::SetLock { vmid, lock: Some("suspended".to_owned()) };
            spec = spec.log(format!("Suspending VM {vmid}")).takes(2.0).then(suspend).then(lock);
        }
    }
    req.start(if skipped > 0 { spec.warnings(skipped) } else { spec.ok() })
}

fn migrate_all(req: &mut Req<'_>) -> Answer {
    let (node, target) = (the_node(req).name.clone(), req.params.text("target").to_owned());
    if target == node {
        return Err(Refusal::param("target", "target is local node."));
    }
    if !req.state.nodes.contains_key(&target) {
        return Err(Refusal::die(format!("no such cluster node '{target}'")));
    }
    if !req.params.has("max-workers") && !req.state.options.contains_key("max_workers") {
        return Err(Refusal::die("either 'max-workers' parameter or max_workers in datacenter.cfg must be set!"));
    }
    let mut spec = TaskSpec::new("migrateall", "");
    for guest in chosen(req, |_| true) {
        let away = Effect::MoveGuest { vmid: guest.vmid, node: target.clone() };
        spec = spec.log(format!("Migrating {} {}", guest.kind.label(), guest.vmid)).takes(4.0).then(away);
    }
    req.start(spec.log("All jobs finished, used 1 workers in total.").ok())
}

fn wake(req: &mut Req<'_>) -> Answer {
    let name = req.params.text("node").to_owned();
    match req.state.nodes.get_mut(&name).filter(|_| name != req.state.local) {
        Some(node) => {
            node.online = true;
            Ok(json!("BC:24:11:00:00:01").into())
        }
        None => Err(Refusal::die(format!("'{name}' is local node, cannot wake my self!"))),
    }
}

/// Refuses a shell; tokens have no valid user name for its ticket.
fn shell(req: &mut Req<'_>) -> Answer {
    let who = req.who.name();
    if req.who.token.is_some() {
        return Err(Refusal::die(format!("value '{who}' does not look like a valid user name")));
    }
    Err(Refusal::die("Timeout while waiting for port '5900' to get ready!"))
}
