//! Health and metadata of the cluster, its log, and checks before a daemon is stopped.

use serde_json::{Value, json};

use super::daemons::{self, Kind};
use super::osd::osds;
use super::pools::capacity;
use super::{CONF, FILESYSTEM, FLAG, INSTALLED, LONG_VERSION, POOL, VERSION, is_running, number, ready, text};
use crate::demo::api::{Answer, Reply, Req, Route};
use crate::demo::state::{Map, State, map};

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/cluster/ceph/status", status),
    ("GET", "/nodes/{node}/ceph/status", status),
    ("GET", "/cluster/ceph/metadata", metadata),
    ("GET", "/nodes/{node}/ceph/log", log),
    ("GET", "/nodes/{node}/ceph/cmd-safety", safety),
];

/// The checks that are not OK: name, severity, message.
fn checks(state: &State) -> Vec<(&'static str, &'static str, String)> {
    let mut found = Vec::new();
    let flags: Vec<&str> = state.section(FLAG).map(|(flag, _)| flag.as_str()).collect();
    if !flags.is_empty() {
        found.push(("OSDMAP_FLAGS", "HEALTH_WARN", format!("{} flag(s) set", flags.join(","))));
    }
    let down = osds(state).iter().filter(|(_, osd)| !is_running(osd) && number(osd, "in") == 1).count();
    if down > 0 {
        found.push(("OSD_DOWN", "HEALTH_WARN", format!("{down} osds down")));
        found.push(("PG_DEGRADED", "HEALTH_WARN", "Degraded data redundancy: 97 pgs degraded".to_owned()));
    }
    let mons = state.section(Kind::Mon.section()).count();
    let up = daemons::running(state, Kind::Mon).len();
    if up < mons {
        found.push((
            "MON_DOWN",
            "HEALTH_WARN",
            format!("{}/{mons} mons down, quorum {}", mons - up, daemons::running(state, Kind::Mon).join(",")),
        ));
    }
    if daemons::running(state, Kind::Mgr).is_empty() {
        found.push(("MGR_DOWN", "HEALTH_WARN", "no active mgr".to_owned()));
    }
    let served = daemons::running(state, Kind::Mds).len();
    let filesystems = state.section(FILESYSTEM).count();
    if served < filesystems {
        found.push(("MDS_ALL_DOWN", "HEALTH_ERR", format!("{} filesystem is offline", filesystems - served)));
    }
    found
}

fn health(state: &State) -> Value {
    let found = checks(state);
    let worst = if found.iter().any(|(_, severity, _)| *severity == "HEALTH_ERR") {
        "HEALTH_ERR"
    } else if found.is_empty() {
        "HEALTH_OK"
    } else {
        "HEALTH_WARN"
    };
    let check = |severity: &str, message: &str| json!({ "severity": severity, "summary": { "message": message, "count": 1 }, "detail": [{ "message": message }], "muted": false });
    let checks: Map = found.iter().map(|(name, severity, message)| ((*name).to_owned(), check(severity, message))).collect();
    json!({ "status": worst, "checks": checks, "mutes": [] })
}

fn monitors(state: &State) -> Vec<Value> {
    let mons = state.section(Kind::Mon.section());
    let row = |(rank, (name, mon)): (usize, (&String, &Map))| json!({ "name": name, "rank": rank, "addr": text(mon, "addr"), "public_addr": text(mon, "addr"), "priority": 0, "weight": 0 });
    mons.enumerate().map(row).collect()
}

fn filesystem_map(state: &State) -> Value {
    let serving = daemons::running(state, Kind::Mds).into_iter().filter_map(|name| Some((name, daemons::served(state, name)?)));
    let by_rank: Vec<Value> =
        serving.map(|(name, fs)| json!({ "filesystem_id": 1, "rank": 0, "name": name, "status": "up:active", "fs": fs })).collect();
    let standby = daemons::running(state, Kind::Mds).len() - by_rank.len();
    let count = state.section(FILESYSTEM).count();
    json!({ "epoch": 12, "id": 1, "up": by_rank.len(), "in": count, "max": count, "by_rank": by_rank, "up:standby": standby })
}

fn status(req: &mut Req<'_>) -> Answer {
    ready(req)?;
    let state = &req.state;
    let (total, used) = capacity(state);
    let all = osds(state);
    let count = |wanted: &dyn Fn(&Map) -> bool| all.iter().filter(|(_, osd)| wanted(osd)).count();
    let pgs: i64 = state.section(POOL).map(|(_, pool)| number(pool, "pg_num")).sum();
    let data: i64 = state.section(POOL).map(|(_, pool)| number(pool, "bytes_used") / 3).sum();
    let (quorum, managers) = (daemons::running(state, Kind::Mon), daemons::running(state, Kind::Mgr));
    let standbys: Vec<Value> = managers.iter().skip(1).map(|name| json!({ "name": name })).collect();
    let clean = if checks(state).iter().any(|(name, ..)| *name == "PG_DEGRADED") { "active+undersized+degraded" } else { "active+clean" };
    Ok(json!({
        "fsid": text(state.sections.get(CONF).and_then(|conf| conf.get("global")).unwrap_or(&Map::new()), "fsid"),
        "health": health(state), "election_epoch": 42, "quorum": (0..quorum.len()).collect::<Vec<_>>(), "quorum_names": quorum,
        "quorum_age": 864_000,
        "monmap": { "epoch": 3, "min_mon_release_name": "squid", "num_mons": monitors(state).len(), "mons": monitors(state) },
        "mgrmap": {
            "available": !managers.is_empty(), "active_name": managers.first(), "num_standbys": standbys.len(), "standbys": standbys,
            "modules": ["iostat", "nfs"], "services": {},
        },
        "osdmap": {
            "epoch": 512, "num_osds": all.len(), "num_up_osds": count(&is_running), "num_in_osds": count(&|osd| number(osd, "in") == 1),
            "num_remapped_pgs": 0, "osd_up_since": req.now() - 864_000, "osd_in_since": req.now() - 8_640_000,
        },
        "pgmap": {
            "pgs_by_state": [{ "state_name": clean, "count": pgs }], "num_pgs": pgs, "num_pools": state.section(POOL).count(),
            "num_objects": data / (4 << 20), "data_bytes": data, "bytes_used": used, "bytes_avail": total - used, "bytes_total": total,
            "read_bytes_sec": 1_310_720, "write_bytes_sec": 2_621_440, "read_op_per_sec": 41, "write_op_per_sec": 63,
        },
        "fsmap": filesystem_map(state), "servicemap": { "epoch": 7, "modified": "2026-11-01T06:00:00.000000+0100", "services": {} },
        "progress_events": {},
    })
    .into())
}

fn metadata(req: &mut Req<'_>) -> Answer {
    let state = &req.state;
    let parts: Vec<&str> = VERSION.split('-').next().unwrap_or_default().split('.').collect();
    let version = json!({ "buildcommit": "7b4e5a1f0d6c4a9e8c2b7f3d1e0a9b8c7d6e5f40", "version": { "str": VERSION, "parts": parts } });
    let nodes: Map = state.section(INSTALLED).map(|(node, _)| (node.clone(), version.clone())).collect();
    let mut data = json!({ "node": nodes });
    if req.params.get("scope") == Some("versions") {
        return Ok(data.into());
    }
    ready(req)?;
    let common = |daemon: &Map| {
        map(json!({
            "hostname": text(daemon, "node"), "ceph_release": "squid", "ceph_version": LONG_VERSION, "ceph_version_short": VERSION,
            "mem_total_kb": 65_536_000, "mem_swap_kb": 8_388_608,
        }))
    };
    for kind in Kind::ALL {
        let rows = state.section(kind.section()).map(|(name, daemon)| {
            let mut row = common(daemon);
            let address = if kind == Kind::Mon { "addrs" } else { "addr" };
            row.extend(map(json!({ "name": name, address: text(daemon, "addr"), "service": 1, "direxists": 1 })));
            (format!("{name}@{}", text(daemon, "node")), Value::Object(row))
        });
        data[kind.word()] = Value::Object(rows.collect());
    }
    let rows = osds(state).into_iter().map(|(id, osd)| {
        let mut row = common(osd);
        let device = text(osd, "device").trim_start_matches("/dev/");
        let ip = &state.nodes[text(osd, "node")].ip;
        row.extend(map(json!({
            "id": id, "front_addr": format!("[v2:{ip}:{}/0]", 6800 + 8 * id), "back_addr": format!("[v2:{ip}:{}/0]", 6802 + 8 * id),
            "devices": device, "device_ids": format!("{device}=S4CKNX0T{id:06}"), "device_paths": format!("{device}=/dev/disk/by-path/pci-0000:00:1f.2-ata-2"),
            "osd_data": format!("/var/lib/ceph/osd/ceph-{id}"), "osd_objectstore": "bluestore",
        })));
        Value::Object(row)
    });
    data["osd"] = rows.collect();
    Ok(data.into())
}

fn log(req: &mut Req<'_>) -> Answer {
    ready(req)?;
    let mons = daemons::running(req.state, Kind::Mon);
    let leader = mons.first().copied().unwrap_or("pve1");
    let mut lines = vec![
        format!(
            "2026-11-20T06:00:01.104512+0100 mon.{leader} (mon.0) 1 : cluster [INF] mon.{leader} is new leader, mons {} in quorum",
            mons.join(",")
        ),
        format!("2026-11-20T06:00:02.220871+0100 mon.{leader} (mon.0) 2 : cluster [INF] overall HEALTH_OK"),
        format!("2026-11-20T06:00:03.004417+0100 mgr.{leader} (mgr.14108) 1 : cluster [DBG] pgmap v1: active+clean"),
    ];
    for (number, (name, severity, message)) in checks(req.state).into_iter().enumerate() {
        let word = if severity == "HEALTH_ERR" { "ERR" } else { "WRN" };
        lines.push(format!(
            "2026-11-20T07:00:0{number}.000000+0100 mon.{leader} (mon.0) {} : cluster [{word}] Health check failed: {message} ({name})",
            number + 3
        ));
    }
    let skip = usize::try_from(req.params.int("start").unwrap_or(0)).unwrap_or(0);
    let limit = usize::try_from(req.params.int("limit").unwrap_or(50)).unwrap_or(50);
    let rows = lines.iter().enumerate().skip(skip).take(limit).map(|(at, text)| json!({ "n": at + 1, "t": text }));
    Ok(Reply::page(rows.collect(), lines.len()))
}

fn safety(req: &mut Req<'_>) -> Answer {
    ready(req)?;
    let (safe, status) = super::services::is_safe(req)?;
    Ok(json!({ "safe": safe, "status": status }).into())
}
