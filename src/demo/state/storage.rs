//! Storages and their volumes.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Map;

/// A volume: disk, backup, template or image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Volume {
    pub volid: String,
    /// `backup`, `vztmpl`, `iso`, `images`, `rootdir`, `import`, `snippets`.
    pub content: String,
    pub format: String,
    pub size: u64,
    /// The node of a volume on local storage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vmid: Option<u32>,
    /// Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ctime: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    #[serde(default)]
    pub protected: bool,
    /// Of a backup: the guest's type and configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subtype: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<Map>,
    /// Other keys of `GET …/content`: `parent`, `encrypted`, `verification`.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub extra: Map,
}

impl Volume {
    /// Returns the allocated bytes: disks are thin, files have their full size.
    pub fn footprint(&self) -> u64 {
        if matches!(self.content.as_str(), "images" | "rootdir") { self.size / 5 } else { self.size }
    }

    pub fn new(volid: impl Into<String>, content: impl Into<String>, format: impl Into<String>, size: u64) -> Self {
        Self {
            volid: volid.into(),
            content: content.into(),
            format: format.into(),
            size,
            node: None,
            vmid: None,
            ctime: None,
            notes: None,
            protected: false,
            subtype: None,
            config: None,
            extra: Map::new(),
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Storage {
    /// As in `GET /storage/{id}`, without `storage` and `digest`: `type`, `content`, `path`, `nodes`, `shared`, `disable`, …
    pub config: Map,
    /// Bytes.
    pub total: u64,
    pub used: u64,
    pub volumes: Vec<Volume>,
    /// Whether the storage supports snapshots of containers.
    pub snapshots: bool,
    /// Whether an enabled `is_mountpoint` storage lacks its mount.
    #[serde(default)]
    pub inactive: bool,
}

impl Storage {
    pub fn kind(&self) -> &str {
        self.text("type").unwrap_or("dir")
    }

    pub fn text(&self, key: &str) -> Option<&str> {
        self.config.get(key)?.as_str()
    }

    pub fn flag(&self, key: &str) -> bool {
        match self.config.get(key) {
            Some(Value::Number(n)) => n.as_i64() == Some(1),
            Some(Value::String(s)) => s == "1",
            _ => false,
        }
    }

    /// Adds a volume, or replaces the one with its ID.
    pub fn put(&mut self, volume: Volume) {
        self.take(|old| old.volid == volume.volid);
        self.used += volume.footprint();
        self.volumes.push(volume);
    }

    /// Removes volumes.
    pub fn take(&mut self, which: impl Fn(&Volume) -> bool) {
        let freed: u64 = self.volumes.iter().filter(|volume| which(volume)).map(Volume::footprint).sum();
        self.used = self.used.saturating_sub(freed);
        self.volumes.retain(|volume| !which(volume));
    }

    /// Returns the free bytes.
    pub fn free(&self) -> u64 {
        self.total.saturating_sub(self.used)
    }

    pub fn is_enabled(&self) -> bool {
        !self.flag("disable")
    }

    pub fn is_shared(&self) -> bool {
        self.flag("shared") || matches!(self.kind(), "nfs" | "cifs" | "pbs" | "cephfs" | "rbd" | "iscsi" | "esxi")
    }

    /// Returns the path that has to be a mount point for the storage to be active.
    pub fn mount_point(&self) -> Option<&str> {
        match self.text("is_mountpoint")? {
            "0" | "no" | "off" | "false" | "" => None,
            "1" | "yes" | "on" | "true" => self.text("path"),
            place => Some(place),
        }
    }

    /// Whether the storage allows a content type.
    pub fn holds(&self, content: &str) -> bool {
        self.text("content").is_some_and(|c| c.split(',').any(|word| word == content))
    }

    /// Whether a node can use the storage.
    pub fn on_node(&self, node: &str) -> bool {
        self.text("nodes").is_none_or(|nodes| nodes.split(',').any(|n| n == node))
    }
}
