//! Pools.

use serde_json::{Value, json};

use super::pool_settings::{RULES, Settings, applied};
use super::{POOL, mon_error, number, ready, section, text};
use crate::demo::api::{Answer, Refusal, Req, Route};
use crate::demo::state::{Map, State, Storage, map};
use crate::demo::tasks::{Effect, TaskSpec};

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/nodes/{node}/ceph/pool", list),
    ("POST", "/nodes/{node}/ceph/pool", create),
    ("GET", "/nodes/{node}/ceph/pool/{name}", |_| Ok(json!([{ "name": "status" }]).into())),
    ("PUT", "/nodes/{node}/ceph/pool/{name}", update),
    ("DELETE", "/nodes/{node}/ceph/pool/{name}", destroy),
    ("GET", "/nodes/{node}/ceph/pool/{name}/status", status),
];

/// Bytes on all OSDs: in total and used.
pub(super) fn capacity(state: &State) -> (i64, i64) {
    let all = super::osd::osds(state);
    (all.iter().map(|(_, osd)| number(osd, "size")).sum(), all.iter().map(|(_, osd)| super::osd::used(osd)).sum())
}

fn rule_of(pool: &Map) -> &'static str {
    usize::try_from(number(pool, "crush_rule")).ok().and_then(|number| RULES.get(number)).copied().unwrap_or("replicated_rule")
}

fn autoscale(name: &str, pool: &Map) -> Value {
    json!({
        "pool_name": name, "pool_id": pool["pool"], "pg_autoscale_mode": pool["pg_autoscale_mode"], "pg_num_target": pool["pg_num"],
        "pg_num_final": pool["pg_num"], "pg_num_ideal": 32, "would_adjust": false, "bias": 1, "capacity_ratio": 0.04,
        "logical_used": number(pool, "bytes_used") / number(pool, "size").max(1), "raw_used_rate": number(pool, "size"),
    })
}

fn list(req: &mut Req<'_>) -> Answer {
    ready(req)?;
    let (total, _) = capacity(req.state);
    let rows = req.state.section(POOL).map(|(name, pool)| {
        let mut row = pool.clone();
        row.shift_remove("application");
        row.insert("pool_name".into(), name.as_str().into());
        row.insert("application_metadata".into(), json!({ text(pool, "application"): {} }));
        row.insert("crush_rule_name".into(), rule_of(pool).into());
        row.insert("percent_used".into(), json!(number(pool, "bytes_used") as f64 / total.max(1) as f64));
        row.insert("pg_num_final".into(), pool["pg_num"].clone());
        row.insert("autoscale_status".into(), autoscale(name, pool));
        for key in ["pg_num_min", "target_size", "target_size_ratio"] {
            row.entry(key).or_insert(Value::Null);
        }
        Value::Object(row)
    });
    Ok(rows.collect::<Value>().into())
}

fn unrecognized(name: &str) -> String {
    mon_error("osd pool get", format!("unrecognized pool '{name}'"))
}

fn status(req: &mut Req<'_>) -> Answer {
    ready(req)?;
    let name = req.params.text("name");
    let pool = section(req.state, POOL, name).ok_or_else(|| Refusal::die(unrecognized(name)))?;
    let mut row = map(json!({
        "id": pool["pool"], "name": name, "size": pool["size"], "min_size": pool["min_size"], "pg_num": pool["pg_num"],
        "pg_num_min": pool.get("pg_num_min"), "pgp_num": pool["pg_num"], "crush_rule": rule_of(pool),
        "pg_autoscale_mode": pool["pg_autoscale_mode"], "noscrub": false, "nodeep-scrub": false, "nodelete": false,
        "nopgchange": false, "nosizechange": false, "write_fadvise_dontneed": false, "hashpspool": true, "use_gmt_hitset": true,
        "fast_read": false, "target_size": pool.get("target_size"), "target_size_ratio": pool.get("target_size_ratio"),
    }));
    if req.params.flag("verbose") {
        let (total, used) = capacity(req.state);
        let bytes = number(pool, "bytes_used");
        let statistics = json!({
            "bytes_used": bytes, "stored": bytes / number(pool, "size").max(1), "objects": bytes / (12 << 20), "kb_used": bytes / 1024,
            "max_avail": (total - used) / number(pool, "size").max(1), "percent_used": bytes as f64 / total.max(1) as f64,
        });
        row.insert("statistics".into(), statistics);
        row.insert("application_list".into(), json!([text(pool, "application")]));
        row.insert("autoscale_status".into(), autoscale(name, pool));
    }
    Ok(Value::Object(row).into())
}

/// The number of the next pool.
pub(super) fn next_number(state: &State) -> i64 {
    state.section(POOL).map(|(_, pool)| number(pool, "pool")).max().unwrap_or(0) + 1
}

/// A new pool with the defaults of the host.
pub(super) fn fresh(number: i64, application: &str, pg_num: i64) -> Map {
    map(json!({
        "pool": number, "type": "replicated", "size": 3, "min_size": 2, "pg_num": pg_num, "crush_rule": 0, "pg_autoscale_mode": "warn",
        "application": application, "bytes_used": 0,
    }))
}

fn create(req: &mut Req<'_>) -> Answer {
    ready(req)?;
    let name = req.params.text("name").to_owned();
    let erasure = req.params.get("erasure-coding").map(str::to_owned);
    let add_storages = req.params.bool("add_storages").unwrap_or(erasure.is_some());
    if add_storages {
        req.check("/storage", &["Datastore.Allocate"])?;
        if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return Err(Refusal::die("pool name contains characters which are illegal for storage naming"));
        }
    }
    let settings = Settings::of_new(req)?;
    let main = if erasure.is_some() { format!("{name}-metadata") } else { name.clone() };
    let mut spec = TaskSpec::new("cephcreatepool", main.clone());
    let mut number = next_number(req.state);
    let mut data_pool = None;
    if erasure.is_some() {
        let profile = format!("pve_ec_{name}");
        spec = spec.log(format!("created new erasure code profile '{profile}'")).takes(0.5);
        let data = format!("{name}-data");
        let mut pool = fresh(number, text(&settings.values, "application"), 128);
        pool.extend(map(json!({ "type": "erasure", "erasure_code_profile": profile, "crush_rule": 1 })));
        spec = spec.log(format!("pool {data}: applying allow_ec_overwrites = true")).then(Effect::put_section(POOL, data.clone(), pool));
        data_pool = Some(data);
        number += 1;
    }
    let pool = section(req.state, POOL, &main).cloned().unwrap_or_else(|| fresh(number, "rbd", 128));
    let (mut spec, pool, failed) = applied(spec, &main, pool, &settings);
    spec = spec.takes(1.0).then(Effect::put_section(POOL, main.clone(), pool));
    if let Some(why) = failed {
        return req.start(spec.fail(why));
    }
    if add_storages {
        if req.state.storages.contains_key(&name) {
            let why =
                format!("adding PVE storage for ceph pool '{name}' failed: create storage failed: storage ID '{name}' already defined");
            return req.start(spec.fail(why));
        }
        spec = spec.then(rbd_storage(req.state, &name, &main, data_pool.as_deref()));
    }
    req.start(spec.ok())
}

/// Adds a storage on a pool.
fn rbd_storage(state: &State, id: &str, pool: &str, data_pool: Option<&str>) -> Effect {
    let mut config = map(json!({ "type": "rbd", "pool": pool, "content": "rootdir,images", "krbd": 0 }));
    if let Some(data) = data_pool {
        config.insert("data-pool".into(), data.into());
    }
    let (total, used) = capacity(state);
    let bytes = |bytes: i64| u64::try_from(bytes / 3).unwrap_or(0);
    let storage = Storage { config, total: bytes(total), used: bytes(used), snapshots: true, ..Storage::default() };
    Effect::SetStorage { id: id.to_owned(), storage: Some(Box::new(storage)) }
}

fn update(req: &mut Req<'_>) -> Answer {
    ready(req)?;
    let name = req.params.text("name").to_owned();
    let settings = Settings::of_change(req)?;
    let spec = TaskSpec::new("cephsetpool", name.clone());
    let Some(pool) = section(req.state, POOL, &name).cloned() else {
        let why = unrecognized(&name);
        return req.start(spec.fail(why));
    };
    let (spec, pool, failed) = applied(spec, &name, pool, &settings);
    let spec = spec.takes(0.5).then(Effect::put_section(POOL, name, pool));
    req.start(match failed {
        Some(why) => spec.fail(why),
        None => spec.ok(),
    })
}

/// The storages on a pool of this cluster.
fn storages_on(state: &State, pool: &str) -> Vec<String> {
    let mine = |storage: &Storage| {
        storage.kind() == "rbd" && (storage.text("pool").unwrap_or("rbd") == pool || storage.text("data-pool") == Some(pool))
    };
    state.storages.iter().filter(|(_, storage)| mine(storage)).map(|(id, _)| id.clone()).collect()
}

fn destroy(req: &mut Req<'_>) -> Answer {
    ready(req)?;
    let (name, remove_storages) = (req.params.text("name").to_owned(), req.params.flag("remove_storages"));
    if remove_storages {
        req.check("/storage", &["Datastore.Allocate"])?;
    }
    let mut spec = TaskSpec::new("cephdestroypool", name.clone());
    let storages = storages_on(req.state, &name);
    if !req.params.flag("force") {
        for id in &storages {
            spec = spec.log(format!("checking storage '{id}' for RBD images..")).takes(0.3);
            if req.state.storages[id].volumes.iter().any(|volume| volume.content != "backup") {
                let why = format!("ceph pool '{name}' still in use by storage '{id}'");
                return req.start(spec.fail(why));
            }
        }
    }
    let Some(pool) = section(req.state, POOL, &name) else {
        let why = unrecognized(&name);
        return req.start(spec.fail(why));
    };
    if let Some(profile) = pool.get("erasure_code_profile").and_then(Value::as_str) {
        spec = spec.log(format!("found erasure coded profile '{profile}', destroying its CRUSH rule"));
        if req.params.bool("remove_ecprofile") != Some(false) {
            spec = spec.log(format!("destroying erasure coded profile '{profile}'"));
        }
    }
    spec = spec.takes(1.0).then(Effect::remove_section(POOL, name));
    if remove_storages {
        spec = storages.into_iter().fold(spec, |spec, id| spec.then(Effect::SetStorage { id, storage: None }));
    }
    req.start(spec.ok())
}
