//! Snapshots of guests.

use serde_json::{Value, json};

use super::apply::lxc_description;
use super::disks;
use super::{check_lock, kind, locked, the_guest};
use crate::demo::api::{Answer, Refusal, Reply, Req, Route};
use crate::demo::state::{Guest, GuestKind, Map, Power, Snapshot};
use crate::demo::tasks::{Effect, TaskSpec};

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/nodes/{node}/lxc/{vmid}/snapshot", list),
    ("GET", "/nodes/{node}/qemu/{vmid}/snapshot", list),
    ("POST", "/nodes/{node}/lxc/{vmid}/snapshot", create),
    ("POST", "/nodes/{node}/qemu/{vmid}/snapshot", create),
    ("GET", "/nodes/{node}/lxc/{vmid}/snapshot/{snapname}", index),
    ("GET", "/nodes/{node}/qemu/{vmid}/snapshot/{snapname}", index),
    ("DELETE", "/nodes/{node}/lxc/{vmid}/snapshot/{snapname}", delete),
    ("DELETE", "/nodes/{node}/qemu/{vmid}/snapshot/{snapname}", delete),
    ("GET", "/nodes/{node}/lxc/{vmid}/snapshot/{snapname}/config", config),
    ("GET", "/nodes/{node}/qemu/{vmid}/snapshot/{snapname}/config", config),
    ("PUT", "/nodes/{node}/lxc/{vmid}/snapshot/{snapname}/config", change),
    ("PUT", "/nodes/{node}/qemu/{vmid}/snapshot/{snapname}/config", change),
    ("POST", "/nodes/{node}/lxc/{vmid}/snapshot/{snapname}/rollback", rollback),
    ("POST", "/nodes/{node}/qemu/{vmid}/snapshot/{snapname}/rollback", rollback),
    ("GET", "/nodes/{node}/lxc/{vmid}/feature", feature),
    ("GET", "/nodes/{node}/qemu/{vmid}/feature", feature),
];

fn task(kind: GuestKind, verb: &str, vmid: u32) -> TaskSpec {
    TaskSpec::new(format!("{}{verb}", if kind == GuestKind::Lxc { "vz" } else { "qm" }), vmid)
}

fn list(req: &mut Req<'_>) -> Answer {
    let guest = the_guest(req)?;
    let mut rows: Vec<Value> = guest
        .snapshots
        .iter()
        .map(|snapshot| {
            let description = snapshot.description.clone().unwrap_or_default();
            let mut row = json!({ "name": snapshot.name, "snaptime": snapshot.snaptime, "description": description });
            if let Some(parent) = &snapshot.parent {
                row["parent"] = parent.clone().into();
            }
            if guest.kind == GuestKind::Qemu {
                row["vmstate"] = u8::from(snapshot.vmstate).into();
            }
            row
        })
        .collect();
    let running = u8::from(guest.power.is_on());
    let mut current = json!({ "name": "current", "running": running, "description": "You are here!", "digest": guest.digest() });
    if let Some(parent) = &guest.parent {
        current["parent"] = parent.clone().into();
    }
    rows.push(current);
    Ok(Value::Array(rows).into())
}

fn index(_: &mut Req<'_>) -> Answer {
    Ok(json!([{ "cmd": "rollback" }, { "cmd": "config" }]).into())
}

/// Returns the configuration in a snapshot.
pub(super) fn config_of(guest: &Guest, snapshot: &Snapshot) -> Map {
    let mut config = snapshot.config.clone();
    config.insert("snaptime".to_owned(), snapshot.snaptime.into());
    let description = snapshot.description.clone().unwrap_or_default();
    if !description.is_empty() {
        config.insert("description".to_owned(), description.into());
    } else if guest.kind == GuestKind::Lxc {
        config.shift_remove("description");
    }
    if let Some(parent) = &snapshot.parent {
        config.insert("parent".to_owned(), parent.clone().into());
    }
    config
}

fn config(req: &mut Req<'_>) -> Answer {
    let guest = the_guest(req)?;
    let name = req.params.text("snapname");
    let snapshot = guest.snapshot(name).ok_or_else(|| Refusal::die(format!("snapshot '{name}' does not exist")))?;
    Ok(Value::Object(config_of(&guest, snapshot)).into())
}

fn change(req: &mut Req<'_>) -> Answer {
    let kind = kind(req);
    let name = req.params.text("snapname").to_owned();
    if name == "current" {
        return Ok(Reply::null());
    }
    let description = req.params.get("description").map(str::to_owned);
    check_lock(req.guest(kind)?)?;
    let guest = req.guest_mut(kind)?;
    let Some(snapshot) = guest.snapshots.iter_mut().find(|snapshot| snapshot.name == name) else {
        return Err(Refusal::die(format!("snapshot '{name}' does not exist")));
    };
    if let Some(text) = description {
        snapshot.description = Some(if kind == GuestKind::Lxc { lxc_description(&text) } else { text });
    }
    Ok(Reply::null())
}

fn create(req: &mut Req<'_>) -> Answer {
    let (kind, vmid, now) = (kind(req), req.vmid(), req.now());
    let name = req.params.text("snapname").to_owned();
    if name == "current" {
        return Err(Refusal::die("unable to use snapshot name 'current' (reserved name)"));
    }
    if name == "vzdump" && kind == GuestKind::Lxc {
        return Err(Refusal::die("unable to use snapshot name 'vzdump' (reserved name)"));
    }
    if kind == GuestKind::Qemu && name.eq_ignore_ascii_case("pending") {
        return Err(Refusal::die("unable to use snapshot name 'pending' (reserved name)"));
    }
    let spec = task(kind, "snapshot", vmid);
    let guest = match req.guest(kind) {
        Ok(guest) => guest.clone(),
        Err(refusal) => return req.start(spec.takes(0.2).fail(refusal.message)),
    };
    let refused = if guest.is_template() {
        Some("you can't take a snapshot if it's a template".to_owned())
    } else if let Some(words) = locked(&guest) {
        Some(words)
    } else if guest.snapshot(&name).is_some() {
        Some(format!("snapshot name '{name}' already used"))
    } else if !disks::can_snapshot(req.state, &guest, false) {
        Some("snapshot feature is not available".to_owned())
    } else {
        None
    };
    if let Some(words) = refused {
        return req.start(spec.takes(0.2).fail(words));
    }
    let text = req.params.get("description").unwrap_or("");
    let with_memory = kind == GuestKind::Qemu && req.params.flag("vmstate") && guest.power == Power::Running;
    let mut config = guest.config.clone();
    config.retain(|key, _| key != "description" && key != "template" && !key.starts_with("unused"));
    let snapshot = Snapshot {
        name: name.clone(),
        config,
        snaptime: now,
        parent: guest.parent.clone(),
        description: Some(if kind == GuestKind::Lxc { lxc_description(text) } else { text.to_owned() }),
        vmstate: with_memory,
    };
    let lock = |word: Option<&str>| Effect::SetLock { vmid, lock: word.map(str::to_owned) };
    let mut spec = spec.then(lock(Some("snapshot"))).on_stop(lock(None));
    if kind == GuestKind::Qemu && guest.power.is_on() {
        if with_memory {
            spec = spec.log(format!("saving VM state and RAM using storage '{}'", first_storage(&guest)));
            spec = spec.takes(1.0).log("1.00 MiB in 0s").takes(2.0).log("completed saving the VM state in 3s, saved 512.00 MiB");
        } else if !guest.agent {
            spec = spec.log("skipping guest filesystem freeze - agent configured but not running?");
        }
        for disk in disks::disks(kind, &guest.config).iter().filter(|disk| disk.get("media") != "cdrom") {
            spec = spec.log(format!("snapshotting 'drive-{}' ({})", disk.key, disk.volume()));
        }
    }
    let spec = spec.takes(0.6).then(lock(None)).then(Effect::AddSnapshot { vmid, snapshot }).ok();
    req.start(spec)
}

fn first_storage(guest: &Guest) -> String {
    let disks = disks::disks(guest.kind, &guest.config);
    disks.iter().find_map(|disk| disk.storage().map(str::to_owned)).unwrap_or_default()
}

fn delete(req: &mut Req<'_>) -> Answer {
    let (kind, vmid) = (kind(req), req.vmid());
    let name = req.params.text("snapname").to_owned();
    let spec = task(kind, "delsnapshot", vmid);
    let guest = match req.guest(kind) {
        Ok(guest) => guest.clone(),
        Err(refusal) => return req.start(spec.takes(0.2).fail(refusal.message)),
    };
    let refused = match (guest.snapshot(&name), locked(&guest)) {
        (None, _) => Some(format!("snapshot '{name}' does not exist")),
        (_, Some(words)) => Some(words),
        _ if guest.is_template() => Some("you can't delete a snapshot if vm is a template".to_owned()),
        _ => None,
    };
    let spec = match refused {
        Some(words) => spec.takes(0.2).fail(words),
        None => {
            let lock = |word: Option<&str>| Effect::SetLock { vmid, lock: word.map(str::to_owned) };
            let spec = spec.then(lock(Some("snapshot-delete"))).takes(0.6);
            spec.then(lock(None)).then(Effect::RemoveSnapshot { vmid, name }).ok()
        }
    };
    req.start(spec)
}

fn rollback(req: &mut Req<'_>) -> Answer {
    let (kind, vmid) = (kind(req), req.vmid());
    let name = req.params.text("snapname").to_owned();
    let start = req.params.flag("start");
    let spec = task(kind, "rollback", vmid);
    let guest = match req.guest(kind) {
        Ok(guest) => guest.clone(),
        Err(refusal) => return req.start(spec.takes(0.2).fail(refusal.message)),
    };
    let refused = if guest.is_template() {
        Some("you can't rollback if vm is a template".to_owned())
    } else if guest.snapshot(&name).is_none() {
        Some(format!("snapshot '{name}' does not exist"))
    } else {
        locked(&guest)
    };
    let spec = match refused {
        Some(words) => spec.takes(0.2).fail(words),
        None => {
            let lock = |word: Option<&str>| Effect::SetLock { vmid, lock: word.map(str::to_owned) };
            let memory = guest.snapshot(&name).is_some_and(|snapshot| snapshot.vmstate);
            let mut spec = spec.then(Effect::SetPower { vmid, power: Power::Stopped }).then(lock(Some("rollback"))).takes(0.8);
            spec = spec.then(Effect::Rollback { vmid, name }).then(lock(None));
            if start && !memory {
                spec = spec.takes(1.2).then(Effect::SetPower { vmid, power: Power::Running });
            }
            spec.ok()
        }
    };
    req.start(spec)
}

fn feature(req: &mut Req<'_>) -> Answer {
    let guest = the_guest(req)?;
    let wanted = req.params.text("feature").to_owned();
    if let Some(name) = req.params.get("snapname")
        && guest.snapshot(name).is_none()
    {
        return Err(Refusal::die(format!("snapshot '{name}' does not exist")));
    }
    let has = match wanted.as_str() {
        "snapshot" => disks::can_snapshot(req.state, &guest, false),
        "clone" => guest.is_template() && disks::can_snapshot(req.state, &guest, false),
        _ => !disks::disks(guest.kind, &guest.config).iter().any(|disk| disk.source() == disks::Source::Bind),
    };
    let mut answer = json!({ "hasFeature": u8::from(has) });
    if guest.kind == GuestKind::Qemu {
        answer["nodes"] = json!([guest.node]);
    }
    Ok(answer.into())
}
