//! Initial states of runs that differ from the baseline.

use felhom::demo::state::{Power, State, Volume, map};
use serde_json::json;

/// Sets the baseline of the files from 21 on: smaller guests, no comments, another network.
pub(super) fn later_baseline(state: &mut State) {
    for (vmid, guest) in &mut state.guests {
        for (_, net) in guest.config.iter_mut().filter(|(key, _)| *key == "net0" && guest.kind.word() == "lxc") {
            let text = net.as_str().unwrap_or_default();
            *net = text.replace(&format!("ip=10.10.10.{vmid}/24"), "ip=manual").into();
        }
        match vmid {
            101 | 103 => _ = guest.config.insert("features".into(), "nesting=1".into()),
            102 => _ = guest.config.shift_remove("cores"),
            _ => guest.config.retain(|key, _| !["cores", "ostype", "scsihw", "tags"].contains(&key.as_str())),
        }
        if *vmid == 202 {
            guest.config.shift_remove("net0");
            guest.config.insert("scsi0".into(), "dirct:202/vm-202-disk-0.qcow2,size=1G".into());
        }
    }
    for volume in state.storages.values_mut().flat_map(|storage| &mut storage.volumes) {
        if volume.volid == "dirct:202/vm-202-disk-0.raw" {
            volume.volid = "dirct:202/vm-202-disk-0.qcow2".into();
            volume.format = "qcow2".into();
        }
    }
    if let Some(pool) = state.pools.get_mut("pool1") {
        pool.comment.clear();
    }
    if let Some(root) = state.access.users.get_mut("root@pam") {
        root.info.shift_remove("email");
    }
    if let Some(node) = state.nodes.get_mut("pve1") {
        node.booted -= 86_400;
        node.dns.insert("search".into(), "example.org".into());
        let port = json!({
            "iface": "eth0", "type": "eth", "exists": 1, "active": 1, "method": "manual", "method6": "manual", "families": ["inet"],
        });
        node.network.extend(port.as_object().cloned());
    }
}

/// Adds the running VM of 35.
pub(super) fn running_vm(state: &mut State) {
    later_baseline(state);
    let mut vm = state.guests[&201].clone();
    (vm.vmid, vm.power, vm.agent, vm.started) = (203, Power::Running, true, Some(0));
    vm.config = map(json!({
        "boot": "order=scsi0;ide2;net0", "net0": "virtio=BC:24:11:67:B1:B0,bridge=vmbr0", "cipassword": "guestpass", "cores": 1,
        "smbios1": "uuid=bfe0720c-e589-4377-805d-71e783198c97", "agent": "1", "vga": "serial0", "memory": "512", "name": "vm203",
        "ipconfig0": "ip=198.51.100.203/24,gw=198.51.100.10", "ide2": "dirct:203/vm-203-cloudinit.qcow2,media=cdrom",
        "vmgenid": "780f448a-6bb3-4d6a-a581-d75618100610", "meta": "creation-qemu=10.0.13,ctime=1795703224", "kvm": 0,
        "scsihw": "virtio-scsi-pci", "scsi0": "dirct:203/vm-203-disk-0.qcow2,size=2G", "serial0": "socket", "ciuser": "admin",
        "args": "-kernel /var/lib/vz/boot/vmlinuz -initrd /var/lib/vz/boot/initrd -append 'root=/dev/sda rw console=ttyS0 net.ifnames=1'",
    }));
    for volid in ["dirct:203/vm-203-disk-0.qcow2", "dirct:203/vm-203-cloudinit.qcow2"] {
        let mut volume = Volume::new(volid, "images", "qcow2", 2 << 30);
        volume.vmid = Some(203);
        state.storages.get_mut("dirct").unwrap().volumes.push(volume);
    }
    state.guests.insert(203, vm);
}

/// Sets the first of two nodes, at the speed of a real host.
pub(super) fn two_nodes(state: &mut State) {
    later_baseline(state);
    state.speed = 1.0;
    if let Some(node) = state.nodes.get_mut("pve1") {
        node.ip = "198.51.100.10".into();
    }
}
