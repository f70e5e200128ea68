//! Scheduled backup jobs.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::schedule::next_run;
use crate::demo::api::section::{nested, sent};
use crate::demo::api::{Answer, Refusal, Reply, Req, Route};
use crate::demo::auth::random_uuid;
use crate::demo::state::{Guest, GuestKind, Map, State};

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/cluster/backup", list),
    ("POST", "/cluster/backup", create),
    ("GET", "/cluster/backup/{id}", read),
    ("PUT", "/cluster/backup/{id}", update),
    ("DELETE", "/cluster/backup/{id}", delete),
    ("GET", "/cluster/backup/{id}/included_volumes", included_volumes),
    ("GET", "/cluster/backup-info", |_| Ok(json!([{ "subdir": "not-backed-up" }]).into())),
    ("GET", "/cluster/backup-info/not-backed-up", not_backed_up),
];

const ROOT_ONLY: &[&str] = &["tmpdir", "dumpdir", "script", "job-id"];

fn no_job(id: &str) -> Refusal {
    Refusal::param("id", format!("No such job '{id}'"))
}

/// Returns a parameter error that is raised while the file is locked.
fn inner(key: &str, why: &str) -> Refusal {
    Refusal::die(nested(&Refusal::param(key, why)))
}

fn the_job<'a>(state: &'a State, id: &str) -> Result<&'a Map, Refusal> {
    state.sections.get("backup").and_then(|jobs| jobs.get(id)).ok_or_else(|| no_job(id))
}

/// Returns a job as shown, with property strings as objects.
fn row(id: &str, job: &Map) -> Map {
    let mut row = job.clone();
    row.insert("id".into(), id.into());
    for key in ["prune-backups", "fleecing", "performance"] {
        if let Some(text) = job.get(key).and_then(Value::as_str) {
            let parts = text.split(',').filter_map(|p| p.split_once('=')).map(|(k, v)| (k.to_owned(), json!(v)));
            row.insert(key.into(), Value::Object(parts.collect()));
        }
    }
    row
}

fn list(req: &mut Req<'_>) -> Answer {
    let now = req.now();
    let rows = req.state.section("backup").map(|(id, job)| {
        let mut row = row(id, job);
        if let Some(next) = job.get("schedule").and_then(Value::as_str).and_then(|s| next_run(s, now)) {
            row.insert("next-run".into(), next.into());
        }
        Value::Object(row)
    });
    Ok(rows.collect::<Value>().into())
}

fn read(req: &mut Req<'_>) -> Answer {
    let id = req.params.text("id");
    Ok(Value::Object(row(id, the_job(req.state, id)?)).into())
}

/// Checks parameters that require additional privileges.
fn may_set(req: &Req<'_>, keys: &[&str]) -> Result<(), Refusal> {
    if req.is_root() {
        return Ok(());
    }
    if let Some(key) = ROOT_ONLY.iter().find(|k| keys.contains(k)) {
        return Err(Refusal::param(key, "Only root may set this option."));
    }
    if ["bwlimit", "ionice", "performance"].iter().any(|k| keys.contains(k)) {
        req.check("/", &["Sys.Modify"])?;
    }
    Ok(())
}

/// Returns the settings in the request.
fn settings(req: &Req<'_>) -> Map {
    let mut job = sent(req, &["id", "starttime", "dow"]);
    // The node is a setting of the job, not part of the path.
    if let Some(node) = req.params.get("node") {
        job.insert("node".into(), node.into());
    }
    if let Some(start) = req.params.get("starttime") {
        let days = req.params.list("dow");
        let schedule = if days.is_empty() || days.len() == 7 { start.to_owned() } else { format!("{} {start}", days.join(",")) };
        job.insert("schedule".into(), schedule.into());
    }
    job
}

fn storage_right(req: &Req<'_>, job: &Map) -> Result<(), Refusal> {
    if req.is_root() || job.contains_key("dumpdir") {
        return Ok(());
    }
    let storage = job.get("storage").and_then(Value::as_str).unwrap_or("local");
    req.check(&format!("/storage/{storage}"), &["Datastore.Allocate"])
}

fn pool_right(req: &Req<'_>) -> Result<(), Refusal> {
    let Some(pool) = req.params.get("pool") else { return Ok(()) };
    req.pool_exists(Some(pool))?;
    req.check(&format!("/pool/{pool}"), &["VM.Backup"])
}

fn create(req: &mut Req<'_>) -> Answer {
    let keys: Vec<&str> = req.params.keys().collect();
    may_set(req, &keys)?;
    let mut job = settings(req);
    storage_right(req, &job)?;
    pool_right(req)?;
    let selections: Vec<&str> = ["all", "vmid", "pool"].into_iter().filter(|key| job.contains_key(*key)).collect();
    match selections[..] {
        [] => return Err(inner("vmid", "property is missing")),
        [first, second, ..] => return Err(inner(first, &format!("option conflicts with option '{second}'"))),
        _ => {}
    }
    if req.params.has("schedule") && req.params.has("starttime") {
        return Err(Refusal::param("starttime", "'starttime' and 'schedule' cannot both be set"));
    }
    if !job.contains_key("schedule") {
        return Err(Refusal::param("schedule", "neither 'starttime' nor 'schedule' were set"));
    }
    job.entry("enabled").or_insert_with(|| 1.into());
    job.insert("type".into(), "vzdump".into());
    let id = req.params.get("id").map_or_else(random_uuid, str::to_owned);
    let jobs = req.state.section_mut("backup");
    if jobs.contains_key(&id) {
        return Err(Refusal::die(format!("Job '{id}' already exists")));
    }
    jobs.insert(id, job);
    Ok(Reply::null())
}

fn update(req: &mut Req<'_>) -> Answer {
    let id = req.params.text("id").to_owned();
    let gone = req.params.list("delete");
    let keys: Vec<&str> = req.params.keys().chain(gone.iter().map(String::as_str)).collect();
    may_set(req, &keys)?;
    pool_right(req)?;
    let mut job = settings(req);
    if job.is_empty() && gone.is_empty() {
        return Err(Refusal::die("no options specified"));
    }
    if job.contains_key("storage") {
        storage_right(req, &job)?;
    }
    let Ok(known) = the_job(req.state, &id) else { return Err(Refusal::die("no such vzdump job")) };
    storage_right(req, known)?;
    let mut known = known.clone();
    for key in gone {
        known.shift_remove(&key);
    }
    // A job selects all guests, some guests or a pool; a new selection replaces the old one.
    let selections = ["all", "vmid", "pool", "exclude"];
    if let Some(chosen) = selections.iter().find(|s| job.contains_key(**s)) {
        for other in selections {
            if other != *chosen && !(other == "exclude" && *chosen == "all") && !(other == "all" && *chosen == "exclude") {
                known.shift_remove(other);
            }
        }
    }
    known.append(&mut job);
    req.state.section_mut("backup").insert(id, known);
    Ok(Reply::null())
}

fn delete(req: &mut Req<'_>) -> Answer {
    let id = req.params.text("id").to_owned();
    req.state.section_mut("backup").remove(&id).ok_or_else(|| inner("id", &format!("No such job '{id}'")))?;
    Ok(Reply::null())
}

/// Returns the guests of a job.
fn included(state: &State, job: &Map) -> BTreeSet<u32> {
    let list = |key: &str| -> BTreeSet<u32> {
        job.get(key).and_then(Value::as_str).unwrap_or("").split(',').filter_map(|id| id.trim().parse().ok()).collect()
    };
    let node = job.get("node").and_then(Value::as_str);
    let here = |id: &u32| node.is_none_or(|n| state.guests.get(id).is_none_or(|g| g.node == n));
    if let Some(pool) = job.get("pool").and_then(Value::as_str) {
        return state.pools.get(pool).map(|p| p.guests.clone()).unwrap_or_default().into_iter().filter(here).collect();
    }
    if job.get("all") == Some(&json!(1)) || job.contains_key("exclude") {
        let excluded = list("exclude");
        return state.guests.keys().copied().filter(|id| !excluded.contains(id)).filter(here).collect();
    }
    list("vmid").into_iter().filter(here).collect()
}

fn included_volumes(req: &mut Req<'_>) -> Answer {
    let job = the_job(req.state, req.params.text("id"))?;
    let vmids = included(req.state, job).into_iter().filter(|id| req.may(&format!("/vms/{id}"), &["VM.Audit"]));
    let children = vmids.map(|vmid| match req.state.guests.get(&vmid) {
        None => json!({ "id": vmid, "type": "unknown", "leaf": 1 }),
        Some(guest) => {
            let volumes = volumes(guest);
            let leaf = u8::from(volumes.is_empty());
            json!({ "id": vmid, "type": guest.kind.word(), "name": guest.name(), "children": volumes, "leaf": leaf })
        }
    });
    Ok(json!({ "children": children.collect::<Value>() }).into())
}

/// Returns a guest's volumes with whether and why each is in the backup.
fn volumes(guest: &Guest) -> Vec<Value> {
    let mut found = Vec::new();
    for (key, value) in &guest.config {
        let name = key.trim_end_matches(|c: char| c.is_ascii_digit());
        let Some(text) = value.as_str() else { continue };
        let option = |name: &str| text.split(',').any(|p| p == name);
        let (included, reason) = match (guest.kind, name) {
            (GuestKind::Lxc, "rootfs") => (true, "rootfs"),
            (GuestKind::Lxc, "mp") if text.starts_with('/') => (false, "not a volume"),
            (GuestKind::Lxc, "mp") if option("backup=1") => (true, "enabled"),
            (GuestKind::Lxc, "mp") => (false, "disabled"),
            (GuestKind::Qemu, "scsi" | "virtio" | "ide" | "sata" | "efidisk" | "tpmstate") => {
                if option("media=cdrom") {
                    continue;
                }
                if option("backup=0") { (false, "backup=no") } else { (true, "backup=yes") }
            }
            _ => continue,
        };
        let volume = text.split(',').next().unwrap_or("");
        found.push(json!({
            "id": format!("{}:{key}", guest.vmid), "name": volume, "included": u8::from(included), "reason": reason, "leaf": 1,
        }));
    }
    found
}

fn not_backed_up(req: &mut Req<'_>) -> Answer {
    let jobs = req.state.section("backup").filter(|(_, job)| job.get("enabled") != Some(&json!(0)));
    let covered: BTreeSet<u32> = jobs.flat_map(|(_, job)| included(req.state, job)).collect();
    let left = req.state.guests.values().filter(|g| !covered.contains(&g.vmid));
    let rows = left
        .filter(|g| req.may(&format!("/vms/{}", g.vmid), &["VM.Audit"]))
        .map(|g| json!({ "vmid": g.vmid, "name": g.name(), "type": g.kind.word() }));
    Ok(rows.collect::<Value>().into())
}
