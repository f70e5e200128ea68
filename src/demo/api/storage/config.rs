//! The configuration of storages.

use serde_json::{Value, json};

use crate::api::sections::STORAGE;
use crate::demo::api::section::{check_digest, sent};
use crate::demo::api::{Answer, Refusal, Reply, Req, Route};
use crate::demo::state::{Map, State, Storage, sha1_hex};

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/storage", list),
    ("POST", "/storage", create),
    ("GET", "/storage/{storage}", read),
    ("PUT", "/storage/{storage}", update),
    ("DELETE", "/storage/{storage}", delete),
];

/// Options that are stored separately.
const SENSITIVE: &[&str] = &["password", "encryption-key", "master-pubkey", "keyring"];

/// Returns the default content types of a storage type.
fn default_content(kind: &str) -> &'static str {
    match kind {
        "pbs" => "backup",
        "nfs" | "cifs" => "images",
        "esxi" => "import",
        _ => "images,rootdir",
    }
}

fn digest(state: &State) -> String {
    let all: Vec<Value> = state.storages.iter().map(|(id, s)| json!([id, s.config])).collect();
    sha1_hex(&json!(all).to_string())
}

fn row(state: &State, id: &str, storage: &Storage) -> Value {
    let mut row = storage.config.clone();
    row.entry("content").or_insert_with(|| default_content(storage.kind()).into());
    row.insert("storage".into(), id.into());
    row.insert("digest".into(), digest(state).into());
    Value::Object(row)
}

fn list(req: &mut Req<'_>) -> Answer {
    let kind = req.params.get("type");
    let rows = req.state.storages.iter().filter(|(id, storage)| {
        kind.is_none_or(|k| storage.kind() == k) && req.may_any(&format!("/storage/{id}"), &["Datastore.Audit", "Datastore.AllocateSpace"])
    });
    Ok(rows.map(|(id, storage)| row(req.state, id, storage)).collect::<Value>().into())
}

fn read(req: &mut Req<'_>) -> Answer {
    let id = req.params.text("storage");
    Ok(row(req.state, id, req.storage(id)?).into())
}

/// Returns the options in the request without secrets.
fn settings(req: &Req<'_>) -> Map {
    let mut settings = sent(req, &["storage"]);
    settings.retain(|key, _| !SENSITIVE.contains(&key.as_str()));
    settings
}

/// The volume group of the demo host.
const VOLUME_GROUP: &str = "pve";

/// Checks that the server or the volume group of a new storage exists.
fn reachable(id: &str, storage: &Storage) -> Result<(), Refusal> {
    let server = storage.text("server").unwrap_or_default();
    match storage.kind() {
        "nfs" | "cifs" if server.starts_with("127.") || server == "localhost" => Err(Refusal::die(format!("storage '{id}' is not online"))),
        "lvmthin" if storage.text("vgname") != Some(VOLUME_GROUP) => {
            let (group, pool) = (storage.text("vgname").unwrap_or_default(), storage.text("thinpool").unwrap_or_default());
            Err(Refusal::die(format!("no such logical volume {group}/{pool}")))
        }
        _ => Ok(()),
    }
}

/// Checks that an `is_mountpoint` directory is mounted on the local node.
fn activate(req: &Req<'_>, id: &str, storage: &Storage) -> Result<(), Refusal> {
    let local = &req.state.local;
    let mounts = req.state.nodes.get(local).map(|n| &n.mounts);
    if storage.is_enabled()
        && storage.on_node(local)
        && let Some(path) = storage.mount_point()
        && !mounts.is_some_and(|m| m.contains_key(path))
    {
        let why = format!("unable to activate storage '{id}' - directory is expected to be a mount point but is not mounted: '{path}'");
        return Err(Refusal::die(why));
    }
    Ok(())
}

fn create(req: &mut Req<'_>) -> Answer {
    let (id, kind) = (req.params.text("storage").to_owned(), req.params.text("type").to_owned());
    STORAGE.check_create(&kind, &sent(req, &["storage"])).map_err(Refusal::die)?;
    let mut config = settings(req);
    if config.get("nodes").and_then(Value::as_str) == Some("") {
        config.shift_remove("nodes");
    }
    let failed = |why: String| Refusal::die(format!("create storage failed: {why}"));
    if req.state.storages.contains_key(&id) {
        return Err(failed(format!("storage ID '{id}' already defined")));
    }
    config.entry("content").or_insert_with(|| default_content(&kind).into());
    let snapshots = matches!(kind.as_str(), "lvmthin" | "zfspool" | "btrfs" | "rbd");
    let inactive = kind == "lvm" && config.get("vgname").and_then(Value::as_str) != Some(VOLUME_GROUP);
    let storage = Storage { config, total: 500 << 30, used: 3 << 30, volumes: Vec::new(), snapshots, inactive };
    reachable(&id, &storage).and_then(|()| activate(req, &id, &storage)).map_err(|r| failed(r.message))?;
    req.state.storages.insert(id.clone(), storage);
    let mut data = json!({ "storage": id, "type": kind });
    if kind == "pbs" && req.params.get("encryption-key") == Some("autogen") {
        let key = json!({ "kdf": null, "created": "2026-11-20T00:00:00+00:00", "data": sha1_hex(&id) });
        data["config"] = json!({ "encryption-key": key.to_string() });
    }
    Ok(data.into())
}

fn update(req: &mut Req<'_>) -> Answer {
    let id = req.params.text("storage").to_owned();
    let failed = |why: String| Refusal::die(format!("update storage failed: {why}"));
    check_digest(req, &digest(req.state)).map_err(&failed)?;
    let known = req.storage(&id).map_err(|r| failed(r.message))?;
    let kind = known.kind().to_owned();
    let (sent, gone) = (settings(req), req.params.list("delete"));
    STORAGE.check_update(&kind, &self::sent(req, &["storage"]), &gone).map_err(&failed)?;
    if let Some(storage) = req.state.storages.get_mut(&id) {
        for key in &gone {
            storage.config.shift_remove(key);
        }
        storage.config.extend(sent);
    }
    Ok(json!({ "storage": id, "type": kind }).into())
}

fn delete(req: &mut Req<'_>) -> Answer {
    let id = req.params.text("storage").to_owned();
    if req.state.storages.remove(&id).is_none() {
        return Err(Refusal::die(format!("delete storage failed: storage '{id}' does not exist")));
    }
    req.state.access.acl.remove(&format!("/storage/{id}"));
    for pool in req.state.pools.values_mut() {
        pool.storages.remove(&id);
    }
    Ok(Reply::null())
}
