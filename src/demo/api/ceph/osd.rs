//! OSDs: the tree, metadata, volumes, in, out, scrub.

use serde_json::{Value, json};

use super::{FLAG, LONG_VERSION, OSD, VERSION, is_running, node, number, ready, section, text};
use crate::demo::api::{Answer, Refusal, Reply, Req, Route};
use crate::demo::state::{Map, State, map, sha1_hex};

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/nodes/{node}/ceph/osd", tree),
    ("GET", "/nodes/{node}/ceph/osd/{osdid}", |_| Ok(json!([{ "name": "metadata" }, { "name": "lv-info" }]).into())),
    ("GET", "/nodes/{node}/ceph/osd/{osdid}/metadata", metadata),
    ("GET", "/nodes/{node}/ceph/osd/{osdid}/lv-info", volume),
    ("POST", "/nodes/{node}/ceph/osd/{osdid}/in", |req| set_in(req, 1)),
    ("POST", "/nodes/{node}/ceph/osd/{osdid}/out", |req| set_in(req, 0)),
    ("POST", "/nodes/{node}/ceph/osd/{osdid}/scrub", scrub),
];

/// The OSDs by number.
pub(super) fn osds(state: &State) -> Vec<(i64, &Map)> {
    let mut all: Vec<(i64, &Map)> = state.section(OSD).filter_map(|(id, osd)| Some((id.parse().ok()?, osd))).collect();
    all.sort_by_key(|(id, _)| *id);
    all
}

/// Bytes in use on an OSD.
pub(super) fn used(osd: &Map) -> i64 {
    number(osd, "size") / 100 * number(osd, "percent")
}

pub(super) fn the_osd<'a>(req: &'a Req<'_>) -> Result<&'a Map, Refusal> {
    let id = req.params.text("osdid");
    section(req.state, OSD, id).ok_or_else(|| Refusal::die(format!("no such OSD '{id}'")))
}

fn tree(req: &mut Req<'_>) -> Answer {
    ready(req)?;
    let state = &req.state;
    let hosts: Vec<Value> = (1..).zip(state.nodes.keys()).map(|(number, host)| host_row(state, number, host)).collect();
    let root = json!({ "id": "-1", "name": "default", "type": "root", "leaf": 0, "children": hosts });
    let mut tree = json!({ "root": { "leaf": 0, "children": [root] } });
    let flags: Vec<&str> = state.section(FLAG).map(|(flag, _)| flag.as_str()).collect();
    tree["flags"] = ["sortbitwise", "recovery_deletes", "purged_snapdirs", "pglog_hardlimit"]
        .into_iter()
        .chain(flags)
        .collect::<Vec<_>>()
        .join(",")
        .into();
    Ok(tree.into())
}

fn host_row(state: &State, number: i64, host: &str) -> Value {
    let mine: Vec<Value> =
        osds(state).into_iter().filter(|(_, osd)| text(osd, "node") == host).map(|(id, osd)| row(id, osd, host)).collect();
    json!({ "id": (-1 - 2 * number).to_string(), "name": host, "type": "host", "version": VERSION, "leaf": 0, "children": mine })
}

fn row(id: i64, osd: &Map, host: &str) -> Value {
    let (up, percent) = (is_running(osd), number(osd, "percent"));
    json!({
        "id": id.to_string(), "name": format!("osd.{id}"), "type": "osd", "leaf": 1, "host": host,
        "status": if up { "up" } else { "down" }, "in": number(osd, "in"), "reweight": number(osd, "in"),
        "crush_weight": number(osd, "size") as f64 / 1_099_511_627_776.0, "device_class": text(osd, "class"), "pgs": 97 + id,
        "total_space": number(osd, "size"), "bytes_used": used(osd), "percent_used": percent,
        "commit_latency_ms": if up { 3 } else { 0 }, "apply_latency_ms": if up { 3 } else { 0 },
        "osdtype": "bluestore", "blfsdev": text(osd, "device"), "dbdev": osd.get("db"), "waldev": osd.get("wal"),
        "ceph_version": LONG_VERSION, "ceph_version_short": VERSION,
    })
}

/// The OSD of the path, which the node of the path has.
fn local_osd<'a>(req: &'a Req<'_>) -> Result<&'a Map, Refusal> {
    let osd = the_osd(req)?;
    let (id, node) = (req.params.text("osdid"), node(req));
    if text(osd, "node") == node { Ok(osd) } else { Err(Refusal::die(format!("OSD '{id}' does not exists on host '{node}'"))) }
}

fn metadata(req: &mut Req<'_>) -> Answer {
    ready(req)?;
    let osd = local_osd(req)?;
    let id: i64 = req.params.int("osdid").unwrap_or(0);
    let ip = &req.state.nodes[text(osd, "node")].ip;
    let address = |port: i64| format!("[v2:{ip}:{}/0,v1:{ip}:{}/0]", 6800 + 8 * id + port, 6801 + 8 * id + port);
    let mut data = map(json!({
        "hostname": text(osd, "node"), "id": id, "mem_usage": 1_181_116_006, "osd_data": format!("/var/lib/ceph/osd/ceph-{id}"),
        "osd_objectstore": "bluestore", "version": format!("{VERSION} (squid)"), "front_addr": address(0), "back_addr": address(2),
        "hb_front_addr": address(4), "hb_back_addr": address(6), "encrypted": osd.get("encrypted").cloned().unwrap_or_else(|| 0.into()),
    }));
    if is_running(osd) {
        data.insert("pid".into(), (4_200 + id).into());
    }
    let device = |key: &str, name: &str| {
        let path = osd.get(key)?.as_str()?;
        let kind = if text(osd, "class") == "hdd" { "hdd" } else { "ssd" };
        Some(json!({
            "dev_node": format!("/dev/dm-{id}"), "physical_device": path.trim_start_matches("/dev/"), "size": number(osd, "size"),
            "support_discard": kind == "ssd", "type": kind, "device": name,
        }))
    };
    let devices: Vec<Value> =
        [("device", "block"), ("db", "db"), ("wal", "wal")].into_iter().filter_map(|(key, name)| device(key, name)).collect();
    Ok(json!({ "osd": data, "devices": devices }).into())
}

fn volume(req: &mut Req<'_>) -> Answer {
    ready(req)?;
    let (id, kind, node) = (req.params.text("osdid"), req.params.get("type").unwrap_or("block"), node(req));
    let known = section(req.state, OSD, id).filter(|osd| text(osd, "node") == node);
    let Some(osd) = known else {
        return Err(Refusal::die(format!("OSD '{id}' not found in 'ceph-volume lvm list' on node '{node}'.")));
    };
    if kind != "block" && !osd.contains_key(kind) {
        return Err(Refusal::die(format!("volume type '{kind}' not found for OSD {id}")));
    }
    let hash = sha1_hex(&format!("osd {id} {kind}"));
    let uuid = format!("{}-{}-{}-{}-{}", &hash[..8], &hash[8..12], &hash[12..16], &hash[16..20], &hash[20..32]);
    let (group, name) = (format!("ceph-{uuid}"), format!("osd-{kind}-{uuid}"));
    Ok(json!({
        "creation_time": "2026-09-01 10:00:00 +0200", "lv_name": name, "lv_path": format!("/dev/{group}/{name}"),
        "lv_size": number(osd, "size"), "lv_uuid": uuid, "vg_name": group,
    })
    .into())
}

fn set_in(req: &mut Req<'_>, value: i64) -> Answer {
    ready(req)?;
    let mut osd = the_osd(req)?.clone();
    osd.insert("in".into(), value.into());
    let id = req.params.text("osdid").to_owned();
    req.state.section_mut(OSD).insert(id, osd);
    Ok(Reply::null())
}

fn scrub(req: &mut Req<'_>) -> Answer {
    ready(req)?;
    the_osd(req)?;
    Ok(Reply::null())
}
