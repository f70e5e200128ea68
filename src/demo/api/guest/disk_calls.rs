//! Calls about one disk: grow it, move it, detach it.

use super::disks::{self, Disk, Namer, Source};
use super::rights::{self, Change, Place};
use super::{check_lock, check_skiplock, the_guest};
use crate::demo::api::{Answer, Refusal, Reply, Req, Route};
use crate::demo::schema::property;
use crate::demo::state::{Guest, GuestKind, Map};
use crate::demo::tasks::{Effect, TaskSpec};

pub(super) const ROUTES: &[Route] = &[
    ("PUT", "/nodes/{node}/lxc/{vmid}/resize", resize),
    ("PUT", "/nodes/{node}/qemu/{vmid}/resize", resize),
    ("POST", "/nodes/{node}/lxc/{vmid}/move_volume", move_volume),
    ("POST", "/nodes/{node}/qemu/{vmid}/move_disk", move_volume),
    ("PUT", "/nodes/{node}/qemu/{vmid}/unlink", unlink),
];

fn check_digest(req: &Req<'_>, guest: &Guest) -> Result<(), Refusal> {
    match req.params.get("digest") {
        Some(digest) if !digest.is_empty() && digest != guest.digest() => {
            Err(Refusal::die("detected modified configuration - file changed by other user? Try again."))
        }
        _ => Ok(()),
    }
}

fn disk_of(guest: &Guest, key: &str) -> Option<Disk> {
    Disk::parse(guest.kind, key, guest.text(key)?)
}

fn resize(req: &mut Req<'_>) -> Answer {
    check_skiplock(req)?;
    let (kind, vmid) = (super::kind(req), req.vmid());
    match (kind, grow(req)) {
        (_, Ok(spec)) => req.start(spec),
        (GuestKind::Lxc, Err(refusal)) => Err(refusal),
        // For a virtual machine all of it is looked at in the task.
        (GuestKind::Qemu, Err(refusal)) => req.start(TaskSpec::new("resize", vmid).takes(0.2).fail(super::restore_lxc::in_task(&refusal))),
    }
}

/// The growing of a disk, or why it cannot be.
fn grow(req: &Req<'_>) -> Result<TaskSpec, Refusal> {
    let guest = the_guest(req)?;
    let (vmid, kind) = (guest.vmid, guest.kind);
    let key = req.params.text("disk").to_owned();
    let asked = req.params.text("size").to_owned();
    if kind == GuestKind::Lxc {
        check_lock(&guest)?;
        let place = Place { vmid, pool: None, old: Some(&guest.config), unprivileged: guest.flag("unprivileged") };
        rights::lxc(req, &place, &Change { key: "rootfs", value: None })?;
        check_digest(req, &guest)?;
    } else {
        if req.params.get("digest").is_some_and(|digest| !digest.is_empty() && digest != guest.digest()) {
            return Err(Refusal::die("checksum mismatch (file change by other user?)"));
        }
        if !req.params.flag("skiplock") {
            check_lock(&guest)?;
        }
    }
    let Some(mut disk) = disk_of(&guest, &key) else {
        return Err(Refusal::die(format!("disk '{key}' does not exist")));
    };
    if disk.source() != Source::Volume {
        let words =
            if kind == GuestKind::Qemu { "you can't resize a cdrom".to_owned() } else { format!("can't resize mount point '{key}'") };
        return Err(Refusal::die(words));
    }
    let id = disk.storage().unwrap_or("").to_owned();
    req.check(&format!("/storage/{id}"), &["Datastore.AllocateSpace"])?;
    let size = req.state.volume(disk.volume()).map_or_else(|| disk.size(), |volume| volume.size);
    let step = property::size(asked.trim_start_matches('+')).unwrap_or(0);
    let new = if asked.starts_with('+') { size + step } else { step };
    if new < size {
        let words = if kind == GuestKind::Qemu { "shrinking disks is not supported" } else { "unable to shrink disk size" };
        return Err(Refusal::die(words));
    }
    if new == size && kind == GuestKind::Lxc {
        return Err(Refusal::die("disk is already at specified size"));
    }
    let spec = TaskSpec::new("resize", vmid);
    if req.state.storages.get(&id).is_some_and(|storage| disks::free(storage) < new - size) {
        return Ok(spec.takes(0.2).fail(super::create_lxc::no_space(req.state, &id, vmid)));
    }
    let mut change = Map::new();
    disk.set("size", &property::size_text(new));
    change.insert(key, disk.text().into());
    let mut spec = spec.takes(0.3);
    let blocks = matches!(req.state.storages.get(&id).map(crate::demo::state::Storage::kind), Some("lvmthin" | "lvm" | "zfspool"));
    if let Some(mut volume) = req.state.volume(disk.volume()).cloned() {
        if volume.format == "raw" && !blocks && kind == GuestKind::Lxc {
            spec = spec.log("Image resized.");
        }
        volume.size = new;
        spec = spec.then(Effect::AddVolume(Box::new(volume)));
    }
    if kind == GuestKind::Lxc {
        let path = disks::path_of(req.state, disk.volume());
        spec = spec.log("resize2fs 1.47.2 (1-Jan-2025)").takes(0.4);
        spec = spec.log(format!("The filesystem on {path} is now {} (4k) blocks long.", new / 4096)).log("");
    }
    Ok(spec.then(Effect::SetConfig { vmid, config: change }).ok())
}

fn move_volume(req: &mut Req<'_>) -> Answer {
    let kind = super::kind(req);
    let key = req.params.text(if kind == GuestKind::Lxc { "volume" } else { "disk" }).to_owned();
    let delete = req.params.flag("delete");
    let target_vmid = req.params.get("target-vmid").map(str::to_owned);
    let Some(id) = req.params.get("storage").map(str::to_owned) else {
        if target_vmid.is_some() {
            return Err(Refusal::param("target-vmid", "moving a disk to another guest is not part of the demo"));
        }
        return Err(Refusal::param("storage", "Either set storage or target-vmid, but not both."));
    };
    if target_vmid.is_some() {
        return Err(Refusal::param("target-vmid", "Either set storage or target-vmid, but not both."));
    }
    let guest = the_guest(req)?;
    let vmid = guest.vmid;
    req.check(&format!("/storage/{id}"), &["Datastore.AllocateSpace"])?;
    check_lock(&guest)?;
    check_digest(req, &guest)?;
    if guest.power.is_on() && kind == GuestKind::Lxc {
        return Err(Refusal::die("cannot move volumes of a running container"));
    }
    let Some(mut disk) = disk_of(&guest, &key) else {
        return Err(Refusal::die(if kind == GuestKind::Lxc {
            format!("volume '{key}' for container '{vmid}' does not exist")
        } else {
            format!("disk '{key}' does not exist")
        }));
    };
    if disk.source() != Source::Volume {
        return Err(Refusal::die(if kind == GuestKind::Lxc {
            format!("cannot move volume '{key}', type '{}'", disk.source().word())
        } else {
            "you can't move a cdrom".to_owned()
        }));
    }
    if kind == GuestKind::Lxc && disk.storage() == Some(&id) {
        return Err(Refusal::die("can't move a volume to the same storage"));
    }
    if kind == GuestKind::Qemu && disk.storage() == Some(&id) && !req.params.has("format") {
        return Err(Refusal::die("you can't move to the same storage with same format"));
    }
    if delete && !guest.snapshots.is_empty() {
        return Err(Refusal::die("you can't move a disk with snapshots and delete the source"));
    }
    let node = req.node();
    let storage = disks::usable(req.state, &id, &node)?;
    let size = disk.size();
    let old = disk.volume().to_owned();
    let spec = TaskSpec::new(if kind == GuestKind::Lxc { "vzmove" } else { "qmmove" }, vmid);
    if disks::free(storage) < size {
        return req.start(spec.takes(0.2).fail(super::create_lxc::no_space(req.state, &id, vmid)));
    }
    let mut namer = Namer::new(req.state, vmid);
    disk.set_volume(&format!("{id}:{}", size as f64 / (1u64 << 30) as f64));
    let made = disks::make(req.state, &mut namer, &mut disk, &node, false)?;
    let lock = |word: Option<&str>| Effect::SetLock { vmid, lock: word.map(str::to_owned) };
    let mut spec = spec.then(lock(Some("disk"))).on_stop(lock(None));
    spec = spec.log(format!("create full clone of drive {key} ({old})")).takes(0.3);
    let mut change = Map::new();
    if let Some(made) = made {
        spec = made.lines.into_iter().fold(spec, TaskSpec::log);
        let gib = |bytes: u64| format!("{:.1} GiB", bytes as f64 / (1u64 << 30) as f64);
        for step in 0..=10u64 {
            if kind == GuestKind::Qemu {
                spec = spec.log(format!("transferred {} of {} ({:.2}%)", gib(size * step / 10), gib(size), step as f64 * 10.0));
            }
            spec = spec.takes((0.5 + size as f64 / 5e8) / 11.0);
        }
        spec = spec.then(Effect::AddVolume(Box::new(made.volume)));
    }
    change.insert(key, disk.text().into());
    if delete {
        spec = spec.then(Effect::RemoveVolume { volid: old });
    } else if let Some(free) = (0..256).map(|n| format!("unused{n}")).find(|key| !guest.config.contains_key(key)) {
        change.insert(free, old.into());
    }
    req.start(spec.then(Effect::SetConfig { vmid, config: change }).then(lock(None)).ok())
}

fn unlink(req: &mut Req<'_>) -> Answer {
    let guest = the_guest(req)?;
    check_lock(&guest)?;
    let (keys, force) = (req.params.list("idlist"), req.params.flag("force"));
    let mut edit = super::apply::Edit::new(req.state, guest);
    for key in &keys {
        edit.delete_qemu(key, force)?;
    }
    let (done, _) = edit.done();
    super::apply::keep(req.state, done.map_err(Refusal::params)?);
    Ok(Reply::null())
}
