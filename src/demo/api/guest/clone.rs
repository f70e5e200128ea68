//! Cloning guests.

use serde_json::Value;

use super::create_lxc::{self, allowed, exists};
use super::create_qemu;
use super::disks::{self, Disk, Namer, Source};
use super::{check_lock, move_disk, rights, the_guest};
use crate::demo::api::{Answer, Refusal, Req, Route};
use crate::demo::state::{Guest, GuestKind, Map, Storage, Volume};
use crate::demo::tasks::{Effect, TaskSpec};

pub(super) const ROUTES: &[Route] =
    &[("POST", "/nodes/{node}/lxc/{vmid}/clone", clone), ("POST", "/nodes/{node}/qemu/{vmid}/clone", clone)];

fn clone(req: &mut Req<'_>) -> Answer {
    let kind = super::kind(req);
    let (vmid, node) = (req.vmid(), req.node());
    let newid = req.params.int("newid").and_then(|id| u32::try_from(id).ok()).unwrap_or(0);
    let pool = req.params.get("pool").map(str::to_owned);
    req.pool_exists(pool.as_deref())?;
    allowed(req, newid, pool.as_deref(), false)?;
    let storage = req.params.get("storage").map(str::to_owned);
    let target = req.params.get("target").filter(|target| *target != node).map(str::to_owned);
    if let Some(id) = &storage {
        disks::usable(req.state, id, &node)?;
        if let Some(target) = &target
            && !disks::usable(req.state, id, target)?.is_shared()
        {
            return Err(Refusal::die(format!("can't clone to non-shared storage '{id}'")));
        }
    }
    let guest = the_guest(req)?;
    check_lock(&guest)?;
    if let Some(words) = exists(req.state, newid) {
        let prefix = if kind == GuestKind::Qemu { format!("unable to create VM {newid}: config file already exists") } else { words };
        return Err(Refusal::die(prefix));
    }
    let full = req.params.bool("full").unwrap_or(!guest.is_template());
    if storage.is_some() && !full {
        return Err(Refusal::die("parameter 'storage' not allowed for linked clones"));
    }
    let snapshot = req.params.get("snapname").map(str::to_owned);
    let source = match &snapshot {
        Some(name) => guest.snapshot(name).map(|snapshot| snapshot.config.clone()),
        None => Some(guest.config.clone()),
    };
    let Some(source) = source else {
        return Err(Refusal::die(format!("snapshot '{}' does not exist", snapshot.unwrap_or_default())));
    };
    let copy = Copy { vmid, newid, kind, full, storage, snapshot, node: node.clone(), running: guest.power.is_on() };
    let (task, what) = if kind == GuestKind::Lxc { ("vzclone", "container") } else { ("qmclone", "VM") };
    let spec = TaskSpec::new(task, vmid).log(format!("creating a clone of {what} {vmid} with ID {newid}"));
    let lock = |vmid: u32, word: Option<&str>| Effect::SetLock { vmid, lock: word.map(str::to_owned) };
    let mut stub = Map::new();
    stub.insert("lock".to_owned(), "clone".into());
    let stub = Guest::new(newid, kind, node.clone(), stub);
    let mut spec =
        spec.then(lock(vmid, Some(if kind == GuestKind::Lxc { "disk" } else { "clone" }))).then(Effect::PutGuest(Box::new(stub)));
    spec = spec.on_stop(lock(vmid, None)).on_stop(Effect::RemoveGuest { vmid: newid, purge: false });
    let mut copied = Copied { config: copy.settings(req, &source)?, volumes: Vec::new(), spec };
    if let Some(words) = copy.disks(req, &guest, &source, &mut copied)? {
        let spec = copied.spec.then(lock(vmid, None)).then(Effect::RemoveGuest { vmid: newid, purge: false });
        return req.start(spec.takes(0.2).fail(format!("clone failed: {words}")));
    }
    if target.is_some() && copied.volumes.iter().any(|volume| volume.node.is_some()) {
        let label = kind.label();
        return Err(Refusal::die(format!("can't clone {label} to node '{}' ({label} uses local storage)", target.unwrap_or_default())));
    }
    let mut spec = copied.spec.takes(0.2).then(lock(vmid, None));
    spec = copied.volumes.into_iter().fold(spec, |spec, volume| spec.then(Effect::AddVolume(Box::new(volume))));
    spec = spec.then(Effect::PutGuest(Box::new(Guest::new(newid, kind, target.unwrap_or(node), copied.config))));
    if let Some(pool) = pool {
        spec = spec.then(Effect::AddToPool { vmid: newid, pool });
    }
    req.start(spec.ok())
}

struct Copy {
    vmid: u32,
    newid: u32,
    kind: GuestKind,
    full: bool,
    storage: Option<String>,
    snapshot: Option<String>,
    node: String,
    running: bool,
}

/// The clone in progress.
struct Copied {
    config: Map,
    volumes: Vec<Volume>,
    spec: TaskSpec,
}

impl Copy {
    /// Copies the disks. Returns the error of the task if that is impossible.
    fn disks(&self, req: &Req<'_>, guest: &Guest, source: &Map, copied: &mut Copied) -> Result<Option<String>, Refusal> {
        let mut namer = Namer::new(req.state, self.newid);
        let mut bytes = 0;
        for mut disk in disks::disks(self.kind, source) {
            match disk.source() {
                Source::Media => {
                    copied.config.insert(disk.key.clone(), disk.text().into());
                    continue;
                }
                Source::Bind | Source::Device => {
                    return Err(Refusal::die(format!("unable to clone mountpoint '{}' (type {})", disk.key, disk.source().word())));
                }
                Source::Volume => {}
            }
            let old = disk.volume().to_owned();
            let id = self.storage.clone().or_else(|| disk.storage().map(str::to_owned)).unwrap_or_default();
            req.check(&format!("/storage/{id}"), &["Datastore.AllocateSpace"])?;
            if self.full && self.running && self.snapshot.is_none() && self.kind == GuestKind::Lxc {
                return Err(Refusal::die("Full clone of a running container is only possible from a snapshot"));
            }
            if !(self.full || guest.is_template() || self.snapshot.is_some()) {
                return Err(Refusal::die(format!("Linked clone feature for '{old}' is not available")));
            }
            let storage = disks::usable(req.state, &id, &self.node)?;
            let size = disk.size();
            if self.full && storage.free() < bytes + size {
                return Err(Refusal::die(create_lxc::no_space(req.state, &id, self.newid)));
            }
            bytes += size;
            let mut spec = std::mem::replace(&mut copied.spec, TaskSpec::new("", "")).log(self.line(&disk, &old)).takes(0.2);
            if self.full && self.kind == GuestKind::Lxc && !storage.holds("rootdir") {
                copied.spec = spec;
                return Ok(Some(move_disk::no_rootdir(&id)));
            }
            let format = req.state.volume(&old).map_or("raw", |volume| volume.format.as_str()).to_owned();
            let volume = if self.full {
                disk.set_volume(&format!("{id}:{}", size as f64 / (1u64 << 30) as f64));
                disk.set("format", &format);
                let made = disks::make(req.state, &mut namer, &mut disk, &self.node, false)?;
                disk.fields.shift_remove("format");
                let Some(made) = made else { continue };
                spec = made.lines.into_iter().fold(spec, TaskSpec::log);
                spec = move_disk::copy(spec, self.kind, size);
                made.volume
            } else {
                let (volume, lines) = self.linked(req, storage, &mut namer, &old, &format, size);
                disk.set_volume(&volume.volid);
                spec = lines.into_iter().fold(spec, TaskSpec::log).takes(0.3);
                volume
            };
            copied.spec = spec;
            copied.volumes.push(volume);
            copied.config.insert(disk.key.clone(), disk.text().into());
        }
        Ok(None)
    }

    /// Returns a linked volume and the log line of its creation.
    fn linked(&self, req: &Req<'_>, storage: &Storage, namer: &mut Namer, old: &str, format: &str, size: u64) -> (Volume, Vec<String>) {
        let (id, base) = old.split_once(':').unwrap_or_default();
        let (mut volid, mut lines) = (namer.name(storage, id, self.kind, format, false), Vec::new());
        let plain = volid.split_once(':').map_or("", |(_, name)| name).to_owned();
        // Only files have a backing file; btrfs subvolumes do not.
        if storage.kind() != "btrfs" {
            volid = format!("{id}:{base}/{plain}");
        }
        if let (Some((folder, file)), Some((_, name)), "qcow2") = (base.split_once('/'), plain.split_once('/'), format) {
            let (newid, back) = (self.newid, format!("../{folder}/{file}"));
            lines.push(format!("clone {base}: images, {name}, {newid} to {name} (base={back})"));
            lines.push(format!(
                "Formatting '{}', fmt=qcow2 cluster_size=131072 extended_l2=on preallocation=metadata compression_type=zlib size={size} \
backing_file={back} backing_fmt=qcow2 lazy_refcounts=off refcount_bits=16",
                disks::path_of(req.state, &format!("{id}:{plain}"))
            ));
        }
        let mut volume = Volume::new(&volid, if self.kind == GuestKind::Lxc { "rootdir" } else { "images" }, format, size);
        volume.vmid = Some(self.newid);
        volume.node = (!storage.is_shared()).then(|| self.node.clone());
        (volume, lines)
    }

    fn line(&self, disk: &Disk, old: &str) -> String {
        match (self.kind, self.full) {
            (GuestKind::Lxc, true) => format!("create full clone of mountpoint {} ({old})", disk.key),
            (GuestKind::Lxc, false) => format!("create linked clone of mount point {} ({old})", disk.key),
            (GuestKind::Qemu, true) => format!("create full clone of drive {} ({old})", disk.key),
            (GuestKind::Qemu, false) => format!("create linked clone of drive {} ({old})", disk.key),
        }
    }

    fn settings(&self, req: &Req<'_>, source: &Map) -> Result<Map, Refusal> {
        let mut config = Map::new();
        const LEFT: [&str; 6] = ["lock", "template", "parent", "snaptime", "digest", "vmgenid"];
        for (key, value) in source {
            if disks::is_disk(self.kind, key) || key.starts_with("unused") || LEFT.contains(&key.as_str()) {
                continue;
            }
            let text = value.as_str().unwrap_or("");
            let value = match self.kind {
                GuestKind::Lxc if disks::is_net(key) => {
                    rights::bridge(req, self.kind, text)?;
                    super::restore_lxc::fresh_net(text).into()
                }
                GuestKind::Qemu if disks::is_net(key) => {
                    rights::bridge(req, self.kind, text)?;
                    create_qemu::fresh_net(text).into()
                }
                GuestKind::Qemu if key == "smbios1" => create_qemu::fresh_smbios(text).into(),
                _ => value.clone(),
            };
            config.insert(key.clone(), value);
        }
        let (name_key, fallback) = match self.kind {
            GuestKind::Lxc => ("hostname", None),
            GuestKind::Qemu => ("name", Some(self.fallback_name(source))),
        };
        let given = req.params.get(if self.kind == GuestKind::Lxc { "hostname" } else { "name" }).map(str::to_owned);
        if let Some(name) = given.or(fallback) {
            config.insert(name_key.to_owned(), name.into());
        }
        if let Some(text) = req.params.get("description").filter(|text| !text.is_empty()) {
            let text = if self.kind == GuestKind::Lxc { super::apply::lxc_description(text) } else { text.to_owned() };
            config.insert("description".to_owned(), text.into());
        }
        if self.kind == GuestKind::Qemu {
            config.insert("vmgenid".to_owned(), super::random::uuid().into());
        }
        Ok(config)
    }

    fn fallback_name(&self, source: &Map) -> String {
        match source.get("name").and_then(Value::as_str) {
            Some(name) => format!("Copy-of-{name}"),
            None => format!("Copy-of-VM-{}", self.vmid),
        }
    }
}
