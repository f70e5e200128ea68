//! The guests of the demo site.

use serde_json::{Value, json};

use super::parts::{container, guest, machine};
use crate::demo::state::{Guest, Load, Power, Snapshot, State, map};

const DAY: i64 = 86_400;

/// Adds the guests. With fewer nodes several share one.
pub(super) fn add(state: &mut State, nodes: u32, now: i64) {
    let on = |wanted: u32| format!("pve{}", (wanted - 1) % nodes + 1);
    let disk = |vmid: u32, n: u32, size: u32| format!("local-lvm:vm-{vmid}-disk-{n},size={size}G");
    let ct = |vmid: u32, node: u32, name: &str, size: u32, more: Value| container(vmid, &on(node), name, &disk(vmid, 0, size), more);
    let vm = |vmid: u32, node: u32, name: &str, size: u32, more: Value| machine(vmid, &on(node), name, &disk(vmid, 0, size), more);

    let web = json!({ "memory": 1024, "cores": 2, "tags": "prod;web", "onboot": 1, "description": "Web shop.\n" });
    let mut web = running(ct(101, 1, "web", 8, web), now - 21 * DAY, 0.12, 0.46);
    web.pending = map(json!({ "memory": 2048 }));
    snapshot(&mut web, "pre-update", None, "before the update of November", now - 9 * DAY);
    guest(state, web);

    let db = json!({
        "memory": 4096, "cores": 4, "tags": "db;prod", "onboot": 1, "protection": 1, "startup": "order=1,up=20",
        "mp0": format!("{},mp=/var/lib/postgresql,backup=1", disk(102, 1, 32)), "mp1": format!("{},mp=/srv/dumps", disk(102, 2, 16)),
    });
    guest(state, running(ct(102, 1, "db", 8, db), now - 40 * DAY, 0.21, 0.71));

    let mail = json!({ "memory": 2048, "cores": 2, "tags": "prod", "onboot": 1 });
    let mail = container(103, &on(2), "mail", "tank:subvol-103-disk-0,size=16G", mail);
    guest(state, running(mail, now - 12 * DAY, 0.04, 0.52));

    let dns = json!({ "memory": 256, "tags": "infra;prod", "onboot": 1, "net0": fixed_net("BC:24:11:0A:00:35", "192.0.2.53") });
    guest(state, running(ct(104, 2, "dns", 2, dns), now - 90 * DAY, 0.01, 0.31));

    let paperless = json!({ "memory": 2048, "cores": 2, "tags": "docker", "features": "keyctl=1,nesting=1" });
    guest(state, running(ct(110, 1, "paperless", 12, paperless), now - 6 * DAY, 0.06, 0.58));

    let media = json!({ "memory": 2048, "cores": 2, "tags": "docker;media", "mp0": "/mnt/media,mp=/media,ro=1", "features": "nesting=1" });
    guest(state, running(ct(111, 3, "media", 8, media), now - 6 * DAY, 0.18, 0.44));

    // An interrupted backup left its lock.
    guest(state, ct(120, 2, "build", 20, json!({ "memory": 4096, "cores": 8, "tags": "lab", "lock": "backup" })));

    let home = json!({ "memory": "4096", "cores": 2, "agent": "1", "onboot": 1, "tags": "prod", "balloon": 2048, "machine": "q35" });
    let mut home = running(vm(201, 2, "homeassistant", 32, home), now - 17 * DAY, 0.09, 0.63);
    home.agent = true;
    snapshot(&mut home, "v2026-10", None, "release of October", now - 30 * DAY);
    snapshot(&mut home, "v2026-11", Some("v2026-10"), "release of November", now - 4 * DAY);
    guest(state, home);

    let win = json!({ "memory": "8192", "cores": 4, "ostype": "win11", "agent": "1", "machine": "pc-q35-10.1", "bios": "ovmf",
        "efidisk0": "local-lvm:vm-202-disk-1,efitype=4m,pre-enrolled-keys=1,size=4M", "ide2": "none,media=cdrom" });
    guest(state, vm(202, 3, "win11", 64, win));
    for (vmid, name) in [(203, "k3s-1"), (204, "k3s-2")] {
        let mut node = running(
            vm(vmid, 3, name, 20, json!({ "memory": "4096", "cores": 2, "agent": "1", "tags": "k3s;lab" })),
            now - 3 * DAY,
            0.15,
            0.55,
        );
        node.agent = true;
        guest(state, node);
    }
    let golden = json!({ "template": 1, "features": "keyctl=1,nesting=1", "tags": "golden" });
    guest(state, ct(900, 1, "debian-13-golden", 4, golden));
    let cloud = json!({ "template": 1, "agent": "1", "ide2": "local-lvm:vm-9000-cloudinit,media=cdrom", "ciuser": "debian", "ipconfig0": "ip=dhcp" });
    guest(state, vm(9000, 1, "debian-13-cloud", 3, cloud));

    if state.cluster.is_some() {
        state.ha.resources.insert("ct:104".into(), map(json!({ "state": "started", "max_restart": 2, "comment": "DNS for all networks" })));
    }
}

fn fixed_net(mac: &str, ip: &str) -> String {
    format!("name=eth0,bridge=vmbr0,hwaddr={mac},ip={ip}/24,gw=192.0.2.1,type=veth")
}

fn running(mut guest: Guest, since: i64, cpu: f64, memory: f64) -> Guest {
    guest.power = Power::Running;
    guest.started = Some(since);
    let busy = 1.0 + cpu * 40.0;
    let rate = |base: f64| (base * busy) as u64;
    guest.load = Load {
        cpu,
        memory,
        disk: 0.2 + memory / 2.0,
        net_in: rate(900.0),
        net_out: rate(700.0),
        disk_read: rate(1_500.0),
        disk_write: rate(4_000.0),
    };
    guest
}

fn snapshot(guest: &mut Guest, name: &str, parent: Option<&str>, description: &str, at: i64) {
    guest.snapshots.push(Snapshot {
        name: name.into(),
        config: guest.config.clone(),
        snaptime: at,
        parent: parent.map(str::to_owned),
        description: Some(description.into()),
        vmstate: false,
    });
    guest.parent = Some(name.into());
}
