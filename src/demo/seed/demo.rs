//! The demo site: three nodes, a dozen guests, shared storages, a week of backups and tasks.

use serde_json::json;

use super::parts::{GIB, container, guest, host, storage, token, user};
use super::{archives, ceph, guests, history, nodes};
use crate::demo::options::Options;
use crate::demo::state::{AclEntry, Guest, INTERNET, Map, Neighbor, Node, Pool, Power, State, Storage, Subject, Volume, map};

/// Privileges of the prepared agent token's role.
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

/// The first VMID of the additional guests of a large site.
const ADDITIONAL: u32 = 1000;

pub(super) fn state(options: &Options, now: i64) -> State {
    let count = u32::try_from(options.nodes.unwrap_or(3).clamp(1, 32)).unwrap_or(3);
    let mut state = host(nodes::node(1, count > 1, now));
    for id in 2..=count {
        let node = nodes::node(id, true, now);
        state.nodes.insert(node.name.clone(), node);
    }
    state.cluster = (count > 1).then(|| "felhom-demo".to_owned());
    state.ha.master = count > 1;
    if count == 1 {
        let node = nodes::node(2, true, now);
        let node = Node { fingerprint: nodes::fingerprint(&node.name), ..node };
        let neighbor = Neighbor { cluster: "felhom-demo".into(), password: super::PASSWORD.into(), node };
        state.neighbors.insert(neighbor.node.ip.clone(), neighbor);
    }
    access(&mut state);
    storages(&mut state, now);
    guests::add(&mut state, count, now);
    resize(&mut state, options.guests, count, now);
    pools(&mut state);
    jobs(&mut state);
    archives::add(&mut state, now);
    history::add(&mut state, now);
    disks(&mut state);
    if state.cluster.is_some() {
        ceph::add(&mut state);
    }
    state
}

fn access(state: &mut State) {
    token(state, "root@pam!demo", false);
    user(state, "felhom@pve", json!({ "comment": "token owner for felhom" }));
    token(state, "felhom@pve!agent", true);
    user(state, "viewer@pve", json!({ "comment": "read-only access" }));
    token(state, "viewer@pve!tok", false);
    state.access.roles.insert("FelhomAgent".into(), AGENT.iter().map(|p| (*p).to_owned()).collect());
    let entry = |subject, role: &str| AclEntry { subject, role: role.into(), propagate: true };
    let entries = vec![
        entry(Subject::User("felhom@pve".into()), "FelhomAgent"),
        entry(Subject::Token("felhom@pve!agent".into()), "FelhomAgent"),
        entry(Subject::User("viewer@pve".into()), "PVEAuditor"),
    ];
    state.access.acl.insert("/".into(), entries);
}

fn storages(state: &mut State, now: i64) {
    let local = json!({ "type": "dir", "path": "/var/lib/vz", "content": "iso,vztmpl,backup,import,snippets" });
    storage(state, "local", local, 94 * GIB, 21 * GIB, false);
    let lvm = json!({ "type": "lvmthin", "vgname": "pve", "thinpool": "data", "content": "rootdir,images" });
    storage(state, "local-lvm", lvm, 800 * GIB, 210 * GIB, true);
    let zfs = json!({ "type": "zfspool", "pool": "tank/guests", "content": "rootdir,images", "sparse": 1, "mountpoint": "/tank/guests" });
    storage(state, "tank", zfs, 1_800 * GIB, 120 * GIB, true);
    let nas = json!({
        "type": "nfs", "server": "192.0.2.5", "export": "/tank/pve", "path": "/mnt/pve/nas", "content": "iso,vztmpl,backup,snippets",
        "prune-backups": "keep-daily=7,keep-weekly=4",
    });
    storage(state, "nas", nas, 7_200 * GIB, 2_950 * GIB, false);
    let pbs = json!({
        "type": "pbs", "server": "pbs.example.org", "datastore": "tank", "username": "pve@pbs!demo", "content": "backup",
        "prune-backups": "keep-all=1", "fingerprint": crate::demo::state::sha1_hex("pbs")[..32].to_uppercase(),
    });
    storage(state, "pbs", pbs, 11_000 * GIB, 4_100 * GIB, false);

    let templates = [
        "debian-13-standard_13.1-2_amd64.tar.zst",
        "debian-12-standard_12.12-1_amd64.tar.zst",
        "alpine-3.22-default_20250617_amd64.tar.xz",
    ];
    for (index, name) in templates.iter().enumerate() {
        let format = if name.ends_with("zst") { "tzst" } else { "txz" };
        let mut volume = Volume::new(format!("local:vztmpl/{name}"), "vztmpl", format, 126_000_000 - 40_000_000 * index as u64);
        volume.node = Some("pve1".into());
        volume.ctime = Some(now - 40 * 86_400);
        push(state, "local", volume);
    }
    let mut iso = Volume::new("nas:iso/debian-13.1.0-amd64-netinst.iso", "iso", "iso", 821_035_008);
    iso.ctime = Some(now - 41 * 86_400);
    push(state, "nas", iso);
}

fn push(state: &mut State, storage: &str, volume: Volume) {
    let known: Option<&mut Storage> = state.storages.get_mut(storage);
    if let Some(storage) = known {
        storage.volumes.push(volume);
    }
}

/// Adds or removes guests up to the requested number.
fn resize(state: &mut State, wanted: Option<usize>, nodes: u32, now: i64) {
    let Some(wanted) = wanted else { return };
    let surplus: Vec<u32> = state.guests.keys().copied().skip(wanted).collect();
    for vmid in surplus {
        state.guests.remove(&vmid);
        state.ha.resources.retain(|sid, _| !sid.ends_with(&format!(":{vmid}")));
        for storage in state.storages.values_mut() {
            storage.volumes.retain(|v| v.vmid != Some(vmid));
        }
    }
    let missing = u32::try_from(wanted.saturating_sub(state.guests.len())).unwrap_or(u32::MAX - ADDITIONAL);
    for vmid in ADDITIONAL..ADDITIONAL + missing {
        let tags = ["prod", "test", "dev"][vmid as usize % 3];
        let node = format!("pve{}", vmid % nodes + 1);
        let more = json!({ "tags": tags, "memory": 256 << (vmid % 4) });
        let mut ct: Guest = container(vmid, &node, &format!("ct{vmid}"), &format!("local-lvm:vm-{vmid}-disk-0,size=4G"), more);
        if vmid % 3 > 0 {
            ct.power = Power::Running;
            ct.started = Some(now - i64::from(vmid % 997) * 600);
        }
        guest(state, ct);
    }
}

/// Adds the volume group and thin pool of `local-lvm` and the ZFS pool of `tank` on every node.
fn disks(state: &mut State) {
    let nodes: Vec<String> = state.nodes.keys().cloned().collect();
    for node in nodes {
        let group = json!({ "size": 860 * GIB, "devices": ["/dev/nvme0n1p3"] });
        state.section_mut("volume-groups").insert(format!("{node}/pve"), map(group));
        let pool = json!({ "lv": "data", "vg": "pve", "size": 800 * GIB, "percent": 26 });
        state.section_mut("thin-pools").insert(format!("{node}/pve/data"), map(pool));
        let tank = json!({ "size": 1_800 * GIB, "percent": 7, "level": "single", "devices": ["/dev/sda"] });
        state.section_mut("zfs-pools").insert(format!("{node}/tank"), map(tank));
    }
}

fn pools(state: &mut State) {
    let mut pool = |id: &str, comment: &str, guests: &[u32]| {
        let guests = guests.iter().copied().filter(|id| state.guests.contains_key(id)).collect();
        state.pools.insert(id.into(), Pool { comment: comment.into(), guests, ..Pool::default() });
    };
    pool("production", "production guests", &[101, 102, 103, 104, 201]);
    pool("lab", "experiments", &[120, 203, 204]);
}

fn jobs(state: &mut State) {
    let nightly = json!({
        "schedule": "02:00", "storage": "nas", "mode": "snapshot", "compress": "zstd", "pool": "production", "enabled": 1,
        "notes-template": "{{guestname}}", "prune-backups": "keep-daily=7,keep-weekly=4", "type": "vzdump",
    });
    let weekly = json!({ "schedule": "sun 04:00", "storage": "pbs", "mode": "snapshot", "all": 1, "exclude": "900,9000", "enabled": 1, "type": "vzdump" });
    state.section_mut(INTERNET);
    // The index of container templates has been fetched.
    state.section_mut("aplinfo").insert("pve".into(), Map::new());
    let jobs = state.section_mut("backup");
    jobs.insert("nightly".into(), map(nightly));
    jobs.insert("weekly-pbs".into(), map(weekly));
}
