//! Ceph on the nodes of the demo site.

use serde_json::json;

use crate::demo::state::{Map, State, map};

const TIB: i64 = 1 << 40;
const GIB: i64 = 1 << 30;

/// Adds three monitors, two managers, two metadata servers, one OSD per node, four pools and a file system.
pub(super) fn add(state: &mut State) {
    let nodes: Vec<(String, String)> = state.nodes.values().map(|node| (node.name.clone(), node.ip.clone())).collect();
    let daemon = |node: &str, ip: &str, port: u32| map(json!({ "node": node, "addr": format!("{ip}:{port}/0"), "running": true }));
    for (at, (node, ip)) in nodes.iter().enumerate() {
        state.section_mut("ceph-installed").insert(node.clone(), Map::new());
        let osd = json!({ "node": node, "device": "/dev/sdb", "size": 4 * TIB, "percent": 23, "in": 1, "running": true, "class": "ssd" });
        state.section_mut("ceph-osd").insert(at.to_string(), map(osd));
        if at < 3 {
            state.section_mut("ceph-mon").insert(node.clone(), daemon(node, ip, 6789));
            state.section_mut("ceph-conf").insert(format!("mon.{node}"), map(json!({ "public_addr": ip })));
        }
        if at < 2 {
            state.section_mut("ceph-mgr").insert(node.clone(), daemon(node, ip, 0));
            state.section_mut("ceph-mds").insert(node.clone(), daemon(node, ip, 6801));
            state.section_mut("ceph-conf").insert(format!("mds.{node}"), map(json!({ "host": node })));
        }
    }
    let global = json!({
        "fsid": "5d1b0a8e-3f0c-4d7b-9a53-0f6b7c2e9d41", "auth_cluster_required": "cephx", "auth_service_required": "cephx",
        "auth_client_required": "cephx", "cluster_network": "192.0.2.0/24", "public_network": "192.0.2.0/24",
        "osd_pool_default_size": "3", "osd_pool_default_min_size": "2", "mon_allow_pool_delete": "true",
    });
    state.section_mut("ceph-conf").insert("global".into(), map(global));
    state.section_mut("ceph-conf").insert("client".into(), map(json!({ "keyring": "/etc/pve/priv/$cluster.$name.keyring" })));
    let pools = [
        (".mgr", "mgr", 1, GIB / 64),
        ("vms", "rbd", 128, 900 * GIB),
        ("cephfs_data", "cephfs", 64, 320 * GIB),
        ("cephfs_metadata", "cephfs", 32, 2 * GIB),
    ];
    for (number, (name, application, pgs, bytes)) in (1..).zip(pools) {
        let pool = json!({
            "pool": number, "type": "replicated", "size": 3, "min_size": 2, "pg_num": pgs, "crush_rule": 0, "pg_autoscale_mode": "on",
            "application": application, "bytes_used": bytes,
        });
        state.section_mut("ceph-pool").insert(name.into(), map(pool));
    }
    let filesystem = json!({ "data_pool": "cephfs_data", "metadata_pool": "cephfs_metadata" });
    state.section_mut("ceph-fs").insert("cephfs".into(), map(filesystem));
}
