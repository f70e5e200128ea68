//! Effects of tasks on the state, stored with the task until they are due.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::spec::TaskSpec;
use crate::demo::mounts::Mount;
use crate::demo::state::{Guest, Map, Power, Snapshot, State, Storage, User, Volume};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Adds or replaces a guest.
    PutGuest(Box<Guest>),
    /// Deletes a guest with its disks, firewall and pool membership; `purge` also removes it from jobs and HA.
    RemoveGuest {
        vmid: u32,
        purge: bool,
    },
    /// Sets the power state. Pending changes are applied at start and stop.
    SetPower {
        vmid: u32,
        power: Power,
    },
    SetLock {
        vmid: u32,
        lock: Option<String>,
    },
    /// Sets settings; null removes one.
    SetConfig {
        vmid: u32,
        config: Map,
    },
    MoveGuest {
        vmid: u32,
        node: String,
    },
    AddSnapshot {
        vmid: u32,
        snapshot: Snapshot,
    },
    RemoveSnapshot {
        vmid: u32,
        name: String,
    },
    /// Restores a snapshot's configuration. The guest is stopped unless the snapshot includes memory.
    Rollback {
        vmid: u32,
        name: String,
    },
    AddVolume(Box<Volume>),
    RemoveVolume {
        volid: String,
    },
    /// Adds a guest to a pool.
    AddToPool {
        vmid: u32,
        pool: String,
    },
    /// Sets the users and groups of a realm. Every group has all users.
    SyncRealm {
        users: Vec<String>,
        gone: Vec<String>,
        groups: Vec<String>,
        /// Whether new users are enabled.
        enable: bool,
    },
    /// Mounts a disk on a node.
    Mount {
        node: String,
        place: String,
        mount: Mount,
    },
    /// Unmounts a disk on a node.
    Unmount {
        node: String,
        place: String,
    },
    /// Creates or replaces a section; without a configuration, deletes it.
    SetSection {
        section: String,
        id: String,
        config: Option<Map>,
    },
    /// Sets properties of a node's disk; null removes one.
    SetDisk {
        node: String,
        device: String,
        values: Map,
    },
    /// Adds or replaces a storage; `None` removes it.
    SetStorage {
        id: String,
        storage: Option<Box<Storage>>,
    },
    /// Starts a task of the HA manager some seconds (at speed 1) later.
    StartLater {
        spec: Box<TaskSpec>,
        node: String,
        seconds: f64,
    },
    /// Joins the cluster at this address. The host loses its own users and tokens.
    JoinCluster {
        address: String,
    },
    /// Loads the applied SDN configuration on a node.
    ReloadNetwork {
        node: String,
    },
    /// Starts another task, such as the HA manager's after `hastart`.
    Start {
        spec: Box<TaskSpec>,
        node: String,
        user: String,
    },
}

impl Effect {
    pub fn power_on(vmid: u32) -> Self {
        Self::SetPower { vmid, power: Power::Running }
    }

    pub fn power_off(vmid: u32) -> Self {
        Self::SetPower { vmid, power: Power::Stopped }
    }

    /// Creates or replaces a section.
    pub fn put_section(section: &str, id: impl Into<String>, config: Map) -> Self {
        Self::SetSection { section: section.to_owned(), id: id.into(), config: Some(config) }
    }

    /// Deletes a section.
    pub fn remove_section(section: &str, id: impl Into<String>) -> Self {
        Self::SetSection { section: section.to_owned(), id: id.into(), config: None }
    }
}

/// Applies an effect; `now_ms` is the time at which it was due.
pub(super) fn apply(state: &mut State, effect: Effect, now_ms: i64) {
    let now = now_ms / 1000;
    match effect {
        Effect::PutGuest(guest) => {
            state.guests.insert(guest.vmid, *guest);
        }
        Effect::RemoveGuest { vmid, purge } => remove_guest(state, vmid, purge),
        Effect::SetPower { vmid, power } => with(state, vmid, |g| set_power(g, power, now)),
        Effect::SetLock { vmid, lock } => with(state, vmid, |g| {
            match lock {
                Some(word) => g.config.insert("lock".to_owned(), word.into()),
                None => g.config.shift_remove("lock"),
            };
        }),
        Effect::SetConfig { vmid, config } => with(state, vmid, |g| merge(&mut g.config, config)),
        Effect::MoveGuest { vmid, node } => move_guest(state, vmid, &node),
        Effect::StartLater { spec, node, seconds } => super::start_later(state, *spec, &node, "root@pam", now_ms, seconds),
        Effect::JoinCluster { address } => join_cluster(state, &address),
        Effect::AddSnapshot { vmid, snapshot } => with(state, vmid, |g| {
            g.parent = Some(snapshot.name.clone());
            g.snapshots.retain(|s| s.name != snapshot.name);
            g.snapshots.push(snapshot);
        }),
        Effect::RemoveSnapshot { vmid, name } => with(state, vmid, |g| remove_snapshot(g, &name)),
        Effect::Rollback { vmid, name } => with(state, vmid, |g| rollback(g, &name, now)),
        Effect::AddVolume(volume) => {
            let id = volume.volid.split(':').next().unwrap_or_default().to_owned();
            if let Some(storage) = state.storages.get_mut(&id) {
                storage.put(*volume);
            }
        }
        Effect::RemoveVolume { volid } => {
            for storage in state.storages.values_mut() {
                storage.take(|v| v.volid == volid);
            }
        }
        Effect::AddToPool { vmid, pool } => {
            if let Some(pool) = state.pools.get_mut(&pool) {
                pool.guests.insert(vmid);
            }
        }
        Effect::SyncRealm { users, gone, groups, enable } => sync_realm(state, &users, &gone, groups, enable),
        Effect::Mount { node, place, mount } => {
            if let Some(node) = state.nodes.get_mut(&node) {
                node.mounts.insert(place, mount);
            }
        }
        Effect::Unmount { node, place } => {
            if let Some(node) = state.nodes.get_mut(&node) {
                node.mounts.remove(&place);
            }
        }
        Effect::SetSection { section, id, config } => _ = set_or_remove(state.section_mut(&section), id, config),
        Effect::SetStorage { id, storage } => _ = set_or_remove(&mut state.storages, id, storage.map(|storage| *storage)),
        Effect::SetDisk { node, device, values } => set_disk(state, &node, &device, &values),
        Effect::ReloadNetwork { node } => {
            let version = state.sdn_version;
            if let Some(node) = state.nodes.get_mut(&node) {
                node.sdn_version = version;
            }
        }
        Effect::Start { spec, node, user } => {
            super::start(state, *spec, &node, &user, now_ms);
        }
    }
}

fn set_or_remove<T>(all: &mut BTreeMap<String, T>, id: String, value: Option<T>) -> Option<T> {
    match value {
        Some(value) => all.insert(id, value),
        None => all.remove(&id),
    }
}

fn sync_realm(state: &mut State, users: &[String], gone: &[String], groups: Vec<String>, enable: bool) {
    let access = &mut state.access;
    access.users.retain(|user, _| !gone.contains(user));
    for user in users {
        access.users.entry(user.clone()).or_insert_with(|| User { enable, ..User::default() });
    }
    for group in groups {
        let realm = group.rsplit('-').next().unwrap_or_default();
        let end = format!("@{realm}");
        access.users.iter_mut().filter(|(user, _)| user.ends_with(&end)).for_each(|(_, user)| _ = user.groups.insert(group.clone()));
        access.groups.entry(group).or_default();
    }
}

fn set_disk(state: &mut State, node: &str, device: &str, values: &Map) {
    let disks = state.nodes.get_mut(node).map(|node| &mut node.disks).into_iter().flatten();
    for disk in disks.filter(|disk| disk.get("devpath").is_some_and(|path| path == device)) {
        merge(disk, values.clone());
    }
}

/// Sets the values; null removes one.
fn merge(config: &mut Map, values: Map) {
    for (key, value) in values {
        if value.is_null() {
            config.shift_remove(&key);
        } else {
            config.insert(key, value);
        }
    }
}

fn with(state: &mut State, vmid: u32, change: impl FnOnce(&mut Guest)) {
    if let Some(guest) = state.guests.get_mut(&vmid) {
        change(guest);
    }
}

/// Moves a guest and its local volumes to another node.
fn move_guest(state: &mut State, vmid: u32, node: &str) {
    let Some(guest) = state.guests.get_mut(&vmid) else { return };
    let old = std::mem::replace(&mut guest.node, node.to_owned());
    let volumes = state.storages.values_mut().flat_map(|storage| &mut storage.volumes);
    for volume in volumes.filter(|v| v.vmid == Some(vmid) && v.content != "backup" && v.node.as_ref() == Some(&old)) {
        volume.node = Some(node.to_owned());
    }
}

fn join_cluster(state: &mut State, address: &str) {
    let Some(neighbor) = state.neighbors.remove(address) else { return };
    state.cluster = Some(neighbor.cluster);
    if let Some(own) = state.nodes.get_mut(&state.local) {
        own.id = neighbor.node.id + 1;
    }
    state.nodes.insert(neighbor.node.name.clone(), neighbor.node);
    state.access.users.retain(|name, _| name == "root@pam");
    state.access.users.values_mut().for_each(|user| user.tokens.clear());
    state.access.acl.clear();
}

fn set_power(guest: &mut Guest, power: Power, now: i64) {
    let fresh = power.is_on() && !guest.power.is_on();
    guest.started = if power.is_on() { guest.started.filter(|_| !fresh).or(Some(now)) } else { None };
    guest.power = power;
    if fresh || power == Power::Stopped {
        for key in std::mem::take(&mut guest.pending_delete) {
            let old = guest.config.shift_remove(&key);
            set_aside(guest, &key, old.as_ref().and_then(|value| value.as_str()));
        }
        for (key, value) in std::mem::take(&mut guest.pending) {
            guest.config.insert(key, value);
        }
    }
}

fn remove_guest(state: &mut State, vmid: u32, purge: bool) {
    let Some(guest) = state.guests.remove(&vmid) else { return };
    for storage in state.storages.values_mut() {
        storage.take(|v| v.vmid == Some(vmid) && v.content != "backup");
    }
    for pool in state.pools.values_mut() {
        pool.guests.remove(&vmid);
    }
    state.firewalls.remove(&format!("guest/{vmid}"));
    state.access.acl.remove(&format!("/vms/{vmid}"));
    if !purge {
        return;
    }
    state.ha.resources.remove(&guest.ha_id());
    for job in state.section_mut("backup").values_mut() {
        if let Some(list) = job.get("vmid").and_then(|v| v.as_str()) {
            let left: Vec<&str> = list.split(',').filter(|id| *id != vmid.to_string()).collect();
            let left = left.join(",");
            job.insert("vmid".to_owned(), left.into());
        }
    }
}

fn remove_snapshot(guest: &mut Guest, name: &str) {
    let Some(at) = guest.snapshots.iter().position(|s| s.name == name) else { return };
    let gone = guest.snapshots.remove(at);
    for snapshot in &mut guest.snapshots {
        if snapshot.parent.as_deref() == Some(name) {
            snapshot.parent.clone_from(&gone.parent);
        }
    }
    if guest.parent.as_deref() == Some(name) {
        guest.parent = gone.parent;
    }
}

fn rollback(guest: &mut Guest, name: &str, now: i64) {
    let Some(snapshot) = guest.snapshot(name).cloned() else { return };
    // Notes and unused disks are not part of a snapshot.
    let keeps = |key: &str| key == "description" || key.starts_with("unused");
    let kept: Map = guest.config.iter().filter(|(key, _)| keeps(key)).map(|(k, v)| (k.clone(), v.clone())).collect();
    guest.config = snapshot.config;
    guest.config.extend(kept);
    guest.parent = Some(name.to_owned());
    guest.pending.clear();
    guest.pending_delete.clear();
    set_power(guest, if snapshot.vmstate { Power::Running } else { Power::Stopped }, now);
}

/// Keeps the volume of a removed mount point as an unused one.
fn set_aside(guest: &mut Guest, key: &str, old: Option<&str>) {
    let volume = old.and_then(|text| text.split(',').next()).filter(|volume| !volume.starts_with('/') && volume.contains(':'));
    let (Some(volume), true) = (volume, key.starts_with("mp")) else { return };
    if let Some(free) = (0..256).map(|n| format!("unused{n}")).find(|name| !guest.config.contains_key(name)) {
        guest.config.insert(free, volume.into());
    }
}
