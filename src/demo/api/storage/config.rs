//! The configuration of storages.

use serde_json::{Value, json};

use crate::demo::api::{Answer, Refusal, Reply, Req, Route};
use crate::demo::state::{Map, State, Storage, sha1_hex};

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/storage", list),
    ("POST", "/storage", create),
    ("GET", "/storage/{storage}", read),
    ("PUT", "/storage/{storage}", update),
    ("DELETE", "/storage/{storage}", delete),
];

/// What a storage of a kind cannot do without.
fn required(kind: &str) -> &'static [&'static str] {
    match kind {
        "dir" | "btrfs" => &["path"],
        "nfs" => &["server", "export"],
        "cifs" => &["server", "share"],
        "pbs" => &["server", "datastore"],
        "lvm" => &["vgname"],
        "lvmthin" => &["vgname", "thinpool"],
        "zfspool" => &["pool"],
        _ => &[],
    }
}

/// Sent with the configuration, and kept apart from it.
const SENSITIVE: &[&str] = &["password", "encryption-key", "master-pubkey", "keyring"];

/// What a storage holds when nobody said.
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

/// What was sent: numbers where the configuration has numbers, nothing that is secret.
fn settings(req: &Req<'_>) -> Map {
    let steering = ["storage", "digest", "delete"];
    let sent = req.params.iter().filter(|(k, _)| !steering.contains(&k.as_str()) && !SENSITIVE.contains(&k.as_str()));
    sent.map(|(key, value)| match key.as_str() {
        "disable" | "shared" | "saferemove" | "sparse" | "mkdir" | "create-base-path" | "create-subdirs" | "nocow" => {
            (key.clone(), u8::from(req.params.flag(key)).into())
        }
        "port" | "maxfiles" | "max-protected-backups" => (key.clone(), req.params.int(key).map_or_else(|| value.clone(), |n| json!(n))),
        _ => (key.clone(), value.clone()),
    })
    .collect()
}

/// A directory that has to be a mount point is one on the node that answers; so an unplugged disk is noticed at once.
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
    let mut config = settings(req);
    if config.get("nodes").and_then(Value::as_str) == Some("") {
        config.shift_remove("nodes");
    }
    if let Some(missing) = required(&kind).iter().find(|key| !config.contains_key(**key)) {
        return Err(Refusal::die(format!("missing value for required option '{missing}'")));
    }
    let failed = |why: String| Refusal::die(format!("create storage failed: {why}"));
    if req.state.storages.contains_key(&id) {
        return Err(failed(format!("storage ID '{id}' already defined")));
    }
    config.entry("content").or_insert_with(|| default_content(&kind).into());
    let snapshots = matches!(kind.as_str(), "lvmthin" | "zfspool" | "btrfs" | "rbd");
    let storage = Storage { config, total: 500 << 30, used: 3 << 30, volumes: Vec::new(), snapshots, inactive: false };
    activate(req, &id, &storage).map_err(|r| failed(r.message))?;
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
    if req.params.get("digest").is_some_and(|d| d != digest(req.state)) {
        return Err(failed("detected modified configuration - file changed by other user? Try again.".to_owned()));
    }
    let known = req.storage(&id).map_err(|r| failed(r.message))?;
    let kind = known.kind().to_owned();
    let (sent, gone) = (settings(req), req.params.list("delete"));
    for key in &gone {
        if key == "type" || required(&kind).contains(&key.as_str()) {
            return Err(failed(format!("unable to delete required option '{key}'")));
        }
        if sent.contains_key(key) {
            return Err(failed(format!("cannot set and delete property '{key}' at the same time!")));
        }
    }
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
