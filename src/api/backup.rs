//! Backups: making archives, looking into them, keeping and dropping them, and the cluster's own jobs.

use serde::Deserialize;
use serde_json::{Map, Value as Json};

use crate::api::{Call, GuestKind, lenient};
use crate::path;

/// Backs up one guest, so that it has a task and a verdict of its own.
pub fn vzdump(node: &str, vmid: u32) -> Call<Json> {
    Call::post(path!["nodes", node, "vzdump"]).with("vmid", vmid)
}

/// The guest's configuration as it stands in an archive.
pub fn extract_config(node: &str, archive: &str) -> Call<String> {
    Call::get(path!["nodes", node, "vzdump", "extractconfig"]).with("volume", archive).slow()
}

/// What one archive says of itself.
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

/// What a retention rule would do to an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mark {
    Keep,
    Remove,
    Protected,
    /// Not named as archives are: never removed.
    Renamed,
    #[serde(other)]
    Other,
}

/// An archive, and what the rule would do to it.
#[derive(Debug, Clone, Deserialize)]
pub struct Marked {
    pub volid: String,
    pub mark: Mark,
    #[serde(default, deserialize_with = "lenient::opt_u64")]
    pub ctime: Option<u64>,
}

fn prune_path(node: &str, storage: &str) -> Vec<String> {
    path!["nodes", node, "storage", storage, "prunebackups"]
}

/// What pruning one guest's archives on a storage would do.
pub fn prune_preview(node: &str, storage: &str, keep: &str, vmid: u32, kind: GuestKind) -> Call<Vec<Marked>> {
    Call::get(prune_path(node, storage)).with("prune-backups", keep).with("vmid", vmid).with("type", kind.word()).slow()
}

pub fn prune(node: &str, storage: &str, keep: &str, vmid: u32, kind: GuestKind) -> Call<Json> {
    Call::delete(prune_path(node, storage)).with("prune-backups", keep).with("vmid", vmid).with("type", kind.word())
}

/// A storage's own settings, as far as the token may see them.
pub fn storage_settings() -> Call<Vec<Map<String, Json>>> {
    Call::get(path!["storage"])
}

/// The jobs of the cluster's scheduler.
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
