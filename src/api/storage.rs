//! Storages and their content.

use serde::Deserialize;
use serde_json::Value as Json;

use crate::api::{Attachment, Call, lenient};
use crate::path;

/// A storage as one node reports it.
#[derive(Debug, Clone, Deserialize)]
pub struct Storage {
    pub storage: String,
    #[serde(rename = "type", default)]
    pub kind: String,
    #[serde(default)]
    pub content: String,
    #[serde(default, deserialize_with = "lenient::flag")]
    pub enabled: bool,
    #[serde(default, deserialize_with = "lenient::flag")]
    pub active: bool,
    #[serde(default, deserialize_with = "lenient::flag")]
    pub shared: bool,
    #[serde(default, deserialize_with = "lenient::opt_u64")]
    pub total: Option<u64>,
    #[serde(default, deserialize_with = "lenient::opt_u64")]
    pub used: Option<u64>,
    #[serde(default, deserialize_with = "lenient::opt_u64")]
    pub avail: Option<u64>,
}

impl Storage {
    pub fn allows(&self, content: &str) -> bool {
        self.content.split(',').any(|item| item == content)
    }
}

/// A volume: a backup, disk image, template and so on.
#[derive(Debug, Clone, Deserialize)]
pub struct Volume {
    pub volid: String,
    #[serde(default)]
    pub content: String,
    #[serde(default)]
    pub format: String,
    #[serde(default, deserialize_with = "lenient::opt_u64")]
    pub size: Option<u64>,
    #[serde(default, deserialize_with = "lenient::opt_u64")]
    pub used: Option<u64>,
    #[serde(default, deserialize_with = "lenient::opt_u64")]
    pub ctime: Option<u64>,
    #[serde(default, deserialize_with = "lenient::opt_u32")]
    pub vmid: Option<u32>,
    #[serde(default)]
    pub notes: Option<String>,
    #[serde(default, deserialize_with = "lenient::flag")]
    pub protected: bool,
    #[serde(default)]
    pub subtype: Option<String>,
    #[serde(default, deserialize_with = "lenient::opt_text")]
    pub encrypted: Option<String>,
    #[serde(default)]
    pub verification: Option<Json>,
    #[serde(default)]
    pub parent: Option<String>,
}

impl Volume {
    /// Returns the part after the storage name.
    pub fn path(&self) -> &str {
        self.volid.split_once(':').map_or(self.volid.as_str(), |(_, path)| path)
    }

    pub fn storage(&self) -> &str {
        self.volid.split_once(':').map_or("", |(storage, _)| storage)
    }
}

/// The storages of a node.
pub fn list(node: &str) -> Call<Vec<Storage>> {
    Call::get(path!["nodes", node, "storage"]).slow()
}

/// The content of a storage, as a node reports it.
pub fn content(node: &str, storage: &str) -> Call<Vec<Volume>> {
    Call::get(path!["nodes", node, "storage", storage, "content"]).slow()
}

/// Uploads a file. The host reads the parts in this order only.
pub fn upload(node: &str, storage: &str, content: &str, checksum: Option<(&str, &str)>, file: Attachment) -> Call<Json> {
    Call::post(path!["nodes", node, "storage", storage, "upload"])
        .with("content", content)
        .with_some("checksum-algorithm", checksum.map(|(algorithm, _)| algorithm))
        .with_some("checksum", checksum.map(|(_, digest)| digest))
        .with_file("filename", file)
}

/// The configuration of a storage.
#[derive(Debug, Clone, Deserialize)]
pub struct Configured {
    pub storage: String,
    #[serde(rename = "type", default)]
    pub kind: String,
    #[serde(default)]
    pub path: Option<String>,
    #[serde(default)]
    pub content: String,
    #[serde(default, rename = "disable", deserialize_with = "lenient::flag")]
    pub disabled: bool,
}

/// Storage configurations that the token can see.
pub fn configured() -> Call<Vec<Configured>> {
    Call::get(path!["storage"])
}
