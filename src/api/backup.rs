//! Backups: creating, reading, changing and pruning them, and the cluster's backup jobs.

use serde::Deserialize;
use serde_json::{Map, Value as Json};

use crate::api::{Call, GuestKind, lenient};
use crate::path;

/// Backs up one guest. Each guest has its own task and result.
pub fn vzdump(node: &str, vmid: u32) -> Call<Json> {
    Call::post(path!["nodes", node, "vzdump"]).with("vmid", vmid)
}

/// The guest configuration in a backup.
pub fn extract_config(node: &str, archive: &str) -> Call<String> {
    Call::get(path!["nodes", node, "vzdump", "extractconfig"]).with("volume", archive).slow()
}

/// The attributes of a backup.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Attributes {
    #[serde(default, deserialize_with = "lenient::opt_u64")]
    pub size: Option<u64>,
    #[serde(default)]
    pub notes: Option<String>,
    #[serde(default, deserialize_with = "lenient::flag")]
    pub protected: bool,
    #[serde(default)]
    pub path: Option<String>,
}

fn volume(node: &str, archive: &str) -> Vec<String> {
    let storage = archive.split_once(':').map_or("", |(storage, _)| storage);
    path!["nodes", node, "storage", storage, "content", archive]
}

pub fn attributes(node: &str, archive: &str) -> Call<Attributes> {
    Call::get(volume(node, archive)).slow()
}

pub fn set_attributes(node: &str, archive: &str) -> Call<Json> {
    Call::put(volume(node, archive))
}

pub fn delete(node: &str, archive: &str) -> Call<Json> {
    Call::delete(volume(node, archive))
}

/// The effect of a retention policy on a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mark {
    Keep,
    Remove,
    Protected,
    /// Has a custom name, so it is never removed.
    Renamed,
    #[serde(other)]
    Other,
}

/// A backup with the effect of a retention policy.
#[derive(Debug, Clone, Deserialize)]
pub struct PruneRow {
    pub volid: String,
    pub mark: Mark,
    #[serde(default, deserialize_with = "lenient::opt_u64")]
    pub ctime: Option<u64>,
}

fn prune_path(node: &str, storage: &str) -> Vec<String> {
    path!["nodes", node, "storage", storage, "prunebackups"]
}

/// Previews pruning of a guest's backups on a storage.
pub fn prune_preview(node: &str, storage: &str, keep: &str, vmid: u32, kind: GuestKind) -> Call<Vec<PruneRow>> {
    Call::get(prune_path(node, storage)).with("prune-backups", keep).with("vmid", vmid).with("type", kind.word()).slow()
}

pub fn prune(node: &str, storage: &str, keep: &str, vmid: u32, kind: GuestKind) -> Call<Json> {
    Call::delete(prune_path(node, storage)).with("prune-backups", keep).with("vmid", vmid).with("type", kind.word())
}

/// Storage configurations that the token can see.
pub fn storage_settings() -> Call<Vec<Map<String, Json>>> {
    Call::get(path!["storage"])
}

/// The cluster's backup jobs.
pub fn jobs() -> Call<Vec<Map<String, Json>>> {
    Call::get(path!["cluster", "backup"])
}

pub fn job(id: &str) -> Call<Map<String, Json>> {
    Call::get(path!["cluster", "backup", id])
}

pub fn create_job() -> Call<Json> {
    Call::post(path!["cluster", "backup"])
}

pub fn set_job(id: &str) -> Call<Json> {
    Call::put(path!["cluster", "backup", id])
}

pub fn delete_job(id: &str) -> Call<Json> {
    Call::delete(path!["cluster", "backup", id])
}
