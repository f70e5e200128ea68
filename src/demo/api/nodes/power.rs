//! A node as a whole: reboot, shutdown, and all its guests at once.

use serde_json::json;

use super::the_node;
use crate::demo::api::{Answer, Refusal, Reply, Req, Route};
use crate::demo::state::{Guest, GuestKind};
use crate::demo::tasks::{Effect, TaskSpec};

pub(super) const ROUTES: &[Route] = &[
    ("POST", "/nodes/{node}/status", command),
    ("POST", "/nodes/{node}/startall", start_all),
    ("POST", "/nodes/{node}/stopall", stop_all),
    ("POST", "/nodes/{node}/wakeonlan", wake),
    ("POST", "/nodes/{node}/vncshell", shell),
    ("POST", "/nodes/{node}/termproxy", shell),
];

/// A reboot only moves the time of the boot; a shutdown takes the node away, unless it is the one that answers.
fn command(req: &mut Req<'_>) -> Answer {
    let (name, now) = (the_node(req).name.clone(), req.now());
    let shutdown = req.params.text("command") == "shutdown";
    let is_local = name == req.state.local;
    for guest in req.state.guests.values_mut().filter(|g| g.node == name) {
        guest.power = crate::demo::state::Power::Stopped;
        guest.started = None;
    }
    if let Some(node) = req.state.nodes.get_mut(&name) {
        node.booted = now;
        node.online = is_local || !shutdown;
    }
    Ok(Reply::null())
}

/// The guests that are meant: those that were named, or all that fit.
fn chosen<'a>(req: &'a Req<'_>, fits: impl Fn(&Guest) -> bool) -> Vec<&'a Guest> {
    let (node, named) = (the_node(req).name.clone(), req.params.list("vms"));
    let wanted = |g: &&Guest| g.node == node && if named.is_empty() { fits(g) } else { named.contains(&g.vmid.to_string()) };
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
        let label = if guest.kind == GuestKind::Lxc { "CT" } else { "VM" };
        spec = spec.log(format!("Stopping {label} {} (timeout = 180 seconds)", guest.vmid)).takes(2.0).then(Effect::power_off(guest.vmid));
    }
    req.start(spec.ok())
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

/// A token has no name that a shell's ticket could be made for.
fn shell(req: &mut Req<'_>) -> Answer {
    let who = req.who.name();
    if req.who.token.is_some() {
        return Err(Refusal::die(format!("value '{who}' does not look like a valid user name")));
    }
    Err(Refusal::die("Timeout while waiting for port '5900' to get ready!"))
}
