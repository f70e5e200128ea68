//! Snapshots of a guest: listing, checking whether one is possible, and the effect of a rollback.

use serde_json::{Map, Value as Json};

use crate::api::guests::Snapshot;
use crate::api::{GuestKind, lenient, storage};
use crate::fault::{Fault, Result};
use crate::guard::redact;
use crate::ops::disks::{self, Source};
use crate::ops::guests::{self, Guest};
use crate::ops::time;
use crate::session::Session;

/// The host's name for the guest's current state.
pub const CURRENT: &str = "current";

pub fn all(session: &Session, guest: &Guest) -> Result<Vec<Snapshot>> {
    guests::with_place(session, guest, |place| session.client()?.get(&place.snapshots()))
}

/// A snapshot by its name.
pub fn find<'a>(snapshots: &'a [Snapshot], guest: &Guest, name: &str) -> Result<&'a Snapshot> {
    let names: Vec<&str> = snapshots.iter().map(|s| s.name.as_str()).filter(|name| *name != CURRENT).collect();
    snapshots.iter().find(|s| s.name == name && name != CURRENT).ok_or_else(|| {
        Fault::not_found(format!("{} has no snapshot '{name}'", guest.label())).with_hint(if names.is_empty() {
            "list its snapshots with `felhom snapshot list`: it has none".to_owned()
        } else {
            format!("choose from {}", names.join(", "))
        })
    })
}

/// Checks that the host accepts a snapshot name.
pub fn check_name(name: &str) -> Result<()> {
    let first = name.chars().next().is_some_and(|c| c.is_ascii_alphabetic());
    let rest = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if !first || !rest || !(2..=40).contains(&name.len()) {
        return Err(Fault::usage(format!("'{name}' is not a valid snapshot name"))
            .with_hint("use a letter first, then letters, digits, `_` and `-`, 2 to 40 in all"));
    }
    if name == CURRENT {
        return Err(Fault::usage("'current' is reserved for the guest's current state"));
    }
    Ok(())
}

/// Whether the host reserves a name for a kind of guest.
pub fn reserved(kind: GuestKind, name: &str) -> bool {
    match kind {
        GuestKind::Lxc => name == "vzdump",
        GuestKind::Qemu => name.eq_ignore_ascii_case("pending"),
    }
}

/// Checks that the guest can have snapshots. The error names the disk that prevents it; the host's own error would not.
pub fn possible(session: &Session, guest: &Guest) -> Result<()> {
    let feature = guests::with_place(session, guest, |place| session.client()?.get(&place.feature("snapshot")))?;
    if feature.has {
        return Ok(());
    }
    let config = guests::with_place(session, guest, |place| session.client()?.get(&place.config()))?;
    let kinds = session.client()?.get(&storage::list(&guest.node)).unwrap_or_default();
    let kind_of = |id: &str| kinds.iter().find(|s| s.storage == id).map_or("", |s| s.kind.as_str());
    let disks = disks::of(guest.kind, &config);
    let mut reasons: Vec<String> = Vec::new();
    for disk in &disks {
        match disk.source {
            Source::Bind => reasons.push(format!("{} is a bind mount of {}", disk.key, disk.volume)),
            Source::Device => reasons.push(format!("{} is the device {}", disk.key, disk.volume)),
            Source::Volume => {
                let id = disk.storage().unwrap_or_default();
                if without_snapshots(guest.kind, kind_of(id), &disk.volume) {
                    reasons.push(format!("{} is on storage '{id}' ({}), which does not support snapshots", disk.key, kind_of(id)));
                }
            }
            Source::Cdrom => {}
        }
    }
    if reasons.is_empty() {
        let mut storages: Vec<&str> = disks.iter().filter_map(disks::Disk::storage).collect();
        storages.sort_unstable();
        storages.dedup();
        reasons.push(format!("its disks are on {}", storages.join(", ")));
    }
    Err(Fault::refused(format!("{} cannot be snapshotted: {}", guest.label(), reasons.join("; "))).with_hint(match guest.kind {
        GuestKind::Lxc => "run `felhom backup run` instead; snapshots of containers need LVM-thin, ZFS, btrfs or Ceph RBD",
        GuestKind::Qemu => "run `felhom backup run` instead; snapshots need LVM-thin, ZFS, btrfs, Ceph RBD or qcow2 images",
    }))
}

fn without_snapshots(kind: GuestKind, storage: &str, volume: &str) -> bool {
    match storage {
        "lvm" | "iscsi" | "iscsidirect" | "cephfs" => true,
        "dir" | "nfs" | "cifs" | "glusterfs" => kind == GuestKind::Lxc || !volume.ends_with(".qcow2"),
        _ => false,
    }
}

/// Returns the snapshots as a tree with their depth: children after their parents, older before newer.
pub fn tree(snapshots: &[Snapshot]) -> Vec<(usize, &Snapshot)> {
    let known = |name: &String| snapshots.iter().any(|s| s.name == *name);
    let mut roots: Vec<&Snapshot> = snapshots.iter().filter(|s| !s.parent.as_ref().is_some_and(known)).collect();
    roots.sort_by_key(|s| order(s));
    let mut rows = Vec::new();
    let mut stack: Vec<(usize, &Snapshot)> = roots.into_iter().rev().map(|s| (0, s)).collect();
    while let Some((depth, snapshot)) = stack.pop() {
        rows.push((depth, snapshot));
        let mut children: Vec<&Snapshot> = snapshots.iter().filter(|s| s.parent.as_deref() == Some(snapshot.name.as_str())).collect();
        children.sort_by_key(|s| order(s));
        stack.extend(children.into_iter().rev().map(|s| (depth + 1, s)));
    }
    // A cyclic list has no root: unreached snapshots are appended.
    let reached: Vec<&str> = rows.iter().map(|(_, s)| s.name.as_str()).collect();
    let lost: Vec<_> = snapshots.iter().filter(|s| !reached.contains(&s.name.as_str())).map(|s| (0, s)).collect();
    rows.extend(lost);
    rows
}

/// Sort key: by time, with `current` last.
fn order(snapshot: &Snapshot) -> (bool, Option<u64>) {
    (snapshot.name == CURRENT, snapshot.snaptime)
}

/// Returns a snapshot's time and age.
pub fn moment(snapshot: &Snapshot) -> String {
    match snapshot.snaptime.and_then(|time| i64::try_from(time).ok()) {
        Some(unix) => time::moment(unix),
        None => "an unknown time".to_owned(),
    }
}

/// Returns the settings that differ between the current configuration and a snapshot's: `memory: 512 → 256`.
pub fn config_changes(now: &Map<String, Json>, then: &Map<String, Json>) -> Vec<String> {
    const OWN: &[&str] = &["digest", "parent", "snaptime", "description", "vmstate", "runningmachine", "runningcpu", "lock", "snapstate"];
    let mut keys: Vec<&String> = now.keys().chain(then.keys()).filter(|key| !OWN.contains(&key.as_str())).collect();
    keys.sort();
    keys.dedup();
    let shown = |map: &Map<String, Json>, key: &str| {
        map.get(key).and_then(lenient::text).map_or_else(|| "(nothing)".to_owned(), |text| redact::config_value(key, &text))
    };
    keys.into_iter()
        .map(|key| (key, shown(now, key), shown(then, key)))
        .filter(|(_, a, b)| a != b)
        .map(|(key, a, b)| format!("{key}: {a} → {b}"))
        .collect()
}

/// Returns the error for an existing snapshot.
pub fn taken(guest: &Guest, snapshot: &Snapshot) -> Fault {
    Fault::refused(format!("{} already has a snapshot '{}', from {}", guest.label(), snapshot.name, moment(snapshot)))
        .with_hint(format!("choose another name, or delete it with `felhom snapshot delete {} {}`", guest.vmid, snapshot.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn snapshots(list: Json) -> Vec<Snapshot> {
        serde_json::from_value(list).expect("snapshots")
    }

    #[test]
    fn a_tree_has_children_after_their_parents_and_current_last() {
        let list = snapshots(json!([
            {"name": "current", "parent": "b", "running": 1, "description": "You are here!"},
            {"name": "c", "parent": "a", "snaptime": 30}, {"name": "b", "parent": "a", "snaptime": "20"}, {"name": "a", "snaptime": 10},
        ]));
        let rows: Vec<String> = tree(&list).iter().map(|(depth, s)| format!("{depth}{}", s.name)).collect();
        assert_eq!(rows, ["0a", "1b", "2current", "1c"]);
    }

    #[test]
    fn a_cyclic_list_ends() {
        let list = snapshots(json!([{"name": "a", "parent": "b"}, {"name": "b", "parent": "a"}, {"name": "current"}]));
        assert_eq!(tree(&list).len(), 3);
    }

    #[test]
    fn valid_and_invalid_snapshot_names() {
        for good in ["snap1", "a-b_c", "Before"] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in ["1bad", "current", "", "a", "a b", "ä1", &"x".repeat(41)] {
            assert_eq!(check_name(bad).expect_err(bad).exit_code(), 2);
        }
        assert!(reserved(GuestKind::Qemu, "Pending") && !reserved(GuestKind::Lxc, "pending") && reserved(GuestKind::Lxc, "vzdump"));
    }

    #[test]
    fn configuration_changes_of_a_rollback() {
        let now = json!({"memory": 512, "cores": "2", "digest": "x", "cipassword": "**"});
        let then = json!({"memory": "256", "cores": 2, "snaptime": 5, "tags": "a"});
        let changes = config_changes(now.as_object().expect("a map"), then.as_object().expect("a map"));
        assert_eq!(changes, ["cipassword: *** → (nothing)", "memory: 512 → 256", "tags: (nothing) → a"]);
    }
}
