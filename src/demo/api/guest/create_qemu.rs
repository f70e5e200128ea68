//! Creating and restoring VMs.

use serde_json::{Value, json};

use super::apply::{net_qemu, unique_tags};
use super::create_lxc::{allowed, exists, no_space};
use super::disks::{self, Disk, Namer, Source};
use super::restore_lxc::in_task;
use super::rights::{self, Place};
use super::{archive, random};
use crate::api::schema::property;
use crate::demo::api::{Answer, Refusal, Req, Route};
use crate::demo::state::{Guest, GuestKind, Map, Volume};
use crate::demo::tasks::{Effect, TaskSpec};

pub(super) const ROUTES: &[Route] = &[("POST", "/nodes/{node}/qemu", create)];

const OWN: [&str; 12] = [
    "node",
    "vmid",
    "archive",
    "unique",
    "force",
    "storage",
    "pool",
    "bwlimit",
    "start",
    "ha-managed",
    "live-restore",
    "import-working-storage",
];

fn create(req: &mut Req<'_>) -> Answer {
    let (vmid, node) = (req.vmid(), req.node());
    let archive = req.params.get("archive").map(str::to_owned);
    let storage = req.params.get("storage").map(str::to_owned);
    let pool = req.params.get("pool").map(str::to_owned);
    let (force, start) = (req.params.flag("force"), req.params.flag("start"));
    for name in ["unique", "force", "live-restore"] {
        if req.params.has(name) && archive.is_none() {
            // `force` and `unique` require `archive` in the schema.
            return Err(Refusal::param("archive", format!("missing property required by '{name}'")));
        }
    }
    req.pool_exists(pool.as_deref())?;
    if let Some(storage) = &storage {
        req.check(&format!("/storage/{storage}"), &["Datastore.AllocateSpace"])?;
    }
    if req.params.flag("ha-managed") {
        req.check("/", &["Sys.Console"])?;
    }
    let place = Place { vmid, pool: pool.as_deref(), old: None, unprivileged: false };
    if start {
        place.need(req, &["VM.PowerMgmt"])?;
    }
    let old = req.state.guests.get(&vmid).filter(|guest| guest.kind == GuestKind::Qemu && guest.node == node).cloned();
    allowed(req, vmid, pool.as_deref(), archive.is_some() && force && old.is_some())?;
    let mut given: Vec<(String, String)> = req
        .params
        .iter()
        .filter(|(key, _)| !OWN.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
        .collect();
    given.sort();
    for (_, value) in given.iter_mut().filter(|(key, _)| disks::is_disk(GuestKind::Qemu, key)) {
        let head = value.split(',').next().unwrap_or("");
        if !head.is_empty() && head.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
            let Some(storage) = &storage else {
                return Err(Refusal::die("no storage ID specified (and no default storage)"));
            };
            *value = format!("{storage}:{value}");
        }
    }
    if let Some(archive) = &archive {
        if let Some((key, _)) = given.iter().find(|(key, _)| disks::is_disk(GuestKind::Qemu, key)) {
            return Err(Refusal::param(key, "option conflicts with option 'archive'"));
        }
        rights::volume(req, vmid, archive, "backup")?;
    }
    check_settings(req, &place, &given)?;
    let what = if archive.is_some() { "restore" } else { "create" };
    match &old {
        Some(guest) if archive.is_some() && force => {
            if guest.flag("protection") {
                return Err(Refusal::die(format!("unable to restore VM {vmid} - protection mode enabled")));
            }
            if guest.power.is_on() {
                return Err(Refusal::die(format!("unable to restore VM {vmid} - vm is running")));
            }
        }
        _ => {
            if let Some(words) = exists(req.state, vmid) {
                return Err(Refusal::die(format!("unable to {what} VM {vmid} - {words}")));
            }
        }
    }
    let plan = Plan { vmid, node, storage, given, start, pool, old, unique: req.params.flag("unique") };
    let spec = TaskSpec::new(if archive.is_some() { "qmrestore" } else { "qmcreate" }, vmid);
    let spec = match archive {
        Some(archive) => restore(req, &plan, &archive, spec),
        None => fresh(req, &plan, spec),
    };
    if req.params.flag("ha-managed") {
        let entry = crate::demo::state::map(json!({ "type": "vm", "state": if start { "started" } else { "stopped" } }));
        req.state.ha.resources.insert(format!("vm:{vmid}"), entry);
    }
    req.start(spec)
}

struct Plan {
    vmid: u32,
    node: String,
    storage: Option<String>,
    given: Vec<(String, String)>,
    start: bool,
    pool: Option<String>,
    old: Option<Guest>,
    unique: bool,
}

fn check_settings(req: &Req<'_>, place: &Place<'_>, given: &[(String, String)]) -> Result<(), Refusal> {
    for (key, value) in given.iter().filter(|(key, _)| disks::is_disk(GuestKind::Qemu, key)) {
        rights::qemu_value(req, place, key, value)?;
        if let Some(disk) = Disk::parse(GuestKind::Qemu, key, value)
            && disk.source() == Source::Volume
            && let Some(id) = disk.storage()
        {
            let storage = disks::usable(req.state, id, &req.node())?;
            if disk.wanted().is_some() && !storage.holds("images") {
                return Err(Refusal::param("storage", format!("storage '{id}' does not support vm images")));
            }
        }
    }
    for (key, _) in given {
        rights::qemu(req, place, key)?;
    }
    for (key, value) in given.iter().filter(|(key, _)| !disks::is_disk(GuestKind::Qemu, key)) {
        rights::qemu_value(req, place, key, value)?;
    }
    Ok(())
}

fn begin(plan: &Plan, spec: TaskSpec) -> TaskSpec {
    let vmid = plan.vmid;
    if plan.old.is_some() {
        let lock = |word: Option<&str>| Effect::SetLock { vmid, lock: word.map(str::to_owned) };
        return spec.then(lock(Some("create"))).on_stop(lock(None));
    }
    let mut config = Map::new();
    config.insert("lock".to_owned(), "create".into());
    let stub = Guest::new(vmid, GuestKind::Qemu, plan.node.clone(), config);
    spec.then(Effect::PutGuest(Box::new(stub))).on_stop(Effect::RemoveGuest { vmid, purge: false })
}

fn undo(plan: &Plan, spec: TaskSpec) -> TaskSpec {
    let vmid = plan.vmid;
    if plan.old.is_some() { spec.then(Effect::SetLock { vmid, lock: None }) } else { spec.then(Effect::RemoveGuest { vmid, purge: false }) }
}

fn fresh(req: &Req<'_>, plan: &Plan, spec: TaskSpec) -> TaskSpec {
    let mut namer = Namer::new(req.state, plan.vmid);
    let (mut config, mut volumes) = (Map::new(), Vec::new());
    let mut spec = begin(plan, spec).takes(0.3);
    for (key, value) in &plan.given {
        let mut text = value.clone();
        if let Some(mut disk) = Disk::parse(GuestKind::Qemu, key, value).filter(|_| disks::is_disk(GuestKind::Qemu, key)) {
            if let Some((id, size)) = disk.wanted() {
                let bytes = (size * (1u64 << 30) as f64) as u64;
                if req.state.storages.get(id).is_some_and(|storage| storage.free() < bytes) {
                    let words = no_space(req.state, id, plan.vmid);
                    return undo(plan, spec).fail(format!("unable to create VM {} - {words}", plan.vmid));
                }
            }
            match disks::make(req.state, &mut namer, &mut disk, &plan.node, false) {
                Ok(Some(made)) => {
                    spec = made.lines.into_iter().fold(spec, TaskSpec::log);
                    spec = spec.takes(0.2).log(format!("{key}: successfully created disk '{}'", disk.text()));
                    volumes.push(made.volume);
                }
                Ok(None) => {}
                Err(refusal) => return undo(plan, spec).fail(format!("unable to create VM {} - {}", plan.vmid, refusal.message)),
            }
            text = disk.text();
        }
        config.insert(key.clone(), setting(key, &text));
    }
    if !config.contains_key("boot") {
        config.insert("boot".to_owned(), boot_order(&config).into());
    }
    complete(&mut config);
    config.insert("meta".to_owned(), format!("creation-qemu=10.1.2,ctime={}", req.now()).into());
    finish(req, plan, spec, config, volumes)
}

fn setting(key: &str, text: &str) -> Value {
    let text = match key {
        "description" => text.trim_end_matches('\n').to_owned(),
        "tags" => unique_tags(text),
        _ if disks::is_net(key) => net_qemu(text),
        _ => text.to_owned(),
    };
    disks::typed(GuestKind::Qemu, key, &text)
}

/// Returns the boot order: disks, drives and network devices.
fn boot_order(config: &Map) -> String {
    let found = disks::disks(GuestKind::Qemu, config);
    let plain = found.iter().find(|disk| disk.source() == Source::Volume && !disk.key.starts_with("efi") && !disk.key.starts_with("tpm"));
    let optical = found.iter().find(|disk| disk.source() == Source::Media);
    let net = config.keys().filter(|key| disks::is_net(key)).min().cloned();
    let parts: Vec<String> = plain.into_iter().chain(optical).map(|disk| disk.key.clone()).chain(net).collect();
    if parts.is_empty() { " ".to_owned() } else { format!("order={}", parts.join(";")) }
}

/// Adds the settings that every VM has.
fn complete(config: &mut Map) {
    if !config.contains_key("smbios1") {
        config.insert("smbios1".to_owned(), format!("uuid={}", random::uuid()).into());
    }
    if config.get("vmgenid").is_none_or(|value| value == "1" || value == 1) {
        config.insert("vmgenid".to_owned(), random::uuid().into());
    }
}

fn finish(req: &Req<'_>, plan: &Plan, spec: TaskSpec, config: Map, volumes: Vec<Volume>) -> TaskSpec {
    let vmid = plan.vmid;
    let mut spec = spec;
    if plan.old.is_some() {
        spec = spec.then(Effect::RemoveGuest { vmid, purge: false });
    }
    spec = volumes.into_iter().fold(spec, |spec, volume| spec.then(Effect::AddVolume(Box::new(volume))));
    let guest = Guest::new(vmid, GuestKind::Qemu, plan.node.clone(), config);
    let start = plan.start.then(|| super::power::start_after(req.state, &guest));
    spec = spec.then(Effect::PutGuest(Box::new(guest)));
    if let Some(pool) = &plan.pool {
        spec = spec.then(Effect::AddToPool { vmid, pool: pool.clone() });
    }
    if let Some(start) = start {
        spec = spec.log("Execute autostart");
        spec = spec.then(Effect::Start { spec: Box::new(start), node: plan.node.clone(), user: req.who.name() });
    }
    spec.ok()
}

fn restore(req: &Req<'_>, plan: &Plan, volid: &str, spec: TaskSpec) -> TaskSpec {
    let vmid = plan.vmid;
    let Some((volume, saved)) = req.state.volume(volid).and_then(|volume| Some((volume.clone(), volume.config.clone()?))) else {
        let spec = begin(plan, spec).log(format!("Could not extract backed up config: volume '{volid}' does not exist"));
        return undo(plan, spec.log("Skipping early checks!").takes(0.2)).fail(format!("volume '{volid}' does not exist"));
    };
    let given: Map = plan.given.iter().map(|(key, value)| (key.clone(), setting(key, value))).collect();
    for (_, value) in saved.iter().filter(|(key, _)| disks::is_net(key) && !given.contains_key(*key)) {
        if let Err(refusal) = rights::bridge(req, GuestKind::Qemu, value.as_str().unwrap_or("")) {
            return spec.takes(0.2).fail(in_task(&refusal));
        }
    }
    let pbs = archive::is_pbs(req.state, volid);
    let mut spec = begin(plan, spec).takes(0.2);
    if !pbs {
        let path = disks::path_of(req.state, volid);
        let unpack = if path.ends_with(".zst") { format!("zstd -q -d -c {path} | ") } else { String::new() };
        let pipe = format!(
            "vma extract -v -r /var/tmp/vzdumptmp{vmid}.fifo {} /var/tmp/vzdumptmp{vmid}",
            if unpack.is_empty() { path.as_str() } else { "-" }
        );
        spec = spec.log(format!("restore vma archive: {unpack}{pipe}"));
    }
    let mut namer = Namer::new(req.state, vmid);
    let (mut config, mut volumes, mut total) = (Map::new(), Vec::new(), 0u64);
    for mut disk in disks::disks(GuestKind::Qemu, &saved) {
        if disk.source() != Source::Volume {
            config.insert(disk.key.clone(), disk.text().into());
            continue;
        }
        let target = plan.storage.clone().or_else(|| disk.storage().map(str::to_owned)).unwrap_or_default();
        let bytes = disk.size();
        match req.state.storages.get(&target) {
            None => return undo(plan, spec).fail(format!("storage '{target}' does not exist")),
            Some(storage) if !storage.holds("images") => {
                return undo(plan, spec).fail(format!("Content type 'images' is not available on storage '{target}'"));
            }
            Some(storage) if storage.free() < total + bytes => {
                return undo(plan, spec).fail(format!("unable to restore VM {vmid} - {}", no_space(req.state, &target, vmid)));
            }
            Some(_) => {}
        }
        if plan.storage.is_none()
            && let Err(refusal) = req.check(&format!("/storage/{target}"), &["Datastore.AllocateSpace"])
        {
            return undo(plan, spec).fail(in_task(&refusal));
        }
        total += bytes;
        let gigabytes = bytes as f64 / (1u64 << 30) as f64;
        disk.set_volume(&format!("{target}:{gigabytes}"));
        disk.fields.insert("format".to_owned(), "raw".into());
        match disks::make(req.state, &mut namer, &mut disk, &plan.node, false) {
            Ok(Some(made)) => {
                spec = made.lines.into_iter().fold(spec, TaskSpec::log);
                spec = spec.log(format!("new volume ID is '{}'", disk.volume()));
                volumes.push(made.volume);
            }
            Ok(None) => {}
            Err(refusal) => return undo(plan, spec).fail(in_task(&refusal)),
        }
        config.insert(disk.key.clone(), disk.text().into());
    }
    spec = progress(spec, total.max(archive::data_size(&volume)), pbs);
    spec = spec.log("rescan volumes...");
    merge(plan, &saved, &mut config);
    config.extend(given);
    finish(req, plan, spec, config, volumes)
}

/// Logs the progress of a restore.
fn progress(spec: TaskSpec, total: u64, pbs: bool) -> TaskSpec {
    let seconds = 1.0 + total as f64 / 4e8;
    let mut spec = spec;
    for step in 1..=20u64 {
        let (percent, read) = (step * 5, total * step / 20);
        spec = spec.takes(seconds / 20.0);
        let duration = (seconds * step as f64 / 20.0) as u64;
        spec = spec.log(if pbs {
            format!("progress {percent}% (read {read} bytes, zeroes = 0% (0 bytes), duration {duration} sec)")
        } else {
            format!("progress {percent}% (read {read} bytes, duration {duration} sec)")
        });
    }
    if pbs {
        return spec
            .log(format!("restore image complete (bytes={total}, duration={seconds:.2}s, speed={:.2}MB/s)", total as f64 / 1e6 / seconds));
    }
    spec.log(format!("total bytes read {total}, sparse bytes 0 (0%)")).log("space reduction due to 4K zero blocks 0%")
}

fn merge(plan: &Plan, saved: &Map, config: &mut Map) {
    for (key, value) in saved {
        if config.contains_key(key) || ["digest", "parent", "lock", "vmgenid"].contains(&key.as_str()) || key.starts_with("unused") {
            continue;
        }
        let value = match value.as_str() {
            Some(text) if plan.unique && disks::is_net(key) => fresh_net(text).into(),
            Some(text) if plan.unique && key == "smbios1" => fresh_smbios(text).into(),
            _ => value.clone(),
        };
        config.insert(key.clone(), value);
    }
    config.insert("vmgenid".to_owned(), random::uuid().into());
}

/// Returns a network device with a new MAC address.
pub(super) fn fresh_net(net: &str) -> String {
    let Some(fields) = disks::fields_of(GuestKind::Qemu, "net0") else { return net.to_owned() };
    let Ok(mut parts) = property::split(fields, net) else { return net.to_owned() };
    parts.insert("macaddr".to_owned(), random::mac().into());
    property::print(fields, &parts)
}

pub(super) fn fresh_smbios(text: &str) -> String {
    let parts = text.split(',').map(|part| if part.starts_with("uuid=") { format!("uuid={}", random::uuid()) } else { part.to_owned() });
    parts.collect::<Vec<_>>().join(",")
}
