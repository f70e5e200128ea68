//! Moving disks to other storages and guests.

use std::collections::BTreeMap;

use super::disk_calls::{check_digest, disk_of, no_mount_point};
use super::disks::{self, Disk, Namer, Source};
use super::{check_lock, the_guest};
use crate::demo::api::{Answer, Refusal, Req, Route};
use crate::demo::state::{Guest, GuestKind, Map};
use crate::demo::tasks::{Effect, TaskSpec};

pub(super) const ROUTES: &[Route] =
    &[("POST", "/nodes/{node}/lxc/{vmid}/move_volume", go), ("POST", "/nodes/{node}/qemu/{vmid}/move_disk", go)];

/// Names of the task, of the disk parameter and of the target parameter.
struct Words {
    task: &'static str,
    disk: &'static str,
    target: &'static str,
}

fn words(kind: GuestKind) -> Words {
    match kind {
        GuestKind::Lxc => Words { task: "move_volume", disk: "volume", target: "target-volume" },
        GuestKind::Qemu => Words { task: "qmmove", disk: "disk", target: "target-disk" },
    }
}

fn both(message: &str) -> Refusal {
    Refusal::params(BTreeMap::from([("storage".to_owned(), message.to_owned()), ("target-vmid".to_owned(), message.to_owned())]))
}

fn go(req: &mut Req<'_>) -> Answer {
    let target = req.params.int("target-vmid").and_then(|id| u32::try_from(id).ok());
    let storage = req.params.get("storage").map(str::to_owned);
    match (storage, target) {
        (Some(_), Some(_)) if super::kind(req) == GuestKind::Lxc => Err(Refusal::die("either set storage or target-vmid, but not both")),
        (Some(_), Some(_)) => Err(both("either set 'storage' or 'target-vmid', but not both")),
        (None, None) => Err(both("both 'storage' and 'target-vmid' missing, either needs to be set")),
        (Some(storage), None) => to_storage(req, &storage),
        (None, Some(target)) => to_guest(req, target),
    }
}

fn is_snapshotted(guest: &Guest, volume: &str) -> bool {
    guest.snapshots.iter().any(|snapshot| disks::disks(guest.kind, &snapshot.config).iter().any(|disk| disk.volume() == volume))
}

fn check_source(req: &Req<'_>, guest: &Guest, key: &str, id: &str) -> Result<Disk, Refusal> {
    check_lock(guest)?;
    let delete = req.params.flag("delete");
    if guest.kind == GuestKind::Lxc {
        if guest.power.is_on() {
            return Err(Refusal::die("cannot move volumes of a running container"));
        }
        if key.starts_with("unused") {
            return Err(Refusal::die(format!("cannot move volume '{key}', only configured volumes can be moved to another storage")));
        }
        let disk = disk_of(guest, key).ok_or_else(no_mount_point)?;
        if delete && is_snapshotted(guest, disk.volume()) {
            return Err(Refusal::die("you can't move a volume with snapshots and delete the source"));
        }
        check_digest(req, guest)?;
        return Ok(disk);
    }
    check_digest(req, guest)?;
    let disk = disk_of(guest, key).ok_or_else(|| Refusal::die(format!("disk '{key}' does not exist")))?;
    if disk.source() == Source::Media {
        return Err(Refusal::die("you can't move a cdrom"));
    }
    let format = req.params.get("format");
    let old = req.state.volume(disk.volume()).map(|volume| volume.format.clone());
    if disk.storage() == Some(id) && (format.is_none() || format == old.as_deref()) {
        return Err(Refusal::die("you can't move to the same storage with same format"));
    }
    if !disks::usable(req.state, id, &req.node())?.holds("images") {
        return Err(Refusal::param("storage", format!("storage '{id}' does not support vm images")));
    }
    if delete && is_snapshotted(guest, disk.volume()) {
        return Err(Refusal::die("you can't move a disk with snapshots and delete the source"));
    }
    Ok(disk)
}

fn to_storage(req: &mut Req<'_>, id: &str) -> Answer {
    let (kind, vmid, node) = (super::kind(req), req.vmid(), req.node());
    let names = words(kind);
    let key = req.params.text(names.disk).to_owned();
    req.check(&format!("/storage/{id}"), &["Datastore.AllocateSpace"])?;
    let guest = the_guest(req)?;
    let mut disk = check_source(req, &guest, &key, id)?;
    let delete = req.params.flag("delete");
    let (size, old) = (disk.size(), disk.volume().to_owned());
    let spec = TaskSpec::new(names.task, vmid);
    let storage = match disks::usable(req.state, id, &node) {
        Ok(storage) if storage.holds("rootdir") || kind == GuestKind::Qemu => storage,
        Ok(_) => return req.start(spec.takes(0.2).fail(no_rootdir(id))),
        Err(refusal) => return req.start(spec.takes(0.2).fail(refusal.message)),
    };
    if storage.free() < size {
        let words = super::create_lxc::no_space(req.state, id, vmid);
        let prefix = if kind == GuestKind::Qemu { "storage migration failed: " } else { "" };
        return req.start(spec.takes(0.2).fail(format!("{prefix}{words}")));
    }
    let mut namer = Namer::new(req.state, vmid);
    disk.set_volume(&format!("{id}:{}", size as f64 / (1u64 << 30) as f64));
    if let Some(format) = req.params.get("format") {
        disk.set("format", format);
    }
    let made = disks::make(req.state, &mut namer, &mut disk, &node, false)?;
    let lock = |word: Option<&str>| Effect::SetLock { vmid, lock: word.map(str::to_owned) };
    let mut spec = spec.then(lock(Some("disk"))).on_stop(lock(None));
    if kind == GuestKind::Qemu {
        let from = old.split(':').next().unwrap_or("");
        spec = spec.log(format!("copying volume '{old}' from current storage '{from}' to target storage '{id}'"));
        spec = spec.log(format!("create full clone of drive {key} ({old})"));
    }
    let mut change = Map::new();
    if let Some(made) = made {
        spec = made.lines.into_iter().fold(spec.takes(0.3), TaskSpec::log);
        spec = copy(spec, kind, size).then(Effect::AddVolume(Box::new(made.volume)));
    }
    change.insert(key, disk.text().into());
    if delete {
        if kind == GuestKind::Qemu {
            spec = spec.log(format!("removing source volume '{old}' after successful copy"));
        }
        spec = spec.then(Effect::RemoveVolume { volid: old });
    } else if let Some(free) = free_key(&guest) {
        if kind == GuestKind::Qemu {
            spec = spec.log(format!("adding source volume '{old}' as '{free}' to config"));
        }
        change.insert(free, old.into());
    }
    req.start(spec.then(Effect::SetConfig { vmid, config: change }).then(lock(None)).ok())
}

/// Returns the task's error about a storage without container volumes.
pub(super) fn no_rootdir(id: &str) -> String {
    format!("content type 'rootdir' is not available or configured on storage '{id}'")
}

fn free_key(guest: &Guest) -> Option<String> {
    (0..256).map(|n| format!("unused{n}")).find(|key| !guest.config.contains_key(key))
}

pub(super) fn copy(mut spec: TaskSpec, kind: GuestKind, size: u64) -> TaskSpec {
    let seconds = 0.5 + size as f64 / 5e8;
    let gib = |bytes: u64| format!("{:.1} GiB", bytes as f64 / (1u64 << 30) as f64);
    if kind == GuestKind::Lxc {
        return disks::rsync_lines(size).into_iter().fold(spec.takes(seconds), TaskSpec::log);
    }
    for step in 0..=10u64 {
        spec = spec.log(format!("transferred {} of {} ({:.2}%)", gib(size * step / 10), gib(size), step as f64 * 10.0));
        spec = spec.takes(seconds / 11.0);
    }
    spec
}

/// Checks that a disk can be reassigned.
fn check_reassignment(req: &Req<'_>, target: u32, key: &str, new_key: &str) -> Result<(Guest, Guest, Disk), Refusal> {
    let kind = super::kind(req);
    let lxc = kind == GuestKind::Lxc;
    let (label, what) = (kind.label(), if lxc { "container" } else { "VM" });
    let vmid = req.vmid();
    let die = |words: String| Err(Refusal::die(words));
    if lxc && (key == "rootfs" || new_key == "rootfs") {
        return die("Cannot move to/from 'rootfs'".to_owned());
    }
    if lxc && key.starts_with("unused") && !new_key.starts_with("unused") {
        return die("Moving an unused volume to a used one is not possible".to_owned());
    }
    let Some(source) = req.state.guests.get(&vmid) else { return die(format!("could not find {label} {vmid}")) };
    let Some(other) = req.state.guests.get(&target) else {
        return die(if lxc { format!("could not find CT {target}") } else { format!("could not find target VM {target}") });
    };
    if source.node != other.node {
        let both = if lxc { "containers" } else { "VMs" };
        return die(format!("Both {both} need to be on the same node ({} != {})", source.node, other.node));
    }
    if other.kind != kind {
        return die(format!("Configuration file '{}' does not exist", kind.config_path(&other.node, target)));
    }
    check_lock(source)?;
    check_lock(other)?;
    if source.is_template() || other.is_template() {
        return die(if lxc { "Can't move volumes from or to template CT" } else { "Can't move disks from or to template VMs" }.to_owned());
    }
    let text = source.text(key).map(str::to_owned);
    let Some(disk) = text.and_then(|text| Disk::parse(kind, key, &text).or_else(|| Disk::parse(kind, "unused0", &text))) else {
        return die(if lxc {
            format!("volume '{key}' for container '{vmid}' does not exist")
        } else {
            format!("Disk '{key}' for VM '{vmid}' does not exist")
        });
    };
    if other.config.contains_key(new_key) {
        let noun = if lxc { "volume" } else { "disk" };
        return die(format!("Target {noun} key '{new_key}' is already in use for {what} '{target}'"));
    }
    if is_snapshotted(source, disk.volume()) {
        return die(if lxc {
            "Cannot move volume used by a snapshot to another container"
        } else {
            "Can't move disk used by a snapshot to another VM"
        }
        .to_owned());
    }
    match disk.source() {
        Source::Volume => {}
        Source::Media => return die("CD drive contents can't be moved to another VM".to_owned()),
        Source::Bind | Source::Device => return die("Cannot move a bindmount or device mount to another container".to_owned()),
    }
    if source.power.is_on() && !key.starts_with("unused") {
        return die(if lxc {
            "Cannot move in-use volume while the source CT is running - detach or shutdown first"
        } else {
            "Cannot move disk to another VM while the source VM is running - detach first"
        }
        .to_owned());
    }
    Ok((source.clone(), other.clone(), disk))
}

fn to_guest(req: &mut Req<'_>, target: u32) -> Answer {
    let (kind, vmid) = (super::kind(req), req.vmid());
    let names = words(kind);
    let key = req.params.text(names.disk).to_owned();
    let new_key = req.params.get(names.target).unwrap_or(&key).to_owned();
    req.check(&format!("/vms/{target}"), &["VM.Config.Disk"])?;
    if kind == GuestKind::Qemu && target == vmid {
        return Err(Refusal::param("target-vmid", "must be different than source VMID to reassign disk"));
    }
    let (source, _, mut disk) = check_reassignment(req, target, &key, &new_key)?;
    let id = disk.storage().unwrap_or("").to_owned();
    req.check(&format!("/storage/{id}"), &["Datastore.AllocateSpace"])?;
    let spec = TaskSpec::new(names.task, format!("{vmid}-{key}>{target}-{new_key}"));
    let mut spec = if kind == GuestKind::Lxc {
        let spec = spec.log(format!("moving volume '{key}' from container '{vmid}' to '{target}'"));
        spec.log(format!("removing volume '{key}' from container '{vmid}' config"))
    } else {
        let mut spec = spec.log(format!("reassign disk '{key}' from VM '{vmid}' as '{new_key}' to VM '{target}'"));
        if let Some(order) = source.text("boot").and_then(|boot| boot.strip_prefix("order="))
            && order.split(';').any(|device| device == key)
        {
            let left: Vec<&str> = order.split(';').filter(|device| *device != key).collect();
            let boot = Map::from_iter([("boot".to_owned(), format!("order={}", left.join(";")).into())]);
            spec = spec.log(format!("removing disk '{key}' from boot order config")).then(Effect::SetConfig { vmid, config: boot });
        }
        spec.log(format!("removing disk '{key}' from VM '{vmid}' config"))
    };
    let old = disk.volume().to_owned();
    if let (Some(mut volume), Some(storage)) = (req.state.volume(&old).cloned(), req.state.storages.get(&id)) {
        let new = Namer::new(req.state, target).name(storage, &id, kind, &volume.format, false);
        volume.volid.clone_from(&new);
        volume.vmid = Some(target);
        disk.set_volume(&new);
        spec = spec.takes(0.2).then(Effect::RemoveVolume { volid: old }).then(Effect::AddVolume(Box::new(volume)));
    }
    disk.key.clone_from(&new_key);
    let text = if new_key.starts_with("unused") { disk.volume().to_owned() } else { disk.text() };
    let change = |key: String, value: serde_json::Value| Map::from_iter([(key, value)]);
    spec = spec.then(Effect::SetConfig { vmid, config: change(key, serde_json::Value::Null) });
    spec = spec.then(Effect::SetConfig { vmid: target, config: change(new_key.clone(), text.as_str().into()) });
    spec = spec.log(match kind {
        GuestKind::Lxc => format!("target container '{target}' updated with '{new_key}'"),
        GuestKind::Qemu => format!("update VM {target}: -{new_key} {text}"),
    });
    req.start(spec.ok())
}
