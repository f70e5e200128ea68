//! A small lively site to try things on.

use serde_json::json;

use super::parts::{GIB, container, guest, host, machine, storage, token, user};
use crate::demo::host::Options;
use crate::demo::state::{AclEntry, Node, Pool, Power, State, Subject};

/// What the role of the ready-made agent token holds.
const AGENT: &[&str] = &[
    "VM.Allocate",
    "VM.Audit",
    "VM.Config.Disk",
    "VM.Config.CPU",
    "VM.Config.Memory",
    "VM.Config.Network",
    "VM.Config.Options",
    "VM.PowerMgmt",
    "VM.Snapshot",
    "VM.Snapshot.Rollback",
    "VM.Backup",
    "Datastore.Allocate",
    "Datastore.AllocateSpace",
    "Datastore.Audit",
    "Sys.Audit",
    "SDN.Use",
];

pub(super) fn state(options: &Options, now: i64) -> State {
    let count = u32::try_from(options.nodes.unwrap_or(3).clamp(1, 32)).unwrap_or(3);
    let mut state = host(node(1, now));
    for id in 2..=count {
        let node = node(id, now);
        state.nodes.insert(node.name.clone(), node);
    }
    state.cluster = (count > 1).then(|| "felhom-demo".to_owned());
    access(&mut state);
    storages(&mut state);
    for (index, (vmid, name)) in [(101, "web"), (102, "db"), (103, "mail")].into_iter().enumerate() {
        let node = format!("pve{}", index as u32 % count + 1);
        let mut ct = container(vmid, &node, name, &format!("local-lvm:vm-{vmid}-disk-0,size=8G"), json!({ "tags": "prod", "onboot": 1 }));
        ct.power = Power::Running;
        ct.started = Some(now - 86_400);
        guest(&mut state, ct);
    }
    let vm = machine(201, "pve1", "win", "local-lvm:vm-201-disk-0,size=32G", json!({ "memory": "4096" }));
    guest(&mut state, vm);
    for vmid in 1000..1000 + u32::try_from(options.guests.unwrap_or(0).saturating_sub(state.guests.len())).unwrap_or(0) {
        let node = format!("pve{}", vmid % count + 1);
        let mut ct = container(vmid, &node, &format!("ct{vmid}"), &format!("local-lvm:vm-{vmid}-disk-0,size=4G"), json!({}));
        if vmid % 3 > 0 {
            ct.power = Power::Running;
            ct.started = Some(now - i64::from(vmid) * 60);
        }
        guest(&mut state, ct);
    }
    state.pools.insert("production".into(), Pool { comment: "what must run".into(), guests: [101, 102, 103].into(), ..Pool::default() });
    state
}

fn node(id: u32, now: i64) -> Node {
    Node {
        name: format!("pve{id}"),
        id,
        ip: format!("192.0.2.{}", 10 + id),
        online: true,
        booted: now - 12 * 86_400,
        cpus: 16,
        memory: 64 * GIB,
        disk: 94 * GIB,
        cpu_load: 0.07,
        memory_load: 0.41,
        disk_load: 0.23,
        timezone: "Europe/Budapest".into(),
        ..Node::default()
    }
}

fn access(state: &mut State) {
    token(state, "root@pam!demo", false);
    user(state, "felhom@pve", json!({ "comment": "the agent" }));
    token(state, "felhom@pve!agent", true);
    state.access.roles.insert("FelhomAgent".into(), AGENT.iter().map(|p| (*p).to_owned()).collect());
    let entry = |subject| AclEntry { subject, role: "FelhomAgent".into(), propagate: true };
    let entries = vec![entry(Subject::User("felhom@pve".into())), entry(Subject::Token("felhom@pve!agent".into()))];
    state.access.acl.insert("/".into(), entries);
}

fn storages(state: &mut State) {
    let local = json!({ "type": "dir", "path": "/var/lib/vz", "content": "iso,vztmpl,backup,import,snippets" });
    storage(state, "local", local, 94 * GIB, 21 * GIB, false);
    let lvm = json!({ "type": "lvmthin", "vgname": "pve", "thinpool": "data", "content": "rootdir,images" });
    storage(state, "local-lvm", lvm, 800 * GIB, 210 * GIB, true);
}
