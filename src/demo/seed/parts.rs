//! Parts shared by the initial states.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::demo::auth;
use crate::demo::state::{Access, Guest, GuestKind, Map, Node, State, Storage, Token, User, map};

pub(super) const GIB: u64 = 1 << 30;

/// Returns a host with one node, the built-in realms and `root@pam`.
pub(super) fn host(node: Node) -> State {
    let mut access = Access::default();
    access.realms.insert("pam".into(), map(json!({ "type": "pam", "comment": "Linux PAM standard authentication" })));
    access.realms.insert("pve".into(), map(json!({ "type": "pve", "comment": "Proxmox VE authentication server" })));
    let root =
        User { password: Some(auth::hash_password(super::PASSWORD)), info: map(json!({ "email": "root@example.org" })), ..User::default() };
    access.users.insert("root@pam".into(), root);
    State {
        speed: 1.0,
        local: node.name.clone(),
        nodes: BTreeMap::from([(node.name.clone(), node)]),
        access,
        next_pid: 1200,
        ticket_key: auth::random_hex(32),
        ..State::default()
    }
}

pub(super) fn user(state: &mut State, id: &str, info: Value) {
    state.access.users.insert(id.to_owned(), User { info: map(info), ..User::default() });
}

/// Adds a token (`user@realm!id`) with a random secret.
pub(super) fn token(state: &mut State, full: &str, privsep: bool) {
    let Some((user, id)) = full.split_once('!') else { return };
    let token = Token { secret: auth::random_uuid(), privsep, expire: 0, comment: None };
    state.access.users.entry(user.to_owned()).or_default().tokens.insert(id.to_owned(), token);
}

pub(super) fn storage(state: &mut State, id: &str, config: Value, total: u64, used: u64, snapshots: bool) {
    let storage = Storage { config: map(config), total, used, volumes: Vec::new(), snapshots, inactive: false };
    state.storages.insert(id.to_owned(), storage);
}

/// Adds a guest and its volumes.
pub(super) fn guest(state: &mut State, guest: Guest) {
    let content = if guest.kind == GuestKind::Lxc { "rootdir" } else { "images" };
    for (volid, size) in disks(&guest.config) {
        let Some(storage) = volid.split(':').next().and_then(|id| state.storages.get_mut(id)) else { continue };
        let format = volid.rsplit_once('.').map_or("raw", |(_, end)| if end == "qcow2" { "qcow2" } else { "raw" });
        let mut volume = crate::demo::state::Volume::new(volid, content, format, size);
        volume.vmid = Some(guest.vmid);
        volume.node = (!storage.is_shared()).then(|| guest.node.clone());
        storage.volumes.push(volume);
    }
    state.guests.insert(guest.vmid, guest);
}

/// Returns the volumes of a configuration with their sizes.
fn disks(config: &Map) -> Vec<(String, u64)> {
    let is_disk = |key: &str| {
        let name = key.trim_end_matches(|c: char| c.is_ascii_digit());
        matches!(name, "rootfs" | "mp" | "scsi" | "virtio" | "ide" | "sata" | "efidisk" | "tpmstate" | "unused")
    };
    config
        .iter()
        .filter(|(key, _)| is_disk(key))
        .filter_map(|(_, value)| value.as_str())
        .filter(|text| !text.starts_with('/') && !text.starts_with("none") && !text.contains("media=cdrom"))
        .filter_map(|text| {
            let volid = text.split(',').next()?.to_owned();
            let size = text.split(',').find_map(|p| p.strip_prefix("size=")).and_then(crate::demo::state::parse_size).unwrap_or(0);
            Some((volid, size))
        })
        .collect()
}

/// Returns a Debian container.
pub(super) fn container(vmid: u32, node: &str, name: &str, rootfs: &str, more: Value) -> Guest {
    let mac = mac(vmid);
    let mut config = map(json!({
        "arch": "amd64", "cores": 1, "hostname": name, "memory": 512, "ostype": "debian", "rootfs": rootfs, "swap": 0, "unprivileged": 1,
        "net0": format!("name=eth0,bridge=vmbr0,hwaddr={mac},ip=dhcp,type=veth"),
    }));
    config.extend(map(more));
    Guest::new(vmid, GuestKind::Lxc, node, config)
}

/// Returns a Linux VM.
pub(super) fn machine(vmid: u32, node: &str, name: &str, disk: &str, more: Value) -> Guest {
    let mac = mac(vmid);
    let mut config = map(json!({
        "boot": "order=scsi0;net0", "cores": 1, "memory": "2048", "name": name, "net0": format!("virtio={mac},bridge=vmbr0"),
        "ostype": "l26", "scsi0": disk, "scsihw": "virtio-scsi-pci",
        "smbios1": format!("uuid={}", uuid(vmid, 1)), "vmgenid": uuid(vmid, 2),
    }));
    config.extend(map(more));
    Guest::new(vmid, GuestKind::Qemu, node, config)
}

/// Returns a MAC address derived from the VMID.
fn mac(vmid: u32) -> String {
    let digest = crate::demo::state::sha1_hex(&format!("mac {vmid}")).to_uppercase();
    format!("BC:24:11:{}:{}:{}", &digest[..2], &digest[2..4], &digest[4..6])
}

fn uuid(vmid: u32, salt: u32) -> String {
    let h = crate::demo::state::sha1_hex(&format!("uuid {vmid} {salt}"));
    format!("{}-{}-4{}-8{}-{}", &h[..8], &h[8..12], &h[13..16], &h[17..20], &h[20..32])
}
