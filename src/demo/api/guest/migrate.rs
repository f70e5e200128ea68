//! Migrating guests to other nodes.

use serde_json::{Map, Value, json};

use super::disks::{self, Disk, Source};
use super::{check_lock, kind, the_guest};
use crate::demo::api::{Answer, Refusal, Req, Route};
use crate::demo::state::{Guest, GuestKind, Power};
use crate::demo::tasks::{Effect, TaskSpec};

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/nodes/{node}/lxc/{vmid}/migrate", preconditions),
    ("GET", "/nodes/{node}/qemu/{vmid}/migrate", preconditions),
    ("POST", "/nodes/{node}/lxc/{vmid}/migrate", migrate),
    ("POST", "/nodes/{node}/qemu/{vmid}/migrate", migrate),
];

/// Returns the guest's storages that a node lacks.
fn missing(req: &Req<'_>, guest: &Guest, node: &str) -> Vec<String> {
    let disks = disks::disks(guest.kind, &guest.config);
    let mut names: Vec<String> = disks
        .iter()
        .filter_map(Disk::storage)
        .filter(|id| req.state.storages.get(*id).is_none_or(|storage| !storage.on_node(node)))
        .map(str::to_owned)
        .collect();
    names.sort();
    names.dedup();
    names
}

fn local_disks(req: &Req<'_>, guest: &Guest) -> Vec<Disk> {
    let local = |disk: &Disk| disk.storage().and_then(|id| req.state.storages.get(id)).is_some_and(|storage| !storage.is_shared());
    disks::disks(guest.kind, &guest.config).into_iter().filter(local).collect()
}

fn preconditions(req: &mut Req<'_>) -> Answer {
    let guest = the_guest(req)?;
    let node = req.node();
    let others: Vec<String> = req.state.nodes.keys().filter(|name| **name != node).cloned().collect();
    let (mut allowed, mut refused) = (Vec::new(), Map::new());
    for other in others {
        let missing = missing(req, &guest, &other);
        if missing.is_empty() {
            allowed.push(other);
        } else {
            refused.insert(other, json!({ "unavailable_storages": missing }));
        }
    }
    let running = u8::from(guest.power.is_on());
    if guest.kind == GuestKind::Qemu {
        // For VMs, allowed nodes are listed as well, with an empty object.
        for node in &allowed {
            refused.insert(node.clone(), json!({}));
        }
    }
    if guest.kind == GuestKind::Lxc {
        return Ok(json!({ "allowed-nodes": allowed, "not-allowed-nodes": refused, "running": running }).into());
    }
    let local: Vec<Value> = local_disks(req, &guest)
        .iter()
        .map(|disk| {
            json!({
                "cdrom": u8::from(disk.source() == Source::Media), "drivename": disk.key, "is_attached": 1, "is_cloudinit": 0,
                "is_tpmstate": 0, "is_unused": 0, "is_vmstate": 0, "replicate": u8::from(disk.get("replicate") != "0"), "shared": 0,
                "size": disk.size(), "volid": disk.volume(),
            })
        })
        .collect();
    Ok(json!({
        "allowed_nodes": allowed, "has-dbus-vmstate": 1, "local_disks": local, "local_resources": [], "mapped-resource-info": {},
        "mapped-resources": [], "not_allowed_nodes": refused, "running": running,
    })
    .into())
}

fn migrate(req: &mut Req<'_>) -> Answer {
    let (kind, vmid, node) = (kind(req), req.vmid(), req.node());
    let target = req.params.text("target").to_owned();
    if target == node {
        return Err(Refusal::param("target", "target is local node."));
    }
    match req.state.nodes.get(&target) {
        None => return Err(Refusal::die(format!("no such cluster node '{target}'"))),
        Some(other) if !other.online => {
            let words = "Can't connect to destination address using public key";
            let spec = TaskSpec::new(if kind == GuestKind::Lxc { "vzmigrate" } else { "qmigrate" }, vmid);
            return req
                .start(spec.takes(3.0).log(format!("ERROR: migration aborted (duration 00:00:03): {words}")).fail("migration aborted"));
        }
        Some(_) => {}
    }
    if kind == GuestKind::Qemu && !req.is_root() {
        for name in ["force", "migration_type", "migration_network"] {
            if req.params.has(name) {
                return Err(Refusal::param(name, "Only root may use this option."));
            }
        }
    }
    let guest = the_guest(req)?;
    let running = guest.power.is_on();
    if kind == GuestKind::Qemu {
        check_lock(&guest)?;
    }
    if running {
        let (online, restart) = (req.params.flag("online"), req.params.flag("restart"));
        if kind == GuestKind::Lxc && !online && !restart {
            return Err(Refusal::die("can't migrate running container without --online or --restart"));
        }
        if kind == GuestKind::Qemu && !online {
            return Err(Refusal::die("can't migrate running VM without --online"));
        }
    }
    let mapping = req.params.get(if kind == GuestKind::Lxc { "target-storage" } else { "targetstorage" }).map(str::to_owned);
    if let Some(storage) = mapping.as_deref().filter(|storage| *storage != "1" && !storage.contains(':')) {
        req.check(&format!("/vms/{vmid}"), &["VM.Config.Disk"])?;
        disks::usable(req.state, storage, &target)?;
        req.check(&format!("/storage/{storage}"), &["Datastore.AllocateSpace"])?;
    } else if kind == GuestKind::Qemu
        && let Some(id) = missing(req, &guest, &target).first()
    {
        return Err(Refusal::die(format!("storage '{id}' is not available on node '{target}'")));
    }
    if req.state.ha_of(vmid).is_some() {
        let spec = TaskSpec::new("hamigrate", vmid).log(format!("Requesting HA migration for {} {vmid} to node {target}", kind.label()));
        crate::demo::ha::migrate(req.state, &guest.ha_id(), &target, req.now_ms);
        return req.start(spec.takes(0.5).ok());
    }
    let spec = work(req, &guest, &node, &target, mapping.as_deref());
    req.start(spec)
}

fn work(req: &Req<'_>, guest: &Guest, node: &str, target: &str, mapping: Option<&str>) -> TaskSpec {
    let (vmid, kind) = (guest.vmid, guest.kind);
    let zone = super::times::zone(req.state, node);
    let stamp = |line: &str| format!("{} {line}", super::times::plain(&zone, req.now()));
    let label = kind.label();
    let address = req.state.nodes.get(target).map_or("", |node| node.ip.as_str());
    let name = if kind == GuestKind::Lxc { "vzmigrate" } else { "qmigrate" };
    let mut spec = TaskSpec::new(name, vmid);
    let abort = |spec: TaskSpec, words: &str| {
        spec.takes(0.3).log(stamp(&format!("ERROR: migration aborted (duration 00:00:00): {words}"))).fail("migration aborted")
    };
    if let Some(words) = super::locked(guest) {
        return abort(spec, &words);
    }
    if guest.power.is_on() && kind == GuestKind::Lxc && req.params.flag("online") && !req.params.flag("restart") {
        return abort(spec, "lxc live migration is currently not implemented");
    }
    let local = local_disks(req, guest);
    if guest.power.is_on() && kind == GuestKind::Qemu && !local.is_empty() && !req.params.flag("with-local-disks") {
        spec = spec.log(stamp(&format!("starting migration of {label} {vmid} to node '{target}' ({address})")));
        for disk in &local {
            let volume = disk.volume();
            let why = "can't live migrate attached local disks without with-local-disks option";
            spec = spec.log(stamp(&format!("found local disk '{volume}' (attached)")));
            spec = spec.log(stamp(&format!("can't migrate local disk '{volume}': {why}")));
        }
        let words = "Problem found while scanning volumes - can't migrate VM - check log";
        let spec = spec.log(stamp(&format!("ERROR: {words}"))).log(stamp("aborting phase 1 - cleanup resources"));
        return abort(spec, words);
    }
    spec = spec.log(stamp(&format!("starting migration of {label} {vmid} to node '{target}' ({address})")));
    let lock = |word: Option<&str>| Effect::SetLock { vmid, lock: word.map(str::to_owned) };
    spec = spec.then(lock(Some("migrate"))).on_stop(lock(None));
    let restart = guest.power.is_on() && kind == GuestKind::Lxc;
    if restart {
        spec = spec.log(stamp(&format!("shutdown CT {vmid}"))).takes(2.0).then(Effect::SetPower { vmid, power: Power::Stopped });
    }
    let mut config = Map::new();
    for mut disk in local {
        let old = disk.volume().to_owned();
        if disk.source() == Source::Media {
            let words = format!("can't migrate local cdrom '{old}'");
            return abort(spec.then(lock(None)), &words);
        }
        let from = disk.storage().unwrap_or("").to_owned();
        let to = mapping.filter(|to| *to != "1" && !to.contains(':')).unwrap_or(&from).to_owned();
        if req.state.storages.get(&to).is_none_or(|storage| !storage.on_node(target)) {
            return abort(spec.then(lock(None)), &format!("storage '{to}' is not available on node '{target}'"));
        }
        spec = spec.log(stamp(&format!("found local volume '{old}' (in current VM config)")));
        let new = format!("{to}:{}", old.split_once(':').map_or("", |(_, name)| name));
        let bytes = disk.size();
        spec = copy_lines(spec, &stamp, kind, &disk, bytes, guest.power.is_on());
        spec = spec.log(stamp(&format!("volume '{old}' is '{new}' on the target")));
        disk.set_volume(&new);
        config.insert(disk.key.clone(), disk.text().into());
        if let Some(mut volume) = req.state.volume(&old).cloned() {
            volume.volid = new;
            volume.node = Some(target.to_owned());
            spec = spec.then(Effect::RemoveVolume { volid: old }).then(Effect::AddVolume(Box::new(volume)));
        }
    }
    if kind == GuestKind::Qemu && guest.power.is_on() {
        spec = live_lines(spec, &stamp, guest);
    }
    spec = spec.log(stamp("start final cleanup")).takes(0.5).then(Effect::SetConfig { vmid, config });
    spec = spec.then(Effect::MoveGuest { vmid, node: target.to_owned() }).then(lock(None));
    if restart {
        spec = spec.log(stamp("start container on target node")).takes(1.2).then(Effect::SetPower { vmid, power: Power::Running });
    }
    spec.log(stamp("migration finished successfully (duration 00:00:09)")).ok()
}

fn gib(bytes: u64) -> String {
    format!("{:.1} GiB", bytes as f64 / (1u64 << 30) as f64)
}

fn copy_lines(mut spec: TaskSpec, stamp: &dyn Fn(&str) -> String, kind: GuestKind, disk: &Disk, bytes: u64, running: bool) -> TaskSpec {
    let seconds = 0.5 + bytes as f64 / 3e8;
    for step in 1..=5u64 {
        spec = spec.takes(seconds / 5.0);
        let line = if kind == GuestKind::Qemu && running {
            let done = format!("{} of {} ({:.2}%)", gib(bytes * step / 5), gib(bytes), step as f64 * 20.0);
            format!(
                "mirror-{}: transferred {done} in {}s{}",
                disk.key,
                (seconds * step as f64 / 5.0) as u64,
                if step == 5 { ", ready" } else { "" }
            )
        } else {
            format!("{} bytes ({}) copied, {} s, 300 MB/s", bytes * step / 5, gib(bytes * step / 5), (seconds * step as f64 / 5.0) as u64)
        };
        spec = spec.log(stamp(&line));
    }
    spec
}

fn live_lines(mut spec: TaskSpec, stamp: &dyn Fn(&str) -> String, guest: &Guest) -> TaskSpec {
    let vmid = guest.vmid;
    let memory = (guest.max_memory() as f64 * guest.load.memory.max(0.1)) as u64;
    spec = spec.log(stamp(&format!("starting VM {vmid} on remote node"))).takes(1.0);
    spec = spec
        .log(stamp("start remote tunnel"))
        .log(stamp("ssh tunnel ver 1"))
        .log(stamp("starting online/live migration on unix:/run/qemu-server/migrate"));
    let seconds = 1.0 + memory as f64 / 1e9;
    for step in 1..4u64 {
        spec = spec.takes(seconds / 4.0);
        spec = spec.log(stamp(&format!("migration active, transferred {} of {} VM-state, 1.0 GiB/s", gib(memory * step / 4), gib(memory))));
    }
    spec = spec.takes(seconds / 4.0).log(stamp("average migration speed: 1.0 GiB/s - downtime 42 ms"));
    spec.log(stamp("migration status: completed"))
}
