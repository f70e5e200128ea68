//! Resizing and detaching disks.

use super::disks::{self, Disk, Source};
use super::rights::{self, Change, Place};
use super::{check_lock, check_skiplock, the_guest};
use crate::api::schema::property;
use crate::demo::api::{Answer, Refusal, Reply, Req, Route};
use crate::demo::state::{Guest, GuestKind, Map};
use crate::demo::tasks::{Effect, TaskSpec};

pub(super) const ROUTES: &[Route] = &[
    ("PUT", "/nodes/{node}/lxc/{vmid}/resize", resize),
    ("PUT", "/nodes/{node}/qemu/{vmid}/resize", resize),
    ("PUT", "/nodes/{node}/qemu/{vmid}/unlink", unlink),
];

pub(super) fn check_digest(req: &Req<'_>, guest: &Guest) -> Result<(), Refusal> {
    match req.params.get("digest") {
        Some(digest) if !digest.is_empty() && digest != guest.digest() => {
            Err(Refusal::die("detected modified configuration - file changed by other user? Try again."))
        }
        _ => Ok(()),
    }
}

/// A missing mount point counts as an empty property string.
pub(super) fn no_mount_point() -> Refusal {
    let missing = |key: &str| (key.to_owned(), "property is missing and it is not optional".to_owned());
    Refusal { errors: [missing("mp"), missing("volume")].into(), ..Refusal::die("format error") }
}

pub(super) fn disk_of(guest: &Guest, key: &str) -> Option<Disk> {
    Disk::parse(guest.kind, key, guest.text(key)?)
}

fn resize(req: &mut Req<'_>) -> Answer {
    check_skiplock(req)?;
    let (kind, vmid) = (super::kind(req), req.vmid());
    match (kind, grow(req)) {
        (_, Ok(spec)) => req.start(spec),
        (GuestKind::Lxc, Err(refusal)) => Err(refusal),
        // For VMs, the task makes all checks.
        (GuestKind::Qemu, Err(refusal)) => req.start(TaskSpec::new("resize", vmid).takes(0.2).fail(super::restore_lxc::in_task(&refusal))),
    }
}

/// Resizes a disk, or returns the error.
fn grow(req: &Req<'_>) -> Result<TaskSpec, Refusal> {
    let guest = the_guest(req)?;
    let (vmid, kind) = (guest.vmid, guest.kind);
    let key = req.params.text("disk").to_owned();
    let asked = req.params.text("size").to_owned();
    if kind == GuestKind::Lxc {
        check_lock(&guest)?;
        // Parameters of the call count as settings; others are options.
        let place = Place { vmid, pool: None, old: Some(&guest.config), unprivileged: guest.flag("unprivileged") };
        rights::lxc(req, &place, &Change { key: "disk", value: None })?;
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
        return Err(if kind == GuestKind::Lxc { no_mount_point() } else { Refusal::die(format!("disk '{key}' does not exist")) });
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
    if req.state.storages.get(&id).is_some_and(|storage| storage.free() < new - size) {
        return Ok(spec.takes(0.2).fail(super::create_lxc::no_space(req.state, &id, vmid)));
    }
    let mut change = Map::new();
    disk.set("size", &property::size_text(new));
    change.insert(key, disk.text().into());
    let mut spec = spec.takes(0.3);
    let blocks = matches!(req.state.storages.get(&id).map(crate::demo::state::Storage::kind), Some("lvmthin" | "lvm" | "zfspool"));
    if let Some(mut volume) = req.state.volume(disk.volume()).cloned() {
        // QEMU itself grows the image of a running VM.
        if !blocks && new != size && !(kind == GuestKind::Qemu && guest.power.is_on()) {
            spec = spec.log("Image resized.");
        }
        volume.size = new;
        spec = spec.then(Effect::AddVolume(Box::new(volume)));
    }
    if kind == GuestKind::Lxc {
        let path = disks::path_of(req.state, disk.volume());
        spec = disks::fsck_lines(&path, size).into_iter().fold(spec, TaskSpec::log);
        spec = spec.log("resize2fs 1.47.2 (1-Jan-2025)").takes(0.4);
        spec = spec.log(format!("Resizing the filesystem on {path} to {} (4k) blocks.", new / 4096));
        spec = spec.log(format!("The filesystem on {path} is now {} (4k) blocks long.", new / 4096)).log("");
    }
    Ok(spec.then(Effect::SetConfig { vmid, config: change }).ok())
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
