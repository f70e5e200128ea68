//! Creating and restoring containers.

use serde_json::Value;

use super::apply::{lxc_description, net_lxc, unique_tags};
use super::disks::{self, Disk, Namer, Source};
use super::rights::{self, Change, Place};
use super::{random, restore_lxc};
use crate::demo::api::{Answer, Refusal, Req, Route};
use crate::demo::state::{Guest, GuestKind, Map, State, Storage, Volume};
use crate::demo::tasks::{Effect, TaskSpec};

pub(super) const ROUTES: &[Route] = &[("POST", "/nodes/{node}/lxc", create)];

/// Parameters that are not settings.
const OWN: [&str; 18] = [
    "node",
    "vmid",
    "ostemplate",
    "restore",
    "unique",
    "force",
    "storage",
    "pool",
    "password",
    "ssh-public-keys",
    "bwlimit",
    "start",
    "ha-managed",
    "ignore-unpack-errors",
    "unprivileged",
    "digest",
    "delete",
    "revert",
];

/// A container to create.
pub(super) struct Plan {
    pub(super) vmid: u32,
    pub(super) node: String,
    pub(super) archive: String,
    pub(super) restore: bool,
    pub(super) unique: bool,
    pub(super) storage: String,
    /// Settings without disks.
    pub(super) settings: Map,
    /// Requested disks.
    pub(super) disks: Vec<(String, String)>,
    pub(super) unprivileged: Option<bool>,
    pub(super) root: bool,
    pub(super) start: bool,
    pub(super) pool: Option<String>,
    /// The guest that is overwritten.
    pub(super) old: Option<Guest>,
}

pub(super) fn exists(state: &State, vmid: u32) -> Option<String> {
    let guest = state.guests.get(&vmid)?;
    Some(format!("{} {vmid} already exists on node '{}'", guest.kind.label(), guest.node))
}

fn create(req: &mut Req<'_>) -> Answer {
    let plan = check(req)?;
    let spec = TaskSpec::new(if plan.restore { "vzrestore" } else { "vzcreate" }, plan.vmid);
    let spec = match if plan.restore { restore_lxc::work(req, &plan, spec.clone()) } else { create_spec(req, &plan, spec.clone()) } {
        Ok(spec) => spec,
        Err((spec, words)) => {
            let what = if plan.restore { "restore" } else { "create" };
            spec.takes(0.1).fail(format!("unable to {what} CT {} - {words}", plan.vmid))
        }
    };
    if req.params.flag("ha-managed") {
        let state = if plan.start { "started" } else { "stopped" };
        let entry = crate::demo::state::map(serde_json::json!({ "type": "ct", "state": state }));
        req.state.ha.resources.insert(format!("ct:{}", plan.vmid), entry);
    }
    req.start(spec)
}

/// Makes the checks before the task, in the host's order.
fn check(req: &mut Req<'_>) -> Result<Plan, Refusal> {
    let (vmid, node) = (req.vmid(), req.node());
    let restore = req.params.flag("restore");
    let mut unprivileged = req.params.bool("unprivileged");
    if !restore {
        unprivileged = Some(unprivileged.unwrap_or(true));
        if unprivileged == Some(false) {
            req.check("/", &["Sys.Modify"])?;
        }
    }
    if req.params.flag("ha-managed") {
        req.check("/", &["Sys.Console"])?;
    }
    let force = req.params.flag("force");
    let same = req.state.guests.get(&vmid).filter(|guest| guest.kind == GuestKind::Lxc && guest.node == node).cloned();
    if same.is_some() && restore && force {
        if same.as_ref().is_some_and(|guest| guest.power.is_on()) {
            return Err(Refusal::die("can't overwrite running container"));
        }
        if same.as_ref().is_some_and(|guest| guest.flag("protection")) {
            return Err(Refusal::die(format!("unable to restore CT {vmid} - protection mode enabled")));
        }
    } else if let Some(words) = exists(req.state, vmid) {
        return Err(Refusal::die(words));
    }
    let pool = req.params.get("pool").map(str::to_owned);
    req.pool_exists(pool.as_deref())?;
    allowed(req, vmid, pool.as_deref(), restore && force && same.is_some())?;
    let storage = req.params.get("storage").unwrap_or("local").to_owned();
    let archive = req.params.text("ostemplate").to_owned();
    let place = Place { vmid, pool: pool.as_deref(), old: None, unprivileged: unprivileged.unwrap_or(false) };
    let given: Vec<(String, String)> = req
        .params
        .iter()
        .filter(|(key, _)| !OWN.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
        .collect();
    for (key, value) in &given {
        rights::lxc(req, &place, &Change { key, value: Some(value) })?;
    }
    rights::volume(req, vmid, &archive, if restore { "backup" } else { "vztmpl" })?;

    let (mut disks, mut settings) = (Vec::new(), Map::new());
    for (key, value) in given {
        if disks::is_disk(GuestKind::Lxc, &key) {
            let plain = value.bytes().all(|b| b.is_ascii_digit() || b == b'.');
            disks.push((key, if plain { format!("{storage}:{value}") } else { value }));
        } else if !key.starts_with("unused") {
            settings.insert(key, value.into());
        }
    }
    disks.sort_by_key(|(key, _)| (key != "rootfs", key.trim_start_matches("mp").parse::<u32>().unwrap_or(0)));
    if !disks.is_empty() && disks.iter().all(|(key, _)| key != "rootfs") {
        return Err(Refusal::die("mount points configured, but 'rootfs' not set - aborting"));
    }
    for (key, value) in &disks {
        let Some(disk) = Disk::parse(GuestKind::Lxc, key, value) else { continue };
        match disk.storage() {
            Some(id) if disk.source() == Source::Volume => takes_containers(req, id, &node)?,
            _ if req.is_root() => {}
            _ => return Err(Refusal::die("Only root can pass arbitrary filesystem paths.")),
        }
    }
    if disks.is_empty() {
        takes_containers(req, &storage, &node)?;
    }
    let settings = finished(&settings);
    Ok(Plan {
        vmid,
        node,
        archive,
        restore,
        unique: req.params.flag("unique"),
        storage,
        settings,
        disks,
        unprivileged,
        root: req.is_root(),
        start: req.params.flag("start"),
        pool,
        old: same,
    })
}

/// Checks the privileges for creating or overwriting a guest.
pub(super) fn allowed(req: &Req<'_>, vmid: u32, pool: Option<&str>, bring_back: bool) -> Result<(), Refusal> {
    let path = format!("/vms/{vmid}");
    let by_pool = pool.is_some_and(|pool| req.may(&format!("/pool/{pool}"), &["VM.Allocate"]));
    if req.may(&path, &["VM.Allocate"]) || by_pool || (bring_back && req.may(&path, &["VM.Backup"])) {
        return Ok(());
    }
    Err(Refusal::forbidden("Permission check failed"))
}

fn takes_containers(req: &Req<'_>, id: &str, node: &str) -> Result<(), Refusal> {
    let storage = disks::usable(req.state, id, node)?;
    if !storage.holds("rootdir") {
        return Err(Refusal::param("storage", format!("storage '{id}' does not support container directories")));
    }
    req.check(&format!("/storage/{id}"), &["Datastore.AllocateSpace"])?;
    if storage.inactive {
        return Err(Refusal::die(format!("storage '{id}' is not online")));
    }
    Ok(())
}

/// Returns the settings as stored in the configuration.
fn finished(given: &Map) -> Map {
    let mut config = Map::new();
    for (key, value) in given {
        let text = value.as_str().unwrap_or("");
        let text = match key.as_str() {
            "description" => lxc_description(text),
            "tags" => unique_tags(text),
            _ if disks::is_net(key) => net_lxc(text),
            _ => text.to_owned(),
        };
        config.insert(key.clone(), disks::typed(GuestKind::Lxc, key, &text));
    }
    config
}

pub(super) type Step = Result<TaskSpec, (TaskSpec, String)>;

/// Locks the guest during its creation. A stopped task deletes it.
pub(super) fn begin(plan: &Plan, spec: TaskSpec) -> TaskSpec {
    let vmid = plan.vmid;
    if plan.old.is_none() {
        let mut config = Map::new();
        config.insert("lock".to_owned(), "create".into());
        let stub = Guest::new(vmid, GuestKind::Lxc, plan.node.clone(), config);
        return spec.then(Effect::PutGuest(Box::new(stub))).on_stop(Effect::RemoveGuest { vmid, purge: false });
    }
    let lock = |word: Option<&str>| Effect::SetLock { vmid, lock: word.map(str::to_owned) };
    spec.then(lock(Some("create"))).on_stop(lock(None))
}

/// Creates the disks of a new container.
pub(super) struct Disks {
    pub(super) config: Map,
    pub(super) volumes: Vec<Volume>,
    pub(super) lines: Vec<String>,
}

pub(super) fn make_disks(req: &Req<'_>, plan: &Plan, asked: &[(String, String)]) -> Result<Disks, (Vec<String>, String)> {
    let mut namer = Namer::new(req.state, plan.vmid);
    let mut made = Disks { config: Map::new(), volumes: Vec::new(), lines: Vec::new() };
    let mut left: Map = Map::new();
    for (key, value) in asked {
        let Some(mut disk) = Disk::parse(GuestKind::Lxc, key, value) else { continue };
        if let Some((id, gigabytes)) = disk.wanted().map(|(id, size)| (id.to_owned(), size)) {
            let bytes = (gigabytes * (1u64 << 30) as f64) as u64;
            let free = left.get(&id).and_then(Value::as_u64);
            let free = free.or_else(|| req.state.storages.get(&id).map(Storage::free)).unwrap_or(0);
            if bytes > free {
                return Err((made.lines, no_space(req.state, &id, plan.vmid)));
            }
            left.insert(id, (free - bytes).into());
        }
        match disks::make(req.state, &mut namer, &mut disk, &plan.node, false) {
            Ok(Some(new)) => {
                made.lines.extend(new.lines);
                made.volumes.push(new.volume);
            }
            Ok(None) => {}
            Err(refusal) => return Err((made.lines, refusal.message)),
        }
        made.config.insert(key.clone(), disk.text().into());
    }
    Ok(made)
}

/// Returns the error of a full storage.
pub(super) fn no_space(state: &State, id: &str, vmid: u32) -> String {
    match state.storages.get(id).map_or("dir", |storage| storage.kind()) {
        "lvmthin" | "lvm" => format!(
            "lvcreate 'pve/vm-{vmid}-disk-0' error:   Cannot create new thin volume, free space in thin pool pve/data reached threshold."
        ),
        "zfspool" => format!("zfs error: cannot create '{id}/subvol-{vmid}-disk-0': out of space"),
        _ => "unable to create image: fallocate failed: No space left on device".to_owned(),
    }
}

fn create_spec(req: &Req<'_>, plan: &Plan, spec: TaskSpec) -> Step {
    let asked = if plan.disks.is_empty() { vec![("rootfs".to_owned(), format!("{}:4", plan.storage))] } else { plan.disks.clone() };
    let made = make_disks(req, plan, &asked).map_err(|(lines, words)| (log_all(spec.clone(), lines), words))?;
    let spec = log_all(begin(plan, spec).takes(0.4), made.lines.clone()).takes(0.4);
    let Some(template) = req.state.volume(&plan.archive) else {
        let words = format!("volume '{}' does not exist", plan.archive);
        return Err((spec.log(words.clone()).then(Effect::RemoveGuest { vmid: plan.vmid, purge: false }), words));
    };
    let bytes = template.size * 2 / 10_240 * 10_240;
    let mut spec = spec.log(format!("extracting archive '{}'", disks::path_of(req.state, &plan.archive)));
    spec = spec.takes(0.5 + bytes as f64 / 3e8).log(totals("read", bytes)).log("Detected container architecture: amd64");
    for kind in ["rsa", "ecdsa", "ed25519"] {
        spec = spec.log(format!("Creating SSH host key 'ssh_host_{kind}_key' - this may take some time ..."));
        spec = spec.takes(0.2).log(format!(
            "done: {} root@{}",
            random::fingerprint(),
            plan.settings.get("hostname").and_then(Value::as_str).and_then(|name| name.split('.').next()).unwrap_or("localhost")
        ));
    }
    let mut config = plan.settings.clone();
    config.extend(made.config);
    let defaults = [("arch", "amd64".into()), ("ostype", ostype(&plan.archive).into())];
    fill(&mut config, plan.vmid, &defaults);
    if plan.unprivileged == Some(true) {
        config.insert("unprivileged".to_owned(), 1.into());
    }
    Ok(finish(req, plan, spec, config, made.volumes, 0))
}

pub(super) fn fill(config: &mut Map, vmid: u32, more: &[(&str, Value)]) {
    let common = [("hostname", Value::from(format!("CT{vmid}"))), ("memory", 512.into()), ("swap", 512.into())];
    for (key, value) in more.iter().cloned().chain(common) {
        if !config.contains_key(key) {
            config.insert(key.to_owned(), value);
        }
    }
}

/// Returns the OS type of a template, from its name.
fn ostype(template: &str) -> &'static str {
    let known = ["debian", "ubuntu", "alpine", "centos", "fedora", "opensuse", "archlinux", "gentoo", "nixos", "devuan"];
    known.into_iter().find(|name| template.contains(name)).unwrap_or("unmanaged")
}

pub(super) fn log_all(spec: TaskSpec, lines: Vec<String>) -> TaskSpec {
    lines.into_iter().fold(spec, TaskSpec::log)
}

/// Returns the last log line of tar.
pub(super) fn totals(verb: &str, bytes: u64) -> String {
    format!("Total bytes {verb}: {bytes} ({}, 214MiB/s)", tar_size(bytes))
}

/// Returns a size as tar prints it.
fn tar_size(bytes: u64) -> String {
    let mut value = bytes as f64;
    for unit in ["", "KiB", "MiB", "GiB", "TiB"] {
        if value < 1024.0 || unit == "TiB" {
            return if value < 10.0 { format!("{value:.1}{unit}") } else { format!("{value:.0}{unit}") };
        }
        value /= 1024.0;
    }
    String::new()
}

pub(super) fn finish(req: &Req<'_>, plan: &Plan, spec: TaskSpec, config: Map, volumes: Vec<Volume>, warnings: u32) -> TaskSpec {
    let vmid = plan.vmid;
    let mut spec = spec;
    if plan.old.is_some() {
        spec = spec.then(Effect::RemoveGuest { vmid, purge: false });
    }
    let guest = Guest::new(vmid, GuestKind::Lxc, plan.node.clone(), config);
    let start = plan.start.then(|| super::power::start_after(req.state, &guest));
    spec = volumes.into_iter().fold(spec, |spec, volume| spec.then(Effect::AddVolume(Box::new(volume))));
    spec = spec.then(Effect::PutGuest(Box::new(guest)));
    if let Some(pool) = &plan.pool {
        spec = spec.then(Effect::AddToPool { vmid, pool: pool.clone() });
    }
    if let Some(start) = start {
        spec = spec.then(Effect::Start { spec: Box::new(start), node: plan.node.clone(), user: req.who.name() });
    }
    if warnings > 0 { spec.warnings(warnings) } else { spec.ok() }
}
