//! Copies of guests.

use serde_json::Value;

use super::create_lxc::{self, allowed, exists};
use super::create_qemu;
use super::disks::{self, Disk, Namer, Source};
use super::rights;
use super::{check_lock, the_guest};
use crate::demo::api::{Answer, Refusal, Req, Route};
use crate::demo::state::{Guest, GuestKind, Map, Volume};
use crate::demo::tasks::{Effect, TaskSpec};

pub(super) const ROUTES: &[Route] =
    &[("POST", "/nodes/{node}/lxc/{vmid}/clone", clone), ("POST", "/nodes/{node}/qemu/{vmid}/clone", clone)];

fn clone(req: &mut Req<'_>) -> Answer {
    let kind = super::kind(req);
    let (vmid, node) = (req.vmid(), req.node());
    let newid = req.params.int("newid").and_then(|id| u32::try_from(id).ok()).unwrap_or(0);
    let pool = req.params.get("pool").map(str::to_owned);
    if let Some(pool) = pool.as_deref().filter(|pool| !req.state.pools.contains_key(*pool)) {
        return Err(Refusal::die(format!("pool '{pool}' does not exist")));
    }
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
    let what = if kind == GuestKind::Lxc { "vzclone" } else { "qmclone" };
    let words = if kind == GuestKind::Lxc { format!("creating a clone of container {vmid} with ID {newid}") } else { String::new() };
    let spec = TaskSpec::new(what, vmid);
    let spec = if words.is_empty() { spec } else { spec.log(words) };
    let (mut config, volumes, lines, bytes) = copy.disks(req, &guest, &source)?;
    if target.is_some() && volumes.iter().any(|volume| volume.node.is_some()) {
        let label = if kind == GuestKind::Lxc { "CT" } else { "VM" };
        return Err(Refusal::die(format!("can't clone {label} to node '{}' ({label} uses local storage)", target.unwrap_or_default())));
    }
    copy.settings(req, &source, &mut config)?;
    let lock = |vmid: u32, word: Option<&str>| Effect::SetLock { vmid, lock: word.map(str::to_owned) };
    let mut stub = Map::new();
    stub.insert("lock".to_owned(), "clone".into());
    let stub = Guest::new(newid, kind, node.clone(), stub);
    let mut spec =
        spec.then(lock(vmid, Some(if kind == GuestKind::Lxc { "disk" } else { "clone" }))).then(Effect::PutGuest(Box::new(stub)));
    spec = spec.on_stop(lock(vmid, None)).on_stop(Effect::RemoveGuest { vmid: newid, purge: false });
    spec = lines.into_iter().fold(spec, |spec, line| spec.log(line).takes(0.2));
    spec = copy_lines(spec, kind, full, bytes).then(lock(vmid, None));
    spec = volumes.into_iter().fold(spec, |spec, volume| spec.then(Effect::AddVolume(Box::new(volume))));
    spec = spec.then(Effect::PutGuest(Box::new(Guest::new(newid, kind, target.unwrap_or(node), config))));
    if let Some(pool) = pool {
        spec = spec.then(Effect::AddToPool { vmid: newid, pool });
    }
    req.start(spec.ok())
}

/// What a full copy writes.
fn copy_lines(spec: TaskSpec, kind: GuestKind, full: bool, bytes: u64) -> TaskSpec {
    if !full {
        return spec.takes(0.5);
    }
    let seconds = 0.5 + bytes as f64 / 5e8;
    if kind == GuestKind::Lxc {
        let spec = spec.takes(seconds).log("Number of files: 24,312 (reg: 18,204, dir: 2,611, link: 3,470, special: 27)".to_string());
        return spec.log(format!("Total file size: {bytes} bytes")).log("Total transferred file size: 0 bytes");
    }
    let gib = |bytes: u64| format!("{:.1} GiB", bytes as f64 / (1u64 << 30) as f64);
    (0..=10u64).fold(spec, |spec, step| {
        let spec = spec.log(format!("transferred {} of {} ({:.2}%)", gib(bytes * step / 10), gib(bytes), step as f64 * 10.0));
        if step < 10 { spec.takes(seconds / 10.0) } else { spec }
    })
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

type Copied = (Map, Vec<Volume>, Vec<String>, u64);

impl Copy {
    fn disks(&self, req: &Req<'_>, guest: &Guest, source: &Map) -> Result<Copied, Refusal> {
        let mut namer = Namer::new(req.state, self.newid);
        let (mut config, mut volumes, mut lines, mut bytes) = (Map::new(), Vec::new(), Vec::new(), 0);
        for mut disk in disks::disks(self.kind, source) {
            match disk.source() {
                Source::Media => {
                    config.insert(disk.key.clone(), disk.text().into());
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
            let format = req.state.volume(&old).map_or("raw", |volume| volume.format.as_str()).to_owned();
            let mut volid = namer.name(storage, &id, self.kind, &format, false);
            if !self.full
                && let (Some((store, name)), Some((_, base))) = (volid.clone().split_once(':'), old.split_once(':'))
            {
                // A linked clone's id names the base that it stands on.
                volid = format!("{store}:{base}/{name}");
            }
            lines.push(self.line(&disk, &old));
            let mut volume = Volume::new(&volid, if self.kind == GuestKind::Lxc { "rootdir" } else { "images" }, &format, size);
            volume.vmid = Some(self.newid);
            volume.node = (!storage.is_shared()).then(|| self.node.clone());
            volumes.push(volume);
            disk.set_volume(&volid);
            config.insert(disk.key.clone(), disk.text().into());
        }
        Ok((config, volumes, lines, bytes))
    }

    fn line(&self, disk: &Disk, old: &str) -> String {
        match (self.kind, self.full) {
            (GuestKind::Lxc, true) => format!("create full clone of mountpoint {} ({old})", disk.key),
            (GuestKind::Lxc, false) => format!("create linked clone of mount point {} ({old})", disk.key),
            (GuestKind::Qemu, true) => format!("create full clone of drive {} ({old})", disk.key),
            (GuestKind::Qemu, false) => format!("create linked clone of drive {} ({old})", disk.key),
        }
    }

    fn settings(&self, req: &Req<'_>, source: &Map, config: &mut Map) -> Result<(), Refusal> {
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
        Ok(())
    }

    fn fallback_name(&self, source: &Map) -> String {
        match source.get("name").and_then(Value::as_str) {
            Some(name) => format!("Copy-of-{name}"),
            None => format!("Copy-of-VM-{}", self.vmid),
        }
    }
}
