//! Containers and VMs.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Map;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GuestKind {
    Lxc,
    Qemu,
}

impl GuestKind {
    /// `lxc` or `qemu`, as in paths and lists.
    pub fn word(self) -> &'static str {
        match self {
            Self::Lxc => "lxc",
            Self::Qemu => "qemu",
        }
    }

    /// `CT` or `VM`, as in messages.
    pub fn label(self) -> &'static str {
        match self {
            Self::Lxc => "CT",
            Self::Qemu => "VM",
        }
    }

    /// Returns the path of the guest's configuration file, as in messages.
    pub fn config_path(self, node: &str, vmid: u32) -> String {
        let folder = if self == Self::Lxc { "lxc" } else { "qemu-server" };
        format!("nodes/{node}/{folder}/{vmid}.conf")
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Power {
    Running,
    Stopped,
    /// A paused VM.
    Paused,
    /// A VM suspended to disk.
    Suspended,
}

impl Power {
    pub fn is_on(self) -> bool {
        matches!(self, Self::Running | Self::Paused)
    }
}

/// Average load of a running guest, from which lists and charts are computed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Load {
    /// CPU usage, 0 to 1.
    pub cpu: f64,
    /// Memory usage, 0 to 1.
    pub memory: f64,
    /// Root disk usage, 0 to 1; containers only.
    pub disk: f64,
    /// Bytes per second.
    pub net_in: u64,
    pub net_out: u64,
    pub disk_read: u64,
    pub disk_write: u64,
}

/// A snapshot with its configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    pub name: String,
    pub config: Map,
    /// Unix seconds.
    pub snaptime: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Includes the memory of a running VM.
    #[serde(default)]
    pub vmstate: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Guest {
    pub vmid: u32,
    pub kind: GuestKind,
    pub node: String,
    /// As in `GET …/config`, without `digest` and `parent`; numbers are numbers.
    pub config: Map,
    pub power: Power,
    /// Start time in Unix seconds.
    #[serde(default)]
    pub started: Option<i64>,
    /// Pending changes.
    #[serde(default)]
    pub pending: Map,
    #[serde(default)]
    pub pending_delete: Vec<String>,
    #[serde(default)]
    pub snapshots: Vec<Snapshot>,
    /// The parent snapshot of the current state.
    #[serde(default)]
    pub parent: Option<String>,
    #[serde(default)]
    pub load: Load,
    /// Whether the guest agent of a running VM answers.
    #[serde(default)]
    pub agent: bool,
}

impl Guest {
    /// Creates a stopped guest.
    pub fn new(vmid: u32, kind: GuestKind, node: impl Into<String>, config: Map) -> Self {
        Self {
            vmid,
            kind,
            node: node.into(),
            config,
            power: Power::Stopped,
            started: None,
            pending: Map::new(),
            pending_delete: Vec::new(),
            snapshots: Vec::new(),
            parent: None,
            load: Load { cpu: 0.02, memory: 0.4, disk: 0.2, net_in: 800, net_out: 500, disk_read: 2_000, disk_write: 4_000 },
            agent: false,
        }
    }

    /// Returns the hostname of a container or the name of a VM, or what the host shows without one.
    pub fn name(&self) -> String {
        let (key, other) = match self.kind {
            GuestKind::Lxc => ("hostname", "CT"),
            GuestKind::Qemu => ("name", "VM "),
        };
        self.text(key).map_or_else(|| format!("{other}{}", self.vmid), str::to_owned)
    }

    /// Returns a setting that is text.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.config.get(key)?.as_str()
    }

    /// Returns a setting that is a number, stored as number or text.
    pub fn number(&self, key: &str) -> Option<i64> {
        match self.config.get(key)? {
            Value::Number(n) => n.as_i64().or_else(|| n.as_f64().map(|f| f as i64)),
            Value::String(s) => s.parse().ok(),
            _ => None,
        }
    }

    pub fn flag(&self, key: &str) -> bool {
        self.number(key) == Some(1)
    }

    pub fn is_template(&self) -> bool {
        self.flag("template")
    }

    pub fn lock(&self) -> Option<&str> {
        self.text("lock")
    }

    pub fn tags(&self) -> Option<&str> {
        self.text("tags").filter(|t| !t.is_empty())
    }

    /// Returns the HA resource ID, `ct:101` or `vm:201`.
    pub fn ha_id(&self) -> String {
        format!("{}:{}", self.kind.label().to_lowercase(), self.vmid)
    }

    pub fn snapshot(&self, name: &str) -> Option<&Snapshot> {
        self.snapshots.iter().find(|s| s.name == name)
    }

    /// Returns the uptime in seconds; 0 if stopped.
    pub fn uptime(&self, now: i64) -> i64 {
        match self.started {
            Some(at) if self.power.is_on() => (now - at).max(0),
            _ => 0,
        }
    }

    /// Returns the memory in bytes.
    pub fn max_memory(&self) -> u64 {
        u64::try_from(self.number("memory").unwrap_or(512)).unwrap_or(512) * 1024 * 1024
    }

    pub fn max_swap(&self) -> u64 {
        u64::try_from(self.number("swap").unwrap_or(512)).unwrap_or(512) * 1024 * 1024
    }

    /// Returns the number of CPUs.
    pub fn cpus(&self) -> i64 {
        match self.kind {
            GuestKind::Lxc => self.number("cores").unwrap_or(4),
            GuestKind::Qemu => self.number("cores").unwrap_or(1) * self.number("sockets").unwrap_or(1),
        }
    }

    /// Returns the size of the boot disk or root file system in bytes.
    pub fn max_disk(&self) -> u64 {
        let disk = match self.kind {
            GuestKind::Lxc => self.text("rootfs"),
            GuestKind::Qemu => self.boot_disk(),
        };
        disk.and_then(|d| d.split(',').find_map(|p| p.strip_prefix("size="))).and_then(parse_size).unwrap_or(0)
    }

    fn boot_disk(&self) -> Option<&str> {
        let order = self.text("boot").and_then(|b| b.strip_prefix("order=")).unwrap_or("scsi0;virtio0;ide0;sata0");
        order.split(';').find_map(|key| self.text(key).filter(|d| !d.contains("media=cdrom")))
    }

    /// Returns the digest: the SHA-1 of the configuration file.
    pub fn digest(&self) -> String {
        let mut text = config_text(&self.config);
        if let Some(parent) = &self.parent {
            text.push_str(&format!("parent: {parent}\n"));
        }
        if !self.pending.is_empty() || !self.pending_delete.is_empty() {
            text.push_str("\n[PENDING]\n");
            if !self.pending_delete.is_empty() {
                text.push_str(&format!("delete: {}\n", self.pending_delete.join(",")));
            }
            text.push_str(&config_text(&self.pending));
        }
        for snap in &self.snapshots {
            text.push_str(&format!("\n[{}]\n{}snaptime: {}\n", snap.name, config_text(&snap.config), snap.snaptime));
        }
        sha1_hex(&text)
    }
}

/// Returns a configuration as in its file: the description as comments, then the settings by name.
pub fn config_text(config: &Map) -> String {
    let mut text = String::new();
    for line in config.get("description").and_then(Value::as_str).unwrap_or("").lines() {
        text.push_str(&format!("#{line}\n"));
    }
    let mut keys: Vec<&String> = config.keys().filter(|k| *k != "description").collect();
    keys.sort();
    for key in keys {
        match &config[key] {
            Value::String(s) => text.push_str(&format!("{key}: {s}\n")),
            other => text.push_str(&format!("{key}: {other}\n")),
        }
    }
    text
}

/// Returns the SHA-1 in hex, Proxmox's digest of a file version.
pub fn sha1_hex(text: &str) -> String {
    let hash = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes());
    hash.as_ref().iter().map(|b| format!("{b:02x}")).collect()
}

/// Parses `8G`, `512M` or `1024` (bytes).
pub fn parse_size(text: &str) -> Option<u64> {
    let (number, unit) = match text.find(|c: char| !c.is_ascii_digit() && c != '.') {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    let factor = match unit {
        "" => 1u64,
        "K" => 1 << 10,
        "M" => 1 << 20,
        "G" => 1 << 30,
        "T" => 1 << 40,
        _ => return None,
    };
    number.parse::<f64>().ok().map(|n| (n * factor as f64) as u64)
}
