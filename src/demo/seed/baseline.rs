//! The recorded host's state before the transcripts.

use serde_json::json;

use super::parts::{GIB, container, guest, host, machine, storage, token, user};
use crate::demo::state::{Node, Pool, State, Volume, map};

/// Returns one node, or a cluster with all guests on the first one.
pub(super) fn state(nodes: usize, now: i64) -> State {
    let mut state = alone(now);
    if nodes < 2 {
        return state;
    }
    state.cluster = Some("rigcl".into());
    let Some(first) = state.nodes.remove("pve1") else { return state };
    for id in (1..=32).take(nodes) {
        let name = format!("pve{id}");
        let node = Node { id, ip: format!("198.51.100.{}", 9 + id), name: name.clone(), ..first.clone() };
        state.nodes.insert(name, node);
    }
    state
}

fn alone(now: i64) -> State {
    let node = Node {
        name: "pve1".into(),
        id: 0,
        ip: "10.10.10.1".into(),
        online: true,
        booted: now - 2200,
        cpus: 2,
        memory: 25_276_510_208,
        disk: 270_553_174_016,
        cpu_load: 0.13,
        memory_load: 0.05,
        disk_load: 0.08,
        timezone: "Etc/UTC".into(),
        ..Node::default()
    };
    let mut state = host(node);
    token(&mut state, "root@pam!rig", false);
    user(&mut state, "felhom@pve", json!({}));
    token(&mut state, "felhom@pve!rig", true);
    token(&mut state, "felhom@pve!full", false);
    user(&mut state, "nobody@pve", json!({}));
    token(&mut state, "nobody@pve!tok", true);

    let local = json!({ "type": "dir", "path": "/var/lib/vz", "content": "iso,vztmpl,backup,import,snippets" });
    storage(&mut state, "local", local, 270_553_174_016, 21_374_320_640, false);
    let lvm = json!({ "type": "btrfs", "path": "/mnt/local-lvm", "content": "rootdir,images" });
    storage(&mut state, "local-lvm", lvm, 8 * GIB, 100_188_160, true);
    let dirct = json!({ "type": "dir", "path": "/var/lib/rig/dirct", "content": "rootdir,images" });
    storage(&mut state, "dirct", dirct, 270_553_174_016, 21_374_320_640, false);
    if let Some(local) = state.storages.get_mut("local") {
        let mut template = Volume::new("local:vztmpl/debian-12-rig_1.0_amd64.tar.zst", "vztmpl", "tzst", 21_115_082);
        template.ctime = Some(now - 1800);
        local.volumes.push(template);
    }

    let net = |mac: &str, ip: u32| format!("name=eth0,bridge=vmbr0,hwaddr={mac},ip=10.10.10.{ip}/24,type=veth");
    let ct101 = json!({ "memory": 128, "net0": net("BC:24:11:4D:7B:E5", 101) });
    guest(&mut state, container(101, "pve1", "ct101", "local-lvm:101/vm-101-disk-0.raw,size=1G", ct101));
    let ct102 = json!({ "memory": 64, "cores": 2, "tags": "app;test", "net0": net("BC:24:11:8C:36:0E", 102) });
    guest(&mut state, container(102, "pve1", "ct102", "dirct:102/vm-102-disk-0.raw,size=1G", ct102));
    let ct103 = json!({ "memory": 128, "net0": net("BC:24:11:EE:21:9B", 103) });
    guest(&mut state, container(103, "pve1", "ct103", "local-lvm:103/vm-103-disk-0.raw,size=1G", ct103));
    let meta = format!("creation-qemu=10.0.13,ctime={}", now - 600);
    let vm201 = json!({ "memory": "64", "tags": "qtest", "kvm": 0, "meta": meta, "net0": "virtio=BC:24:11:15:20:44,bridge=vmbr0" });
    guest(&mut state, machine(201, "pve1", "vm201", "dirct:201/vm-201-disk-0.qcow2,size=1G", vm201));
    let vm202 = json!({ "memory": "64", "kvm": 0, "meta": meta, "net0": "virtio=BC:24:11:2B:68:FC,bridge=vmbr0" });
    guest(&mut state, machine(202, "pve1", "vm202", "dirct:202/vm-202-disk-0.raw,size=1G", vm202));
    state.pools.insert("pool1".into(), Pool { comment: "rig".into(), guests: [103].into(), ..Pool::default() });
    if let Some(node) = state.nodes.get_mut("pve1") {
        node.dns = map(json!({ "dns1": "10.255.255.53" }));
        node.hosts = "127.0.0.1 localhost.localdomain localhost\n10.10.10.1 pve1.example.org pve1\n".into();
        node.services = super::services::recorded();
        node.updates = vec![json!({
            "Package": "ca-certificates", "Version": "20250419+deb13u1", "OldVersion": "20250419", "Title": "Common CA certificates",
            "Description": "Contains the certificate authorities shipped with Mozilla's browser.", "Arch": "all", "Section": "misc",
            "Priority": "standard", "Origin": "Debian",
        })];
        node.network = vec![map(json!({
            "active": 1, "address": "10.10.10.1", "autostart": 1, "bridge_fd": "0", "bridge_ports": "", "bridge_stp": "off",
            "cidr": "10.10.10.1/24", "families": ["inet"], "iface": "vmbr0", "method": "static", "method6": "manual", "netmask": "24",
            "priority": 3, "type": "bridge",
        }))];
        node.disks = vec![map(json!({
            "devpath": "/dev/vda", "gpt": 0, "health": "UNKNOWN", "model": "unknown", "mounted": 1, "osdid": -1, "osdid-list": null,
            "rpm": -1, "serial": "unknown", "size": 274_877_906_944_u64, "type": "unknown", "used": "mounted", "vendor": "0x1af4",
            "wearout": "N/A", "wwn": "unknown",
        }))];
    }
    state
}
