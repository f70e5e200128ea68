//! Pruning backups.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::times;
use crate::api::schema::{self, property};
use crate::demo::api::{Answer, Refusal, Req, Route};
use crate::demo::state::{State, Volume};
use crate::demo::tasks::{Effect, TaskSpec};

pub(super) const ROUTES: &[Route] =
    &[("GET", "/nodes/{node}/storage/{storage}/prunebackups", dry_run), ("DELETE", "/nodes/{node}/storage/{storage}/prunebackups", prune)];

/// Numbers of backups to keep, by option (`keep-last` …).
pub(super) type Keep = BTreeMap<String, u64>;

/// Parses a retention: a property string or an object.
pub(super) fn parse(value: &Value) -> Keep {
    let text = value.as_str().unwrap_or("");
    let fields = schema::find("POST", "/nodes/n/vzdump").and_then(|(method, _)| method.parameters.property("prune-backups")?.fields());
    let found = match (value, fields) {
        (Value::Object(map), _) => map.clone(),
        (_, Some(fields)) => property::split(fields, text).unwrap_or_default(),
        _ => Default::default(),
    };
    let number = |value: &Value| value.as_u64().or_else(|| value.as_str()?.parse().ok()).unwrap_or(0);
    found.iter().map(|(key, value)| (key.clone(), number(value))).collect()
}

pub(super) fn keeps_all(keep: &Keep) -> bool {
    keep.get("keep-all") == Some(&1) || keep.iter().all(|(key, count)| key == "keep-all" || *count == 0)
}

/// The result of pruning for a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    Keep,
    Remove,
    Protected,
    Renamed,
}

impl Mark {
    fn word(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Remove => "remove",
            Self::Protected => "protected",
            Self::Renamed => "renamed",
        }
    }
}

/// Returns the backups of a storage with their marks, by group.
pub(super) fn marks(state: &State, storage: &str, node: &str, keep: &Keep, vmid: Option<u32>, kind: Option<&str>) -> Vec<(Volume, Mark)> {
    let zone = times::zone(state, node);
    let Some(storage) = state.storages.get(storage) else { return Vec::new() };
    let mut all: Vec<(Volume, Option<Mark>)> = storage
        .volumes
        .iter()
        .filter(|volume| volume.content == "backup" && volume.node.as_deref().is_none_or(|own| own == node))
        .filter(|volume| {
            vmid.is_none_or(|vmid| volume.vmid == Some(vmid)) && kind.is_none_or(|kind| volume.subtype.as_deref() == Some(kind))
        })
        .map(|volume| (volume.clone(), volume.protected.then_some(Mark::Protected)))
        .collect();
    for (volume, mark) in &mut all {
        let name = volume.volid.rsplit('/').next().unwrap_or("");
        let standard = name.starts_with("vzdump-") || volume.format.starts_with("pbs");
        if !standard && mark.is_none() {
            *mark = Some(Mark::Renamed);
        }
    }
    let groups: BTreeSet<(Option<String>, Option<u32>)> = all.iter().map(|(volume, _)| (volume.subtype.clone(), volume.vmid)).collect();
    for group in groups {
        let mut members: Vec<usize> = (0..all.len()).filter(|index| (all[*index].0.subtype.clone(), all[*index].0.vmid) == group).collect();
        members.sort_by_key(|index| std::cmp::Reverse(all[*index].0.ctime));
        mark_group(&mut all, &members, keep, &zone);
    }
    all.sort_by_key(|(volume, _)| volume.ctime);
    all.into_iter().map(|(volume, mark)| (volume, mark.unwrap_or(Mark::Keep))).collect()
}

fn mark_group(all: &mut [(Volume, Option<Mark>)], members: &[usize], keep: &Keep, zone: &jiff::tz::TimeZone) {
    if keeps_all(keep) {
        for index in members {
            all[*index].1.get_or_insert(Mark::Keep);
        }
        return;
    }
    let periods: [(&str, &str); 6] = [
        ("keep-last", "%s"),
        ("keep-hourly", "%H/%d/%m/%Y"),
        ("keep-daily", "%d/%m/%Y"),
        ("keep-weekly", "%V/%G"),
        ("keep-monthly", "%m/%Y"),
        ("keep-yearly", "%Y"),
    ];
    for (option, format) in periods {
        let count = keep.get(option).copied().unwrap_or(0);
        if count == 0 {
            continue;
        }
        let id = |volume: &Volume| times::at(zone, volume.ctime.unwrap_or(0)).strftime(format).to_string();
        // A period with a kept backup is covered.
        let covered: BTreeSet<String> =
            members.iter().filter(|index| all[**index].1 == Some(Mark::Keep)).map(|index| id(&all[*index].0)).collect();
        let mut new: BTreeSet<String> = BTreeSet::new();
        for index in members {
            if all[*index].1.is_some() {
                continue;
            }
            let period = id(&all[*index].0);
            if covered.contains(&period) {
                continue;
            }
            if new.contains(&period) {
                all[*index].1 = Some(Mark::Remove);
            } else if new.len() as u64 >= count {
                break;
            } else {
                new.insert(period);
                all[*index].1 = Some(Mark::Keep);
            }
        }
    }
    for index in members {
        all[*index].1.get_or_insert(Mark::Remove);
    }
}

/// Returns the retention of the request, or that of the storage.
fn keep_of(req: &Req<'_>, storage: &str) -> Result<Keep, Refusal> {
    if let Some(text) = req.params.get("prune-backups") {
        return Ok(parse(&text.into()));
    }
    match req.storage(storage)?.config.get("prune-backups") {
        Some(value) => Ok(parse(value)),
        None => Err(Refusal::die(format!("no prune-backups options configured for storage '{storage}'"))),
    }
}

fn filters(req: &Req<'_>) -> (Option<u32>, Option<String>) {
    let vmid = req.params.int("vmid").and_then(|id| u32::try_from(id).ok());
    (vmid, req.params.get("type").map(str::to_owned))
}

fn dry_run(req: &mut Req<'_>) -> Answer {
    let storage = req.params.text("storage").to_owned();
    let keep = keep_of(req, &storage)?;
    let (vmid, kind) = filters(req);
    let rows = marks(req.state, &storage, &req.node(), &keep, vmid, kind.as_deref()).into_iter().map(|(volume, mark)| {
        json!({
            "volid": volume.volid, "vmid": volume.vmid, "ctime": volume.ctime, "mark": mark.word(),
            "type": volume.subtype.as_deref().unwrap_or("unknown"),
        })
    });
    Ok(Value::Array(rows.collect()).into())
}

fn prune(req: &mut Req<'_>) -> Answer {
    let storage = req.params.text("storage").to_owned();
    let (vmid, kind) = filters(req);
    match vmid {
        Some(vmid) => {
            req.check(&format!("/storage/{storage}"), &["Datastore.AllocateSpace"])?;
            req.check(&format!("/vms/{vmid}"), &["VM.Backup"])?;
        }
        None => req.check(&format!("/storage/{storage}"), &["Datastore.Allocate"])?,
    }
    let id = vmid.map_or_else(|| storage.clone(), |vmid| format!("{vmid}@{storage}"));
    let mut spec = TaskSpec::new("prunebackups", id).takes(0.1);
    let keep = match keep_of(req, &storage) {
        Ok(keep) => keep,
        Err(refusal) => return req.start(spec.fail(refusal.message)),
    };
    for (volume, mark) in marks(req.state, &storage, &req.node(), &keep, vmid, kind.as_deref()) {
        if mark == Mark::Remove {
            spec = spec.log(format!("removing backup '{}'", volume.volid)).takes(0.1).then(Effect::RemoveVolume { volid: volume.volid });
        }
    }
    req.start(spec.ok())
}
