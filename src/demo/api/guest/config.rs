//! The configuration of a guest and its pending changes.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::apply::{self, Edit, Outcome};
use super::disks;
use super::power::missing_bridge;
use super::rights::{self, Change, Place};
use super::{check_lock, check_skiplock, the_guest};
use crate::demo::api::{Answer, Refusal, Reply, Req, Route};
use crate::demo::state::{Guest, GuestKind, Map};
use crate::demo::tasks::TaskSpec;

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/nodes/{node}/lxc/{vmid}/config", get),
    ("GET", "/nodes/{node}/qemu/{vmid}/config", get),
    ("PUT", "/nodes/{node}/lxc/{vmid}/config", put_lxc),
    ("PUT", "/nodes/{node}/qemu/{vmid}/config", put_qemu),
    ("POST", "/nodes/{node}/qemu/{vmid}/config", post_qemu),
    ("GET", "/nodes/{node}/lxc/{vmid}/pending", pending),
    ("GET", "/nodes/{node}/qemu/{vmid}/pending", pending),
    ("GET", "/nodes/{node}/qemu/{vmid}/cloudinit", cloudinit),
];

/// Returns a configuration without secrets.
fn shown(guest: &Guest, config: &Map) -> Map {
    let mut config = config.clone();
    if guest.kind == GuestKind::Qemu && config.contains_key("cipassword") {
        config.insert("cipassword".to_owned(), "**********".into());
    }
    config
}

/// Returns the configuration including pending changes.
fn with_pending(guest: &Guest) -> Map {
    let mut config = guest.config.clone();
    for key in &guest.pending_delete {
        config.shift_remove(key);
    }
    for (key, value) in &guest.pending {
        config.insert(key.clone(), value.clone());
    }
    config
}

fn get(req: &mut Req<'_>) -> Answer {
    let guest = the_guest(req)?;
    if let Some(name) = req.params.get("snapshot") {
        if req.params.flag("current") {
            return Err(Refusal::param("snapshot", "cannot use 'snapshot' parameter with 'current'"));
        }
        let snapshot = guest.snapshot(name).ok_or_else(|| Refusal::die(format!("snapshot '{name}' does not exist")))?;
        return Ok(Value::Object(super::snapshot::config_of(&guest, snapshot)).into());
    }
    let config = if req.params.flag("current") { guest.config.clone() } else { with_pending(&guest) };
    let mut config = shown(&guest, &config);
    if let Some(parent) = &guest.parent {
        config.insert("parent".to_owned(), parent.clone().into());
    }
    config.insert("digest".to_owned(), guest.digest().into());
    Ok(Value::Object(config).into())
}

fn pending(req: &mut Req<'_>) -> Answer {
    let guest = the_guest(req)?;
    let config = shown(&guest, &guest.config);
    let mut rows: Vec<Value> = Vec::new();
    for (key, value) in &config {
        let mut row = json!({ "key": key, "value": value });
        if let Some(next) = guest.pending.get(key) {
            row["pending"] = if key == "cipassword" { "**********".into() } else { next.clone() };
        }
        if guest.pending_delete.contains(key) {
            row["delete"] = 1.into();
        }
        rows.push(row);
    }
    for (key, value) in guest.pending.iter().filter(|(key, _)| !config.contains_key(*key)) {
        rows.push(json!({ "key": key, "pending": value }));
    }
    if let Some(parent) = &guest.parent {
        rows.push(json!({ "key": "parent", "value": parent }));
    }
    rows.push(json!({ "key": "digest", "value": guest.digest() }));
    Ok(Value::Array(rows).into())
}

fn cloudinit(req: &mut Req<'_>) -> Answer {
    let guest = the_guest(req)?;
    let keys = ["ciuser", "cipassword", "sshkeys", "nameserver", "searchdomain", "citype", "cicustom", "ciupgrade"];
    let ours = |key: &str| keys.contains(&key) || key.starts_with("ipconfig");
    let has_drive = guest.config.values().any(|value| value.as_str().is_some_and(|text| text.contains("cloudinit")));
    // Without a drive nothing was generated, and the host omits the addresses.
    let shown = shown(&guest, &guest.config);
    let rows = shown
        .iter()
        .filter(|(key, _)| ours(key) && (has_drive || !key.starts_with("ipconfig")))
        .map(|(key, value)| json!({ "key": key, "value": value }));
    Ok(Value::Array(rows.collect()).into())
}

/// The parts of a change: settings, and the names to delete or revert.
struct Asked {
    delete: Vec<String>,
    revert: Vec<String>,
    set: Map,
}

const OWN: &[&str] = &["node", "vmid", "digest", "delete", "revert", "skiplock", "force", "background_delay", "import-working-storage"];

fn asked(req: &Req<'_>) -> Result<Asked, Refusal> {
    let set: Map = req.params.iter().filter(|(key, _)| !OWN.contains(&key.as_str())).map(|(k, v)| (k.clone(), v.clone())).collect();
    let asked = Asked { delete: req.params.list("delete"), revert: req.params.list("revert"), set };
    if asked.set.is_empty() && !req.params.has("delete") && !req.params.has("revert") {
        return Err(Refusal::die("no options specified"));
    }
    Ok(asked)
}

fn check_digest(req: &Req<'_>, guest: &Guest) -> Result<(), Refusal> {
    match req.params.get("digest") {
        Some(digest) if !digest.is_empty() && digest != guest.digest() => {
            Err(Refusal::die("detected modified configuration - file changed by other user? Try again."))
        }
        _ => Ok(()),
    }
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Checks that each name is known and used once. The unbalanced quotes are the host's.
fn check_names(kind: GuestKind, asked: &Asked) -> Result<(), Refusal> {
    let known = |key: &str| disks::setting(kind, key).is_some() || (kind == GuestKind::Qemu && key == "cdrom");
    let lxc = kind == GuestKind::Lxc;
    for key in &asked.revert {
        if !known(key) {
            return Err(Refusal::param("revert", format!("unknown option '{key}'")));
        }
        if asked.set.contains_key(key) {
            return Err(if lxc {
                Refusal::param("revert", format!("you can't use '-{key}' and '-revert {key}' at the same time"))
            } else {
                Refusal::param("delete", format!("you can't use '-{key}' and -revert {key}' at the same time"))
            });
        }
    }
    for key in &asked.delete {
        if lxc && !known(key) {
            return Err(Refusal::param("delete", format!("unknown option '{key}'")));
        }
        if asked.set.contains_key(key) {
            return Err(Refusal::param("delete", format!("you can't use '-{key}' and -delete {key}' at the same time")));
        }
        if asked.revert.contains(key) {
            return Err(if lxc {
                Refusal::param("delete", format!("you can't use '-delete {key}' and '-revert {key}' at the same time"))
            } else {
                Refusal::param("revert", format!("you can't use '-delete {key}' and -revert {key}' at the same time"))
            });
        }
        if !known(key) {
            return Err(Refusal::param("delete", format!("unknown option '{key}'")));
        }
    }
    Ok(())
}

fn put_lxc(req: &mut Req<'_>) -> Answer {
    let asked = asked(req)?;
    let guest = the_guest(req)?;
    check_lock(&guest)?;
    check_digest(req, &guest)?;
    let place = Place { vmid: guest.vmid, pool: None, old: Some(&guest.config), unprivileged: guest.flag("unprivileged") };
    for key in asked.delete.iter().chain(&asked.revert) {
        rights::lxc(req, &place, &Change { key, value: None })?;
    }
    check_names(GuestKind::Lxc, &asked)?;
    let mut set: Vec<(String, String)> = asked.set.iter().map(|(key, value)| (key.clone(), text_of(value))).collect();
    for (key, value) in &set {
        rights::lxc(req, &place, &Change { key, value: Some(value) })?;
    }
    set.sort();
    let mut edit = Edit::new(req.state, guest.clone());
    edit.revert(&asked.revert);
    for key in &asked.delete {
        edit.delete_lxc(key)?;
    }
    for (key, value) in &set {
        edit.set_lxc(key, value)?;
    }
    finish(req, edit.done())?;
    // The host also writes the configuration of LXC, which requires every bridge.
    match req.state.guests.get(&guest.vmid).and_then(|guest| missing_bridge(req.state, guest)) {
        Some(why) => Err(Refusal::die(why)),
        None => Ok(Reply::null()),
    }
}

/// Stores a change, or returns its errors.
fn finish(req: &mut Req<'_>, (result, log): (Result<Outcome, Errors>, Vec<String>)) -> Result<Vec<String>, Refusal> {
    let outcome = result.map_err(Refusal::params)?;
    apply::keep(req.state, outcome);
    Ok(log)
}

fn change_qemu(req: &mut Req<'_>) -> Result<Vec<String>, Refusal> {
    let asked = asked(req)?;
    let skiplock = req.params.flag("skiplock");
    if (skiplock || req.params.flag("force")) && !req.is_root() {
        let name = if skiplock { "skiplock" } else { "force" };
        // `force` requires VM.Allocate, `skiplock` root.
        if skiplock {
            return Err(Refusal::param(name, "Only root may use this option."));
        }
    }
    let vmid = req.vmid();
    let guest = the_guest(req);
    let old = guest.as_ref().ok().map(|guest| guest.config.clone());
    let place = Place { vmid, pool: None, old: old.as_ref(), unprivileged: false };
    check_names(GuestKind::Qemu, &asked)?;
    for key in asked.delete.iter().chain(asked.set.keys()) {
        rights::qemu(req, &place, key)?;
    }
    let set: Vec<(String, String)> = asked.set.iter().map(|(key, value)| (key.clone(), text_of(value))).collect();
    for (key, value) in &set {
        rights::qemu_value(req, &place, key, value)?;
    }
    let guest = guest?;
    if req.params.get("digest").is_some_and(|digest| !digest.is_empty() && digest != guest.digest()) {
        return Err(Refusal::die("checksum mismatch (file change by other user?)"));
    }
    if !skiplock {
        check_lock(&guest)?;
    }
    let drives = |key: &str| disks::is_disk(GuestKind::Qemu, key);
    for key in asked.delete.iter().chain(asked.set.keys()).filter(|key| drives(key)) {
        if let Some(text) = guest.text(key) {
            rights::qemu_drive(req, &place, key, text)?;
        }
    }
    for (key, value) in set.iter().filter(|(key, _)| drives(key)) {
        rights::qemu_drive(req, &place, key, value)?;
    }
    if asked.delete.iter().any(|key| key.starts_with("unused")) {
        place.need(req, &["VM.Config.Disk"])?;
    }
    let force = req.params.flag("force");
    let mut edit = Edit::new(req.state, guest);
    edit.revert(&asked.revert);
    for key in &asked.delete {
        if key == "lock" {
            edit.unlock();
        } else {
            edit.delete_qemu(key, force)?;
        }
    }
    for (key, value) in &set {
        edit.set_qemu(key, value)?;
    }
    finish(req, edit.done())
}

fn put_qemu(req: &mut Req<'_>) -> Answer {
    check_skiplock(req)?;
    change_qemu(req)?;
    Ok(Reply::null())
}

/// Changes a VM in a task. Errors that are known before are returned at once.
fn post_qemu(req: &mut Req<'_>) -> Answer {
    check_skiplock(req)?;
    let mut words: Vec<String> = Vec::new();
    let mut given: Vec<(&String, &Value)> =
        req.params.iter().filter(|(key, _)| !["node", "vmid", "digest"].contains(&key.as_str())).collect();
    given.sort_by_key(|(key, _)| key.as_str());
    for (key, value) in given {
        words.push(format!("-{key} {}", if key == "cipassword" { "<hidden>".to_owned() } else { text_of(value) }));
    }
    let vmid = req.vmid();
    let spec = TaskSpec::new("qmconfig", vmid).log(format!("update VM {vmid}: {}", words.join(" ")));
    let log = change_qemu(req)?;
    req.start(log.into_iter().fold(spec, TaskSpec::log).takes(0.3).ok())
}

/// Errors by setting.
pub(super) type Errors = BTreeMap<String, String>;
