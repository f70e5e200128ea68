//! `CephFS`.

use serde_json::{Value, json};

use super::daemons::{Kind, running, served};
use super::pools::{fresh, next_number};
use super::{FILESYSTEM, POOL, mon_error, ready, section, text};
use crate::demo::api::{Answer, Refusal, Req, Route};
use crate::demo::state::{Storage, map};
use crate::demo::tasks::{Effect, TaskSpec};

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/nodes/{node}/ceph/fs", list),
    ("POST", "/nodes/{node}/ceph/fs/{name}", create),
    ("DELETE", "/nodes/{node}/ceph/fs/{name}", destroy),
];

fn list(req: &mut Req<'_>) -> Answer {
    ready(req)?;
    let number = |pool: &str| section(req.state, POOL, pool).map(|pool| pool["pool"].clone());
    let rows = req.state.section(FILESYSTEM).map(|(name, fs)| {
        let (data, metadata) = (text(fs, "data_pool"), text(fs, "metadata_pool"));
        json!({
            "name": name, "metadata_pool": metadata, "metadata_pool_id": number(metadata), "data_pool": data, "data_pools": [data],
            "data_pool_ids": [number(data)],
        })
    });
    Ok(rows.collect::<Value>().into())
}

fn create(req: &mut Req<'_>) -> Answer {
    ready(req)?;
    let name = req.params.text("name").to_owned();
    let (data, metadata) = (format!("{name}_data"), format!("{name}_metadata"));
    if section(req.state, POOL, &data).is_some() || section(req.state, POOL, &metadata).is_some() {
        return Err(Refusal::die(format!("ceph pools '{data}' and/or '{metadata}' already exist")));
    }
    if section(req.state, FILESYSTEM, &name).is_some() {
        return Err(Refusal::die(format!("ceph fs '{name}' already exists")));
    }
    let servers = running(req.state, Kind::Mds);
    if servers.is_empty() {
        return Err(Refusal::die("no running Metadata Server (MDS) found!"));
    }
    if servers.iter().all(|server| served(req.state, server).is_some()) {
        return Err(Refusal::die("no standby Metadata Server (MDS) found!"));
    }
    let (pg_num, number) = (req.params.int("pg_num").unwrap_or(128), next_number(req.state));
    let config = map(json!({ "data_pool": data, "metadata_pool": metadata }));
    let mut spec = TaskSpec::new("cephfscreate", name.clone())
        .log(format!("creating data pool '{data}'..."))
        .log(format!("pool {data}: applying application = cephfs"))
        .takes(1.0)
        .then(Effect::put_section(POOL, data, fresh(number, "cephfs", pg_num)))
        .log(format!("creating metadata pool '{metadata}'..."))
        .log(format!("pool {metadata}: applying application = cephfs"))
        .takes(1.0)
        .then(Effect::put_section(POOL, metadata, fresh(number + 1, "cephfs", (pg_num / 4).max(8))))
        .log(format!("configuring new CephFS '{name}'"))
        .then(Effect::put_section(FILESYSTEM, name.clone(), config))
        .log(format!("Successfully create CephFS '{name}'"));
    if req.params.flag("add-storage") {
        let config = map(json!({
            "type": "cephfs", "path": format!("/mnt/pve/{name}"), "content": "backup,iso,vztmpl", "fs-name": name,
        }));
        let storage = Storage { config, total: 1 << 40, ..Storage::default() };
        spec = spec
            .log(format!("Adding '{name}' to storage configuration..."))
            .log("Waiting for an MDS to become active")
            .takes(1.0)
            .then(Effect::SetStorage { id: name, storage: Some(Box::new(storage)) });
    }
    req.start(spec.ok())
}

fn destroy(req: &mut Req<'_>) -> Answer {
    ready(req)?;
    let name = req.params.text("name").to_owned();
    let Some(fs) = section(req.state, FILESYSTEM, &name).cloned() else {
        return Err(Refusal::die(format!("no such cephfs '{name}'")));
    };
    let mut spec = TaskSpec::new("cephdestroyfs", name.clone());
    let mine = |storage: &Storage| storage.kind() == "cephfs" && storage.text("fs-name").unwrap_or("cephfs") == name;
    let storages: Vec<String> = req.state.storages.iter().filter(|(_, s)| mine(s)).map(|(id, _)| id.clone()).collect();
    if req.params.flag("remove-storages") {
        req.check("/storage", &["Datastore.Allocate"])?;
        if let Some(id) = storages.iter().find(|id| req.state.storages[*id].is_enabled()) {
            let why = format!("storage '{id}' is not disabled, make sure to disable and unmount the storage first");
            return req.start(spec.fail(why));
        }
        spec = storages.into_iter().fold(spec, |spec, id| spec.then(Effect::SetStorage { id, storage: None }));
    }
    if running(req.state, Kind::Mds).iter().any(|server| served(req.state, server) == Some(name.as_str())) {
        let why = mon_error("fs rm", "all MDS daemons must be inactive/failed before removing filesystem");
        return req.start(spec.fail(why));
    }
    spec = spec.takes(0.5).then(Effect::remove_section(FILESYSTEM, name));
    if req.params.flag("remove-pools") {
        for (word, key) in [("metadata", "metadata_pool"), ("data", "data_pool")] {
            let pool = text(&fs, key);
            spec = spec.log(format!("removing {word} pool '{pool}'")).takes(0.5).then(Effect::remove_section(POOL, pool));
        }
    }
    req.start(spec.ok())
}
