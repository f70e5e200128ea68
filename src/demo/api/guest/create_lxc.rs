//! A new container: from a template, or from an archive.

use serde_json::Value;

use super::apply::{lxc_description, net_lxc, unique_tags};
use super::disks::{self, Disk, Namer, Source};
use super::rights::{self, Change, Place};
use super::{archive, random};
use crate::demo::api::{Answer, Refusal, Req, Route};
use crate::demo::state::{Guest, GuestKind, Map, State, Volume};
use crate::demo::tasks::{Effect, TaskSpec};

pub(super) const ROUTES: &[Route] = &[("POST", "/nodes/{node}/lxc", create)];

/// Parameters of the call that are no settings.
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

/// What a container is to be made of.
pub(super) struct Plan {
    vmid: u32,
    node: String,
    archive: String,
    restore: bool,
    unique: bool,
    storage: String,
    /// Settings, disks apart.
    settings: Map,
    /// Disks, as they were asked for.
    disks: Vec<(String, String)>,
    unprivileged: Option<bool>,
    root: bool,
    start: bool,
    pool: Option<String>,
    /// What is overwritten.
    old: Option<Guest>,
}

pub(super) fn exists(state: &State, vmid: u32) -> Option<String> {
    let guest = state.guests.get(&vmid)?;
    Some(format!("{} {vmid} already exists on node '{}'", guest.kind.label(), guest.node))
}

fn create(req: &mut Req<'_>) -> Answer {
    let plan = check(req)?;
    let spec = TaskSpec::new(if plan.restore { "vzrestore" } else { "vzcreate" }, plan.vmid);
    let spec = match if plan.restore { restore_spec(req, &plan, spec.clone()) } else { create_spec(req, &plan, spec.clone()) } {
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

/// Everything that is refused before a task begins, in the host's order.
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
    if let Some(pool) = pool.as_deref().filter(|pool| !req.state.pools.contains_key(*pool)) {
        return Err(Refusal::die(format!("pool '{pool}' does not exist")));
    }
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

/// Who may make a guest with this id: whoever may allocate it, or bring back one that is there.
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

/// Settings as the configuration keeps them.
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

type Step = Result<TaskSpec, (TaskSpec, String)>;

/// A lock while the guest is made; a stopped task leaves nothing behind.
fn begin(plan: &Plan, spec: TaskSpec) -> TaskSpec {
    let vmid = plan.vmid;
    let Some(old) = &plan.old else {
        let mut config = Map::new();
        config.insert("lock".to_owned(), "create".into());
        let stub = Guest::new(vmid, GuestKind::Lxc, plan.node.clone(), config);
        return spec.then(Effect::PutGuest(Box::new(stub))).on_stop(Effect::RemoveGuest { vmid, purge: false });
    };
    let _ = old;
    let lock = |word: Option<&str>| Effect::SetLock { vmid, lock: word.map(str::to_owned) };
    spec.then(lock(Some("create"))).on_stop(lock(None))
}

/// How the disks of a new container are made.
struct Disks {
    config: Map,
    volumes: Vec<Volume>,
    lines: Vec<String>,
}

fn make_disks(req: &Req<'_>, plan: &Plan, asked: &[(String, String)]) -> Result<Disks, (Vec<String>, String)> {
    let mut namer = Namer::new(req.state, plan.vmid);
    let mut made = Disks { config: Map::new(), volumes: Vec::new(), lines: Vec::new() };
    let mut left: Map = Map::new();
    for (key, value) in asked {
        let Some(mut disk) = Disk::parse(GuestKind::Lxc, key, value) else { continue };
        if let Some((id, gigabytes)) = disk.wanted().map(|(id, size)| (id.to_owned(), size)) {
            let bytes = (gigabytes * (1u64 << 30) as f64) as u64;
            let free = left.get(&id).and_then(Value::as_u64);
            let free = free.or_else(|| req.state.storages.get(&id).map(disks::free)).unwrap_or(0);
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

/// What a full storage says.
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
            plan.settings.get("hostname").and_then(Value::as_str).unwrap_or("localhost")
        ));
    }
    let mut config = plan.settings.clone();
    config.extend(made.config);
    let defaults = [("arch", "amd64".into()), ("ostype", ostype(&plan.archive).into())];
    fill(&mut config, plan.vmid, &defaults);
    if plan.unprivileged == Some(true) {
        config.insert("unprivileged".to_owned(), 1.into());
    }
    Ok(finish(req, plan, spec, config, made.volumes))
}

fn fill(config: &mut Map, vmid: u32, more: &[(&str, Value)]) {
    let common = [("hostname", Value::from(format!("CT{vmid}"))), ("memory", 512.into()), ("swap", 512.into())];
    for (key, value) in more.iter().cloned().chain(common) {
        if !config.contains_key(key) {
            config.insert(key.to_owned(), value);
        }
    }
}

/// The system in a template, by its name.
fn ostype(template: &str) -> &'static str {
    let known = ["debian", "ubuntu", "alpine", "centos", "fedora", "opensuse", "archlinux", "gentoo", "nixos", "devuan"];
    known.into_iter().find(|name| template.contains(name)).unwrap_or("unmanaged")
}

fn log_all(spec: TaskSpec, lines: Vec<String>) -> TaskSpec {
    lines.into_iter().fold(spec, TaskSpec::log)
}

/// What tar says at its end.
pub(super) fn totals(verb: &str, bytes: u64) -> String {
    format!("Total bytes {verb}: {bytes} ({}, 214MiB/s)", tar_size(bytes))
}

/// A size as tar writes it: two digits, then the unit.
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

fn finish(req: &Req<'_>, plan: &Plan, spec: TaskSpec, config: Map, volumes: Vec<Volume>) -> TaskSpec {
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
    spec.ok()
}

fn restore_spec(req: &Req<'_>, plan: &Plan, spec: TaskSpec) -> Step {
    let spec = spec.log(format!("recovering backed-up configuration from '{}'", plan.archive));
    let found = req.state.volume(&plan.archive).cloned();
    let Some((volume, saved)) = found.and_then(|volume| volume.config.clone().map(|config| (volume, config))) else {
        return Err((spec, format!("volume '{}' does not exist", plan.archive)));
    };
    if volume.subtype.as_deref() == Some("qemu") {
        return Err((spec, format!("unable to parse backup volume '{}' - not a container archive", plan.archive)));
    }
    for (key, net) in saved.iter().filter(|(key, _)| disks::is_net(key)) {
        if !plan.settings.contains_key(key) {
            rights::bridge(req, GuestKind::Lxc, net.as_str().unwrap_or("")).map_err(|refusal| (spec.clone(), in_task(&refusal)))?;
        }
    }
    let unprivileged = plan.unprivileged.unwrap_or_else(|| saved.get("unprivileged").is_some_and(|value| value == 1));
    let was_unprivileged = plan.old.as_ref().is_none_or(|old| old.flag("unprivileged"));
    if was_unprivileged && !unprivileged {
        req.check("/", &["Sys.Modify"]).map_err(|refusal| (spec.clone(), in_task(&refusal)))?;
    }
    let (asked, delayed) = if plan.disks.is_empty() {
        saved_disks(plan, &saved).map_err(|words| (spec.clone(), words))?
    } else {
        (plan.disks.clone(), Map::new())
    };
    let made = make_disks(req, plan, &asked).map_err(|(lines, words)| (log_all(spec.clone(), lines), words))?;
    let data = archive::data_size(&volume);
    let room: u64 = made.volumes.iter().map(|volume| volume.size).sum();
    let mut spec = log_all(begin(plan, spec).takes(0.3), made.lines).takes(0.3);
    spec = spec.log(format!("restoring '{}' now..", plan.archive));
    if archive::is_pbs(req.state, &plan.archive) {
        spec = spec.log(format!("restore proxmox backup image: {}", plan.archive.split_once(':').map_or("", |(_, name)| name)));
    } else {
        spec = spec.log(format!("extracting archive '{}'", disks::path_of(req.state, &plan.archive)));
    }
    spec = spec.takes(0.5 + data as f64 / 2.5e8);
    if data > room {
        let words = "command 'lxc-usernsexec -m u:0:100000:65536 -m g:0:100000:65536 -- tar xpf - --totals --one-file-system -p --sparse --numeric-owner --acls --xattrs -C /var/lib/lxc/rootfs' failed: exit code 2";
        let spec = spec
            .log("tar: ./var/lib: Cannot write: No space left on device")
            .log("tar: Exiting with failure status due to previous errors");
        return Err((undo(plan, spec), words.to_owned()));
    }
    if !archive::is_pbs(req.state, &plan.archive) {
        spec = spec.log(totals("read", data));
    }
    spec = spec.log("merging backed-up and given configuration..").takes(0.2);
    let mut config = plan.settings.clone();
    config.extend(made.config);
    if unprivileged {
        config.insert("unprivileged".to_owned(), 1.into());
    }
    merge(plan, &saved, unprivileged, &mut config);
    fill(&mut config, plan.vmid, &[]);
    config.extend(delayed);
    if saved.get("template").is_some_and(|value| value == 1) {
        spec = spec.log("Convert restored container to template...");
        config.insert("template".to_owned(), 1.into());
    }
    Ok(finish(req, plan, spec, config, made.volumes))
}

fn undo(plan: &Plan, spec: TaskSpec) -> TaskSpec {
    let vmid = plan.vmid;
    match plan.old {
        None => spec.then(Effect::RemoveGuest { vmid, purge: false }),
        Some(_) => spec.then(Effect::SetLock { vmid, lock: None }),
    }
}

/// A refusal that happens within a task shows its status.
pub(super) fn in_task(refusal: &Refusal) -> String {
    if refusal.status == 500 { refusal.message.clone() } else { format!("{} {}", refusal.status, refusal.message) }
}

type Asked = (Vec<(String, String)>, Map);

/// The disks of the archive, to be made again on the storage that was asked for.
fn saved_disks(plan: &Plan, saved: &Map) -> Result<Asked, String> {
    let (mut asked, mut delayed) = (Vec::new(), Map::new());
    let found = disks::disks(GuestKind::Lxc, saved);
    if found.iter().all(|disk| disk.key != "rootfs") {
        return Err("rootfs configuration could not be recovered, please check and specify manually!".to_owned());
    }
    for mut disk in found {
        match disk.source() {
            Source::Volume if disk.size() == 0 => {
                return Err(format!("unable to detect disk size - please specify {} (size)", disk.key));
            }
            Source::Volume => {
                let gigabytes = disk.size() as f64 / (1u64 << 30) as f64;
                disk.set_volume(&format!("{}:{gigabytes}", plan.storage));
                disk.fields.shift_remove("size");
                asked.push((disk.key.clone(), disk.text()));
            }
            source if disk.key == "rootfs" => {
                return Err(format!("restoring rootfs to {} mount is only possible by specifying -rootfs manually!", source.word()));
            }
            source if !plan.root => {
                return Err(format!("restoring '{}' to {} mount is only possible for root", disk.key, source.word()));
            }
            _ => {
                delayed.insert(disk.key.clone(), disk.text().into());
            }
        }
    }
    Ok((asked, delayed))
}

/// What the archive's configuration adds to the one that was given.
fn merge(plan: &Plan, saved: &Map, unprivileged: bool, config: &mut Map) {
    let was_unprivileged = saved.get("unprivileged").is_some_and(|value| value == 1);
    for (key, value) in saved {
        let skipped = ["digest", "unprivileged", "parent", "template", "lock"].contains(&key.as_str())
            || disks::is_disk(GuestKind::Lxc, key)
            || key.starts_with("unused")
            || (key == "features" && !plan.root && !unprivileged && was_unprivileged);
        if skipped {
            continue;
        }
        if plan.unique && disks::is_net(key) {
            config.insert(key.clone(), fresh_net(value.as_str().unwrap_or("")).into());
        } else if !config.contains_key(key) {
            config.insert(key.clone(), value.clone());
        }
    }
}

/// The same network device with a new address.
pub(super) fn fresh_net(net: &str) -> String {
    let parts = net.split(',').map(|part| if part.starts_with("hwaddr=") { format!("hwaddr={}", random::mac()) } else { part.to_owned() });
    parts.collect::<Vec<_>>().join(",")
}
