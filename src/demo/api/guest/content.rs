//! Contents of storages: volumes, notes, protection, copying and deletion.

use serde_json::{Value, json};

use super::disks;
use super::rights;
use crate::demo::api::{Answer, Refusal, Reply, Req, Route};
use crate::demo::state::{State, Volume, config_text};
use crate::demo::tasks::{Effect, TaskSpec};

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/nodes/{node}/storage/{storage}/content", list),
    ("POST", "/nodes/{node}/storage/{storage}/content", allocate),
    ("GET", "/nodes/{node}/storage/{storage}/content/{volume}", info),
    ("POST", "/nodes/{node}/storage/{storage}/content/{volume}", copy),
    ("PUT", "/nodes/{node}/storage/{storage}/content/{volume}", update),
    ("DELETE", "/nodes/{node}/storage/{storage}/content/{volume}", delete),
    ("GET", "/nodes/{node}/vzdump/extractconfig", extract),
];

/// Checks that a storage is active.
fn active(req: &Req<'_>, id: &str) -> Result<(), Refusal> {
    let storage = disks::usable(req.state, id, &req.node())?;
    if storage.inactive {
        let path = storage.text("path").unwrap_or("");
        return Err(Refusal::die(format!(
            "unable to activate storage '{id}' - directory is expected to be a mount point but is not mounted: '{path}'"
        )));
    }
    Ok(())
}

/// Copies a volume, on the node of the path or to another one.
fn copy(req: &mut Req<'_>) -> Answer {
    let storage = req.params.text("storage").to_owned();
    let full = |name: &str| if name.contains(':') { name.to_owned() } else { format!("{storage}:{name}") };
    let (source, target) = (full(req.params.text("volume")), full(req.params.text("target")));
    let node = req.params.get("target_node").map_or_else(|| req.node(), str::to_owned);
    let spec = TaskSpec::new("imgcopy", "");
    let Some(volume) = req.state.volume(&source).cloned() else {
        return req.start(spec.fail(format!("volume '{source}' does not exist")));
    };
    let id = target.split(':').next().unwrap_or_default();
    let Some(shared) = req.state.storages.get(id).map(crate::demo::state::Storage::is_shared) else {
        return req.start(spec.fail(format!("storage '{id}' does not exist")));
    };
    if req.state.volume(&target).is_some() {
        return req.start(spec.fail(format!("volume '{target}' already exists")));
    }
    let copy = Volume { volid: target, node: (!shared).then_some(node), ..volume };
    req.start(spec.takes(3.0).then(Effect::AddVolume(Box::new(copy))).ok())
}

fn list(req: &mut Req<'_>) -> Answer {
    let id = req.params.text("storage").to_owned();
    active(req, &id)?;
    let node = req.node();
    let vmid = req.params.int("vmid").and_then(|id| u32::try_from(id).ok());
    let wanted = req.params.get("content").map(str::to_owned);
    let storage = req.storage(&id)?;
    if wanted.as_deref().is_some_and(|content| !storage.holds(content)) {
        return Ok(json!([]).into());
    }
    let mut found: Vec<&Volume> = storage
        .volumes
        .iter()
        .filter(|volume| volume.node.as_deref().is_none_or(|own| own == node))
        // Files for import are shown regardless of owner.
        .filter(|volume| vmid.is_none_or(|vmid| volume.vmid == Some(vmid) || volume.content == "import"))
        .filter(|volume| wanted.as_deref().is_none_or(|content| volume.content == content))
        .filter(|volume| rights::volume(req, 0, &volume.volid, "").is_ok())
        .collect();
    found.sort_by(|a, b| a.volid.cmp(&b.volid));
    Ok(found.into_iter().map(|volume| row(req.state, volume)).collect::<Value>().into())
}

fn row(state: &State, volume: &Volume) -> Value {
    let mut row = json!({ "volid": volume.volid, "content": volume.content, "format": volume.format, "size": volume.size });
    if let Some(vmid) = volume.vmid {
        row["vmid"] = vmid.into();
    }
    if let Some(ctime) = volume.ctime {
        row["ctime"] = ctime.into();
    }
    if let Some(notes) = volume.notes.as_deref().filter(|notes| !notes.is_empty()) {
        row["notes"] = notes.into();
    }
    if volume.protected {
        row["protected"] = 1.into();
    }
    if let Some(subtype) = &volume.subtype {
        row["subtype"] = subtype.clone().into();
    }
    if volume.content == "images" || volume.content == "rootdir" {
        let kind = volume.volid.split(':').next().and_then(|id| state.storages.get(id)).map_or("dir", |storage| storage.kind());
        if matches!(kind, "dir" | "nfs" | "cifs" | "btrfs") {
            row["used"] = volume.size.into();
            row["parent"] = Value::Null;
            if volume.ctime.is_none() {
                let booted = state.nodes.values().map(|node| node.booted).min();
                row["ctime"] = booted.into();
            }
        }
    }
    for (key, value) in volume.extra.iter().filter(|(key, _)| *key != "data") {
        row[key.as_str()] = value.clone();
    }
    row
}

/// Returns the full ID of the volume in the path.
fn volid(req: &Req<'_>) -> Result<String, Refusal> {
    let storage = req.params.text("storage");
    let volume = req.params.text("volume");
    match volume.split_once(':') {
        Some((own, _)) if own != storage => Err(Refusal::param("volume", format!("storage ID mismatch ({own} != {storage})\n"))),
        Some(_) => Ok(volume.to_owned()),
        None => Ok(format!("{storage}:{volume}")),
    }
}

fn check_name(req: &Req<'_>, volid: &str) -> Result<(), Refusal> {
    let (storage, name) = volid.split_once(':').unwrap_or((volid, ""));
    if !req.state.storages.contains_key(storage) {
        return Err(Refusal::die(format!("storage '{storage}' does not exist")));
    }
    if rights::content_of(name).0.is_empty() {
        return Err(Refusal::die(format!("unable to parse directory volume name '{name}'")));
    }
    Ok(())
}

fn info(req: &mut Req<'_>) -> Answer {
    let volid = volid(req)?;
    check_name(req, &volid)?;
    rights::volume(req, 0, &volid, "")?;
    let path = disks::path_of(req.state, &volid);
    let Some(volume) = req.state.volume(&volid) else {
        return Err(Refusal::die(format!("volume_size_info on '{volid}' failed - no format")));
    };
    let format = if volume.content == "backup" && !volume.format.starts_with("pbs") { "raw" } else { volume.format.as_str() };
    let mut entry = json!({ "path": path, "size": volume.size, "used": volume.size, "format": format });
    if volume.content == "backup" {
        entry["protected"] = u8::from(volume.protected).into();
        if let Some(notes) = &volume.notes {
            entry["notes"] = notes.clone().into();
        } else {
            entry["notes"] = "".into();
        }
    }
    Ok(entry.into())
}

fn update(req: &mut Req<'_>) -> Answer {
    let volid = volid(req)?;
    check_name(req, &volid)?;
    rights::volume(req, 0, &volid, "")?;
    let (notes, protected) = (req.params.get("notes").map(str::to_owned), req.params.bool("protected"));
    if rights::content_of(volid.split_once(':').map_or("", |(_, name)| name)).0 != "backup" {
        let words = if notes.is_some() { "only backups can have notes" } else { "only backups support attribute 'protected'" };
        return Err(Refusal::die(words));
    }
    // Notes and protection are separate files, which the host writes even without the archive.
    let Some(volume) = req.state.volume_mut(&volid) else { return Ok(Reply::null()) };
    if let Some(notes) = notes {
        volume.notes = Some(notes).filter(|notes| !notes.is_empty());
    }
    if let Some(protected) = protected {
        volume.protected = protected;
    }
    Ok(Reply::null())
}

fn delete(req: &mut Req<'_>) -> Answer {
    let volid = volid(req)?;
    check_name(req, &volid)?;
    let (storage, name) = volid.split_once(':').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap_or_default();
    let (content, owner) = rights::content_of(&name);
    let path = format!("/storage/{storage}");
    match owner {
        Some(owner) if content == "backup" => {
            req.check(&path, &["Datastore.AllocateSpace"])?;
            req.check(&format!("/vms/{owner}"), &["VM.Backup"])?;
        }
        _ => req.check(&path, &["Datastore.Allocate"])?,
    }
    let id = owner.map_or_else(|| storage.clone(), |owner| format!("{owner}@{storage}"));
    let spec = TaskSpec::new("imgdel", id);
    let spec = match req.state.volume(&volid) {
        Some(volume) if volume.protected => spec.takes(0.1).fail(format!("cannot remove protected volume '{name}' on '{storage}'")),
        Some(_) => spec.takes(0.3).then(Effect::RemoveVolume { volid: volid.clone() }).log(format!("Removed volume '{volid}'")).ok(),
        None => {
            let file = disks::path_of(req.state, &volid);
            spec.takes(0.1).log(format!("disk image '{file}' does not exist")).log(format!("Removed volume '{volid}'")).ok()
        }
    };
    let quick = req.params.has("delay");
    let answer = req.start(spec)?;
    // With a delay the host waits for the task and returns null.
    if quick { Ok(Reply::null()) } else { Ok(answer) }
}

fn allocate(req: &mut Req<'_>) -> Answer {
    let id = req.params.text("storage").to_owned();
    active(req, &id)?;
    let (filename, vmid) = (req.params.text("filename").to_owned(), req.vmid());
    let size = req.params.text("size").to_owned();
    let factor = match size.chars().last() {
        Some('M') => 1 << 20,
        Some('G') => 1 << 30,
        _ => 1 << 10,
    };
    let bytes: u64 = size.trim_end_matches(['M', 'G']).parse::<u64>().unwrap_or(0) * factor;
    let format = filename.rsplit_once('.').map_or("raw", |(_, end)| end).to_owned();
    let folders = matches!(req.storage(&id)?.kind(), "dir" | "nfs" | "cifs" | "btrfs");
    // In the guest's folder, any name is allowed.
    if !folders && !filename.starts_with(&format!("vm-{vmid}-")) {
        return Err(Refusal::die(format!("illegal name '{filename}' - should be 'vm-{vmid}-*'")));
    }
    let volid = if folders { format!("{id}:{vmid}/{filename}") } else { format!("{id}:{filename}") };
    if req.state.volume(&volid).is_some() {
        return Err(Refusal::die(format!("disk image '{}' already exists", disks::path_of(req.state, &volid))));
    }
    let format = if ["raw", "qcow2", "vmdk"].contains(&format.as_str()) { format } else { "raw".to_owned() };
    let mut volume = Volume::new(&volid, "images", format, bytes);
    volume.vmid = Some(vmid);
    let node = req.node();
    if let Some(storage) = req.state.storages.get_mut(&id) {
        volume.node = (!storage.is_shared()).then_some(node);
        storage.put(volume);
    }
    Ok(json!(volid).into())
}

/// Returns the configuration in a backup, as text.
fn extract(req: &mut Req<'_>) -> Answer {
    let volid = req.params.text("volume").to_owned();
    rights::volume(req, 0, &volid, "backup")?;
    if let (_, Some(owner)) = rights::content_of(volid.split_once(':').map_or("", |(_, name)| name)) {
        req.check(&format!("/vms/{owner}"), &["VM.Backup"])?;
    }
    let found = req.state.volume(&volid).and_then(|volume| volume.config.clone());
    let Some(config) = found else {
        return Err(Refusal::die(format!("volume '{volid}' does not exist")));
    };
    Ok(json!(config_text(&config)).into())
}
