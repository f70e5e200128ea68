//! Listing backups, and finding the one that an argument means.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::{Map, Value as Json};

use crate::api::storage::{self, Volume};
use crate::api::{GuestKind, backup};
use crate::fault::{Fault, Kind, Result};
use crate::guard::Target;
use crate::ops::nodes;
use crate::session::Session;
use crate::units;

/// A backup of a guest.
#[derive(Debug, Clone, Serialize)]
pub struct Archive {
    pub context: String,
    /// A node that can access it.
    pub node: String,
    pub storage: String,
    /// The volume ID.
    pub archive: String,
    pub vmid: Option<u32>,
    pub kind: Option<GuestKind>,
    /// RFC 3339.
    pub created_at: Option<String>,
    pub size_bytes: Option<u64>,
    pub format: String,
    pub notes: Option<String>,
    pub protected: bool,
    /// On a Proxmox Backup Server: the key's fingerprint, or `1`.
    pub encrypted: Option<String>,
    /// `ok` or `failed`, if a Proxmox Backup Server has verified it.
    pub verification: Option<String>,
    /// On a Proxmox Backup Server, if the storage has one.
    pub namespace: Option<String>,
    #[serde(skip)]
    pub ctime: i64,
}

impl Archive {
    pub fn of(context: &str, node: &str, volume: Volume) -> Self {
        let ctime = volume.ctime.and_then(|t| i64::try_from(t).ok()).unwrap_or(0);
        let kind = volume.subtype.as_deref().and_then(word_kind).or_else(|| name_kind(volume.path()));
        Self {
            context: context.to_owned(),
            node: node.to_owned(),
            storage: volume.storage().to_owned(),
            vmid: volume.vmid,
            kind,
            created_at: (ctime > 0).then(|| units::rfc3339(ctime)),
            size_bytes: volume.size,
            format: volume.format,
            notes: volume.notes.filter(|notes| !notes.is_empty()),
            protected: volume.protected,
            encrypted: volume.encrypted,
            verification: volume.verification.as_ref().and_then(|v| v.get("state")).and_then(Json::as_str).map(str::to_owned),
            namespace: None,
            ctime,
            archive: volume.volid,
        }
    }

    /// Describes the state for which a change was staged: size and protection.
    pub fn state(&self) -> String {
        let size = self.size_bytes.map_or_else(|| "?".to_owned(), |size| size.to_string());
        format!("{size} bytes{}", if self.protected { ", protected" } else { "" })
    }

    /// The file name; on a Proxmox Backup Server the snapshot's name, `ct/101/2026-11-20T12:00:00Z`.
    pub fn name(&self) -> &str {
        name(&self.archive)
    }

    pub fn on_backup_server(&self) -> bool {
        self.format.starts_with("pbs")
    }

    /// The backup as the target of a change.
    pub fn target(&self) -> Target {
        Target { node: Some(self.node.clone()), vmid: self.vmid, name: Some(self.name().to_owned()), kind: self.kind.map(GuestKind::word) }
    }

    /// The current age in seconds.
    pub fn age(&self) -> u64 {
        u64::try_from(units::now() - self.ctime).unwrap_or(0)
    }
}

/// Returns a volume ID without storage and directory.
pub fn name(volid: &str) -> &str {
    let path = volid.split_once(':').map_or(volid, |(_, path)| path);
    path.strip_prefix("backup/").unwrap_or(path)
}

fn word_kind(word: &str) -> Option<GuestKind> {
    match word {
        "lxc" => Some(GuestKind::Lxc),
        "qemu" => Some(GuestKind::Qemu),
        _ => None,
    }
}

fn name_kind(path: &str) -> Option<GuestKind> {
    let name = path.strip_prefix("backup/").unwrap_or(path);
    if name.starts_with("vzdump-lxc-") || name.starts_with("ct/") {
        Some(GuestKind::Lxc)
    } else if name.starts_with("vzdump-qemu-") || name.starts_with("vm/") {
        Some(GuestKind::Qemu)
    } else {
        None
    }
}

/// Which backups to list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub node: Option<String>,
    pub storage: Option<String>,
    pub vmid: Option<u32>,
}

/// The visible backups, and what could not be searched.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// Sorted by time, latest first.
    pub archives: Vec<Archive>,
    /// Backup storages that were searched.
    pub looked: BTreeSet<String>,
    /// Nodes and storages that could not be searched, with the reason.
    pub unseen: Vec<String>,
}

/// Lists the backups that the token can see.
pub fn all(session: &Session, filter: &Filter) -> Result<Found> {
    let client = session.client()?;
    let mut found = Found::default();
    let mut shared_seen: BTreeSet<String> = BTreeSet::new();
    for node in nodes::all(session)? {
        if filter.node.as_ref().is_some_and(|only| *only != node.node) {
            continue;
        }
        let stores = match node.status.as_str() {
            "offline" => Err(Fault::new(Kind::NodeDown, "offline")),
            _ => client.get(&storage::list(&node.node)),
        };
        let stores = match stores {
            Ok(stores) => stores,
            Err(fault) if fault.kind == Kind::NodeDown => {
                found.unseen.push(format!("node {}: {}", node.node, fault.message));
                continue;
            }
            Err(fault) => return Err(fault),
        };
        for store in stores.iter().filter(|s| s.allows("backup") && s.enabled) {
            if filter.storage.as_ref().is_some_and(|only| *only != store.storage) || shared_seen.contains(&store.storage) {
                continue;
            }
            let call = storage::content(&node.node, &store.storage).with("content", "backup").with_some("vmid", filter.vmid);
            let volumes = if store.active { client.get(&call) } else { Err(Fault::other("not active")) };
            match volumes {
                Ok(volumes) => {
                    found.looked.insert(store.storage.clone());
                    if store.shared {
                        shared_seen.insert(store.storage.clone());
                    }
                    found.archives.extend(volumes.into_iter().map(|v| Archive::of(&session.context, &node.node, v)));
                }
                Err(fault) if matches!(fault.kind, Kind::Interrupted | Kind::Unauthenticated | Kind::Unreachable) => return Err(fault),
                Err(fault) => found.unseen.push(format!("storage {} on {}: {}", store.storage, node.node, fault.message)),
            }
        }
    }
    if found.archives.iter().any(Archive::on_backup_server) {
        name_namespaces(session, &mut found.archives);
    }
    found.archives.sort_by(|a, b| b.ctime.cmp(&a.ctime).then_with(|| a.archive.cmp(&b.archive)));
    Ok(found)
}

/// Adds the namespaces from the storage configuration, if the token can read it.
fn name_namespaces(session: &Session, archives: &mut [Archive]) {
    let Ok(settings) = session.client().and_then(|client| client.get(&backup::storage_settings())) else { return };
    let text = |map: &Map<String, Json>, key: &str| map.get(key).and_then(Json::as_str).map(str::to_owned);
    for archive in archives.iter_mut().filter(|archive| archive.on_backup_server()) {
        archive.namespace =
            settings.iter().find(|map| text(map, "storage").as_ref() == Some(&archive.storage)).and_then(|map| text(map, "namespace"));
    }
}

impl Found {
    /// Warns about nodes and storages that were not searched.
    pub fn warn(&self, session: &Session) {
        for what in &self.unseen {
            session.person.warn(&format!("not searched: {what}"));
        }
    }
}

/// Finds the backup with this volume ID or file name; without an argument, lets the user choose at a terminal.
pub fn one(session: &Session, text: Option<&str>, filter: &Filter) -> Result<Archive> {
    let narrowed = match text.and_then(|text| text.split_once(':')) {
        // `pbs:backup/…` and `local:backup/…`; a snapshot name without storage has a slash before its colons.
        Some((storage, _)) if !storage.contains('/') => Filter { storage: Some(storage.to_owned()), ..filter.clone() },
        _ => filter.clone(),
    };
    let found = all(session, &narrowed)?;
    let Some(text) = text else { return pick(session, &found.archives) };
    let matching: Vec<&Archive> = found.archives.iter().filter(|a| a.archive == text || a.name() == text).collect();
    match matching[..] {
        [archive] => Ok(archive.clone()),
        [] => Err(missing(&found, text)),
        _ => {
            let places: Vec<String> = matching.iter().map(|a| format!("{} on {}", a.archive, a.node)).collect();
            Err(Fault::usage(format!("'{text}' matches several backups: {}", places.join(", ")))
                .with_hint("name it with its storage, and the node with --node"))
        }
    }
}

fn missing(found: &Found, text: &str) -> Fault {
    let mut fault = Fault::not_found(format!("no backup '{text}', or the token cannot see it"));
    fault.hint = Some(if found.unseen.is_empty() {
        "run `felhom backup list` to list them; VM.Backup on the guest and Datastore.AllocateSpace on the storage are needed".to_owned()
    } else {
        format!("check the nodes and storages that were not searched: {}", found.unseen.join("; "))
    });
    fault
}

fn pick(session: &Session, archives: &[Archive]) -> Result<Archive> {
    if !session.person.present() {
        return Err(Fault::usage("missing BACKUP").with_hint("add its volume ID; `felhom backup list -o id` lists them"));
    }
    if archives.is_empty() {
        return Err(Fault::not_found("no backup is visible to the token"));
    }
    let options: Vec<String> = archives.iter().map(option).collect();
    match session.person.choose("Which backup?", &options)? {
        Some(index) => Ok(archives[index].clone()),
        None => Err(Fault::refused("no backup selected")),
    }
}

/// Formats a line of the picker: guest, age, size, storage, notes.
fn option(archive: &Archive) -> String {
    let vmid = archive.vmid.map_or_else(|| "-".to_owned(), |vmid| vmid.to_string());
    format!(
        "{vmid:>6}  {:<4}  {:>8} ago  {:>9}  {:<12}  {}{}",
        archive.kind.map_or("-", GuestKind::word),
        units::seconds(archive.age()),
        archive.size_bytes.map_or_else(|| "-".to_owned(), units::bytes),
        archive.storage,
        archive.notes.as_deref().unwrap_or("").lines().next().unwrap_or(""),
        if archive.protected { " (protected)" } else { "" },
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn archive(value: Json) -> Archive {
        Archive::of("t", "pve1", serde_json::from_value(value).expect("a volume"))
    }

    #[test]
    fn file_and_backup_server_names() {
        let file = archive(
            json!({"volid": "local:backup/vzdump-lxc-101-2026_11_20-12_01_44.tar.zst", "content": "backup", "vmid": "101", "ctime": 1_795_176_104}),
        );
        assert_eq!((file.name(), file.kind, file.vmid), ("vzdump-lxc-101-2026_11_20-12_01_44.tar.zst", Some(GuestKind::Lxc), Some(101)));
        let snapshot = archive(json!({
            "volid": "pbs:backup/vm/201/2026-11-20T12:01:44Z", "format": "pbs-vm", "content": "backup",
            "verification": {"state": "ok", "upid": "UPID:…"}, "encrypted": 1,
        }));
        assert_eq!((snapshot.name(), snapshot.kind), ("vm/201/2026-11-20T12:01:44Z", Some(GuestKind::Qemu)));
        assert_eq!((snapshot.verification.as_deref(), snapshot.encrypted.as_deref()), (Some("ok"), Some("1")));
        assert!(snapshot.on_backup_server() && !file.on_backup_server());
    }
}
