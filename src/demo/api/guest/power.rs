//! Start, stop, shut down, reboot, suspend, resume.

use super::{check_skiplock, is_running, kind, locked};
use crate::demo::api::{Answer, Refusal, Req, Route};
use crate::demo::state::{Guest, GuestKind, Power, State};
use crate::demo::tasks::{Effect, TaskSpec};

pub(super) const ROUTES: &[Route] = &[
    ("POST", "/nodes/{node}/lxc/{vmid}/status/start", start),
    ("POST", "/nodes/{node}/qemu/{vmid}/status/start", start),
    ("POST", "/nodes/{node}/lxc/{vmid}/status/stop", stop),
    ("POST", "/nodes/{node}/qemu/{vmid}/status/stop", stop),
    ("POST", "/nodes/{node}/lxc/{vmid}/status/shutdown", shutdown),
    ("POST", "/nodes/{node}/qemu/{vmid}/status/shutdown", shutdown),
    ("POST", "/nodes/{node}/lxc/{vmid}/status/reboot", reboot),
    ("POST", "/nodes/{node}/qemu/{vmid}/status/reboot", reboot),
    ("POST", "/nodes/{node}/qemu/{vmid}/status/reset", reset),
    ("POST", "/nodes/{node}/lxc/{vmid}/status/suspend", suspend),
    ("POST", "/nodes/{node}/qemu/{vmid}/status/suspend", suspend),
    ("POST", "/nodes/{node}/lxc/{vmid}/status/resume", resume),
    ("POST", "/nodes/{node}/qemu/{vmid}/status/resume", resume),
];

/// Creates a task such as `vzstart` or `qmstart`.
fn task(kind: GuestKind, verb: &str, vmid: u32) -> TaskSpec {
    let prefix = if kind == GuestKind::Lxc { "vz" } else { "qm" };
    TaskSpec::new(format!("{prefix}{verb}"), vmid)
}

fn power(vmid: u32, power: Power) -> Effect {
    Effect::SetPower { vmid, power }
}

fn not_running(req: &Req<'_>) -> Refusal {
    Refusal::die(format!("{} {} not running", kind(req).label(), req.vmid()))
}

/// Returns the error about a guest without processes; a missing VM has another one.
fn no_process(req: &Req<'_>) -> Refusal {
    match kind(req) {
        GuestKind::Lxc => not_running(req),
        GuestKind::Qemu if req.guest(GuestKind::Qemu).is_err() => Refusal::die(no_file(req)),
        GuestKind::Qemu => Refusal::die(format!("VM {} not running", req.vmid())),
    }
}

fn no_file(req: &Req<'_>) -> String {
    format!("unable to find configuration file for VM {} on node '{}'", req.vmid(), req.node())
}

/// Returns the task of stopping a stopped VM, which succeeds.
fn nothing_to_stop(req: &Req<'_>, spec: &TaskSpec) -> Option<TaskSpec> {
    if kind(req) == GuestKind::Lxc || is_running(req) {
        return None;
    }
    let spec = spec.clone().takes(0.1);
    Some(if req.guest(GuestKind::Qemu).is_err() { spec.fail(no_file(req)) } else { spec.ok() })
}

/// Returns the guest as the task finds it, or the task's error.
fn in_worker(req: &Req<'_>, skiplock: bool, bears: &[&str]) -> Result<Guest, String> {
    let guest = req.guest(kind(req)).cloned().map_err(|refusal| refusal.message)?;
    match locked(&guest) {
        Some(words) if !skiplock && !guest.lock().is_some_and(|lock| bears.contains(&lock)) => Err(words),
        _ => Ok(guest),
    }
}

/// Requests a power action of an HA resource; the manager carries it out in a task of its own.
fn through_ha(req: &mut Req<'_>, verb: &str, then: TaskSpec) -> Answer {
    let (vmid, node, label) = (req.vmid(), req.node(), kind(req).label());
    let word = if verb == "hastart" { "start" } else { "stop" };
    let spec = TaskSpec::new(verb, vmid).log(format!("Requesting HA {word} for {label} {vmid}")).takes(0.5).ok();
    if let Some(id) = req.state.guests.get(&vmid).map(Guest::ha_id)
        && let Some(resource) = req.state.ha.resources.get_mut(&id)
    {
        resource.insert("state".to_owned(), if word == "start" { "started" } else { "stopped" }.into());
    }
    crate::demo::ha::later(req.state, vmid, then, &node, req.now_ms);
    req.start(spec)
}

fn start(req: &mut Req<'_>) -> Answer {
    let skiplock = check_skiplock(req)?;
    let (kind, vmid) = (kind(req), req.vmid());
    if is_running(req) && kind == GuestKind::Lxc {
        return Err(Refusal::die(format!("CT {vmid} already running")));
    }
    let spec = task(kind, "start", vmid);
    let spec = match in_worker(req, skiplock, &["mounted", "suspended"]) {
        Err(words) => spec.takes(0.2).fail(words),
        Ok(guest) if guest.is_template() && kind == GuestKind::Lxc => spec.fail("you can't start a CT if it's a template"),
        Ok(guest) if guest.is_template() => spec.fail("you can't start a vm if it's a template"),
        Ok(guest) if guest.power.is_on() => spec.fail(format!("VM {vmid} already running")),
        Ok(guest) if kind == GuestKind::Qemu && guest.power == Power::Suspended => {
            let spec = spec.log("Resuming suspended VM").takes(1.5).then(Effect::SetLock { vmid, lock: None });
            spec.then(power(vmid, Power::Running)).log("Resumed VM, removing state").ok()
        }
        Ok(guest) => match cannot_start(req.state, &guest) {
            Some(words) => spec.takes(0.4).fail(words),
            None => spec.takes(if kind == GuestKind::Lxc { 1.2 } else { 1.8 }).then(power(vmid, Power::Running)).ok(),
        },
    };
    if req.state.ha_of(vmid).is_some() {
        return through_ha(req, "hastart", spec);
    }
    req.start(spec)
}

/// Returns why a start fails.
pub(in crate::demo::api) fn cannot_start(state: &State, guest: &Guest) -> Option<String> {
    let disks = super::disks::disks(guest.kind, &guest.config);
    let lost = || disks.iter().find(|disk| disk.is_lost(state)).map(|disk| format!("volume '{}' does not exist", disk.volume()));
    missing_storage(state, guest).or_else(lost).or_else(|| missing_bridge(state, guest))
}

/// Returns the error about a disk on a deleted storage.
fn missing_storage(state: &State, guest: &Guest) -> Option<String> {
    let disks = super::disks::disks(guest.kind, &guest.config);
    let gone = disks.iter().filter_map(super::disks::Disk::storage).find(|id| !state.storages.contains_key(*id));
    gone.map(|id| format!("storage '{id}' does not exist"))
}

/// Returns the error about a network device whose bridge does not exist on the node.
pub(super) fn missing_bridge(state: &State, guest: &Guest) -> Option<String> {
    let node = state.nodes.get(&guest.node).filter(|node| !node.network.is_empty())?;
    let known = |bridge: &str| node.network.iter().any(|iface| iface.get("iface").and_then(|name| name.as_str()) == Some(bridge));
    let mut nets: Vec<(&String, &str)> =
        guest.config.iter().filter(|(k, _)| super::disks::is_net(k)).filter_map(|(k, v)| Some((k, v.as_str()?))).collect();
    nets.sort();
    let vnet = |bridge: &str| state.vnets_on(&guest.node).any(|(id, _)| id == bridge);
    let (_, bridge) = nets
        .into_iter()
        .filter_map(|(key, text)| Some((key, text.split(',').find_map(|part| part.strip_prefix("bridge="))?)))
        .find(|(_, bridge)| !known(bridge) && !vnet(bridge))?;
    Some(match guest.kind {
        GuestKind::Lxc => format!("bridge '{bridge}' does not exist"),
        GuestKind::Qemu => format!(
            "bridge '{bridge}' does not exist\nkvm: -netdev type=tap: network script /usr/libexec/qemu-server/pve-bridge failed with status 512\nstart failed: QEMU exited with code 1"
        ),
    })
}

fn stop(req: &mut Req<'_>) -> Answer {
    let skiplock = check_skiplock(req)?;
    let (kind, vmid) = (kind(req), req.vmid());
    if !is_running(req) && kind == GuestKind::Lxc {
        return Err(not_running(req));
    }
    let managed = req.state.ha_of(vmid).is_some();
    if managed && req.params.flag("overrule-shutdown") {
        return Err(Refusal::param("overrule-shutdown", "Not applicable for HA resources."));
    }
    let spec = task(kind, "stop", vmid);
    let idle = nothing_to_stop(req, &spec);
    let spec = match in_worker(req, skiplock, &["mounted"]) {
        _ if idle.is_some() => idle.unwrap_or(spec),
        Err(words) => spec.takes(0.2).fail(words),
        Ok(_) => spec.takes(0.8).then(power(vmid, Power::Stopped)).ok(),
    };
    if managed {
        return through_ha(req, "hastop", spec);
    }
    req.start(spec)
}

fn shutdown(req: &mut Req<'_>) -> Answer {
    let skiplock = check_skiplock(req)?;
    let (kind, vmid) = (kind(req), req.vmid());
    if !is_running(req) && kind == GuestKind::Lxc {
        return Err(not_running(req));
    }
    if req.guest(kind).is_ok_and(|guest| guest.power == Power::Paused) && !req.params.flag("forceStop") {
        return Err(Refusal::die("VM is paused - cannot shutdown"));
    }
    let spec = task(kind, "shutdown", vmid);
    let timeout = req.params.int("timeout").unwrap_or(60);
    let idle = nothing_to_stop(req, &spec);
    let spec = match in_worker(req, skiplock, &[]) {
        _ if idle.is_some() => idle.unwrap_or(spec),
        Err(words) => spec.takes(0.2).fail(words),
        Ok(_) => spec.takes(if timeout < 3 { 1.0 } else { 2.5 }).then(power(vmid, Power::Stopped)).ok(),
    };
    if req.state.ha_of(vmid).is_some() {
        return through_ha(req, "hastop", spec);
    }
    req.start(spec)
}

fn reboot(req: &mut Req<'_>) -> Answer {
    let (kind, vmid) = (kind(req), req.vmid());
    if !is_running(req) {
        // The host says VM here even for containers.
        let missing = kind == GuestKind::Qemu && req.guest(kind).is_err();
        return Err(Refusal::die(if missing { no_file(req) } else { format!("VM {vmid} not running") }));
    }
    if req.guest(kind)?.power == Power::Paused {
        return Err(Refusal::die("VM is paused - cannot shutdown"));
    }
    let spec = task(kind, "reboot", vmid);
    let spec = match in_worker(req, false, &[]) {
        Err(words) => spec.takes(0.2).fail(words),
        Ok(_) => spec.takes(2.5).then(power(vmid, Power::Stopped)).takes(1.2).then(power(vmid, Power::Running)).ok(),
    };
    req.start(spec)
}

fn reset(req: &mut Req<'_>) -> Answer {
    let skiplock = check_skiplock(req)?;
    let vmid = req.vmid();
    if !is_running(req) {
        return Err(no_process(req));
    }
    let spec = TaskSpec::new("qmreset", vmid);
    let spec = match in_worker(req, skiplock, &[]) {
        Err(words) => spec.fail(words),
        Ok(_) => spec.takes(0.2).ok(),
    };
    req.start(spec)
}

fn suspend(req: &mut Req<'_>) -> Answer {
    let (kind, vmid) = (kind(req), req.vmid());
    if kind == GuestKind::Lxc {
        if !is_running(req) {
            return Err(not_running(req));
        }
        let command = format!("command 'lxc-checkpoint -n {vmid} -s -D /var/lib/vz/dump' failed: exit code 1");
        let spec = TaskSpec::new("vzsuspend", vmid);
        let spec = match in_worker(req, false, &[]) {
            Err(words) => spec.fail(words),
            Ok(_) => spec.takes(0.4).fail(command),
        };
        return req.start(spec);
    }
    let skiplock = check_skiplock(req)?;
    let to_disk = req.params.flag("todisk");
    if req.params.has("statestorage") && !to_disk {
        return Err(Refusal::param("statestorage", "can only be used with 'todisk'"));
    }
    if !is_running(req) {
        return Err(no_process(req));
    }
    if to_disk && req.state.ha_of(vmid).is_some() {
        return Err(Refusal::die("Cannot suspend HA managed VM to disk"));
    }
    if to_disk {
        req.check(&format!("/vms/{vmid}"), &["VM.Config.Disk"])?;
        if let Some(storage) = req.params.get("statestorage") {
            req.check(&format!("/storage/{storage}"), &["Datastore.AllocateSpace"])?;
        }
    }
    let spec = TaskSpec::new(if to_disk { "qmsuspend" } else { "qmpause" }, vmid);
    let spec = match in_worker(req, skiplock, &[]) {
        Err(words) => spec.fail(words),
        Ok(guest) if to_disk => {
            let size = (guest.max_memory() as f64 * guest.load.memory) as u64;
            let lock = |word: Option<&str>| Effect::SetLock { vmid, lock: word.map(str::to_owned) };
            let spec = spec.then(lock(Some("suspending"))).on_stop(lock(None));
            let spec = spec.log(format!("State storage: {size} bytes")).takes(2.0 + size as f64 / 1e9);
            spec.log("completed saving the VM state").then(power(vmid, Power::Suspended)).then(lock(Some("suspended"))).ok()
        }
        Ok(_) => spec.takes(0.2).then(power(vmid, Power::Paused)).ok(),
    };
    req.start(spec)
}

fn resume(req: &mut Req<'_>) -> Answer {
    let (kind, vmid) = (kind(req), req.vmid());
    if kind == GuestKind::Lxc {
        if is_running(req) {
            return Err(Refusal::die(format!("CT {vmid} already running")));
        }
        let words = format!("command 'lxc-checkpoint -n {vmid} -r --foreground -D /var/lib/vz/dump' failed: exit code 1");
        return req.start(TaskSpec::new("vzresume", vmid).takes(0.4).fail(words));
    }
    let skiplock = check_skiplock(req)?;
    let guest = req.guest(kind)?.clone();
    if !guest.power.is_on() && guest.power != Power::Suspended {
        return Err(Refusal::die(format!("VM {vmid} not running")));
    }
    let spec = TaskSpec::new("qmresume", vmid);
    let spec = match in_worker(req, skiplock, &["suspended"]) {
        Err(words) => spec.fail(words),
        Ok(guest) if guest.power == Power::Suspended => {
            spec.takes(1.5).then(Effect::SetLock { vmid, lock: None }).then(power(vmid, Power::Running)).ok()
        }
        Ok(_) => spec.takes(0.2).then(power(vmid, Power::Running)).ok(),
    };
    req.start(spec)
}

/// Returns the start task after a creation.
pub(super) fn start_after(state: &State, guest: &Guest) -> TaskSpec {
    let (kind, vmid) = (guest.kind, guest.vmid);
    let spec = task(kind, "start", vmid);
    match missing_storage(state, guest).or_else(|| missing_bridge(state, guest)) {
        Some(words) => spec.takes(0.4).fail(words),
        None => spec.takes(1.2).then(power(vmid, Power::Running)).ok(),
    }
}
