//! RRD data, computed from the same figures as the lists.

use serde_json::{Value, json};

use super::the_node;
use crate::demo::api::{Answer, Refusal, Req, Route};
use crate::demo::state::GuestKind;

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/nodes/{node}/rrddata", node),
    ("GET", "/nodes/{node}/storage/{storage}/rrddata", storage),
    ("GET", "/nodes/{node}/lxc/{vmid}/rrddata", guest),
    ("GET", "/nodes/{node}/qemu/{vmid}/rrddata", guest),
    ("GET", "/nodes/{node}/rrd", image),
    ("GET", "/nodes/{node}/storage/{storage}/rrd", image),
    ("GET", "/nodes/{node}/lxc/{vmid}/rrd", image),
    ("GET", "/nodes/{node}/qemu/{vmid}/rrd", image),
];

/// Returns the times of a chart.
fn moments(req: &Req<'_>) -> impl Iterator<Item = i64> + use<> {
    let (step, count) = match req.params.get("timeframe") {
        Some("day") => (1800, 48),
        Some("week") => (10_800, 56),
        Some("month") => (43_200, 60),
        Some("year") => (604_800, 52),
        Some("decade") => (604_800, 520),
        _ => (60, 60),
    };
    let last = req.now() / step * step;
    (0..count).rev().map(move |i| last - i * step)
}

/// Returns the file name of a chart image.
fn image(req: &mut Req<'_>) -> Answer {
    let node = &the_node(req).name;
    let file = match (req.params.get("vmid"), req.params.get("storage")) {
        (Some(vmid), _) => format!("pve-vm-9.0/{vmid}"),
        (None, Some(storage)) => format!("pve-storage-9.0/{node}/{storage}"),
        (None, None) => format!("pve-node-9.0/{node}"),
    };
    let sources = req.params.list("ds").join("-");
    Ok(json!({ "filename": format!("/var/lib/rrdcached/db/{file}_{sources}.png") }).into())
}

fn node(req: &mut Req<'_>) -> Answer {
    let node = the_node(req);
    let rows = moments(req).map(|at| {
        if at < node.booted {
            return json!({ "time": at });
        }
        let (cpu, mem) = node.usage(at);
        json!({
            "time": at, "cpu": cpu, "maxcpu": node.cpus, "iowait": 0.001, "loadavg": cpu * f64::from(node.cpus), "memtotal": node.memory,
            "memused": mem, "memavailable": node.memory - mem, "swaptotal": 0, "swapused": 0, "roottotal": node.disk,
            "rootused": node.disk_used(), "netin": 21_000.0 * (1.0 + cpu), "netout": 18_000.0 * (1.0 + cpu),
        })
    });
    Ok(rows.collect::<Value>().into())
}

fn storage(req: &mut Req<'_>) -> Answer {
    let id = req.params.text("storage");
    let storage = req.state.storages.get(id).ok_or_else(|| Refusal::die(format!("storage '{id}' does not exist")))?;
    let born = the_node(req).booted;
    let rows = moments(req)
        .map(|at| if at < born { json!({ "time": at }) } else { json!({ "time": at, "total": storage.total, "used": storage.used }) });
    Ok(rows.collect::<Value>().into())
}

fn guest(req: &mut Req<'_>) -> Answer {
    let kind = if req.template.contains("/lxc/") { GuestKind::Lxc } else { GuestKind::Qemu };
    let (guest, born) = (req.guest(kind)?, the_node(req).booted);
    let rows = moments(req).map(|at| {
        if guest.started.is_none_or(|started| at < started) {
            // Stopped guests have limits only.
            let limits =
                json!({ "time": at, "maxcpu": guest.cpus(), "maxmem": guest.max_memory(), "maxdisk": guest.max_disk(), "disk": 0 });
            return if at < born { json!({ "time": at }) } else { limits };
        }
        let f = guest.figures(at);
        json!({
            "time": at, "cpu": f.cpu, "maxcpu": guest.cpus(), "mem": f.mem, "maxmem": guest.max_memory(), "disk": f.disk,
            "maxdisk": guest.max_disk(), "netin": guest.load.net_in, "netout": guest.load.net_out, "diskread": guest.load.disk_read,
            "diskwrite": guest.load.disk_write,
        })
    });
    Ok(rows.collect::<Value>().into())
}
