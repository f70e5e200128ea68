//! Node list and status.

use serde_json::{Value, json};

use super::the_node;
use crate::demo::api::cluster::node_row;
use crate::demo::api::{Answer, Req, Route};

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/nodes", list),
    ("GET", "/nodes/{node}/status", status),
    ("GET", "/nodes/{node}/version", version),
    ("GET", "/nodes/{node}/netstat", netstat),
];

fn list(req: &mut Req<'_>) -> Answer {
    let rows = req.state.nodes.values().map(|node| {
        let mut row = node_row(node, req.now(), req.may(&format!("/nodes/{}", node.name), &["Sys.Audit"]));
        row["ssl_fingerprint"] = node.fingerprint.clone().into();
        row
    });
    Ok(rows.collect::<Value>().into())
}

fn version(_: &mut Req<'_>) -> Answer {
    Ok(json!({ "release": "9.2", "repoid": "14a22df35955d97d", "version": "9.2.11" }).into())
}

const KERNEL: &str = "6.17.2-1-pve";
const BUILD: &str = "#1 SMP PREEMPT_DYNAMIC PMX 6.17.2-1 (2026-10-21T11:55Z)";

fn status(req: &mut Req<'_>) -> Answer {
    let node = the_node(req);
    let (cpu, used) = node.usage(req.now());
    let load = |share: f64| format!("{:.2}", cpu * f64::from(node.cpus) * share);
    let disk = node.disk_used();
    Ok(json!({
        "uptime": node.uptime(req.now()), "cpu": cpu, "wait": 0, "idle": 0, "loadavg": [load(1.1), load(1.0), load(0.9)],
        "pveversion": "pve-manager/9.2.11/14a22df35955d97d",
        "kversion": format!("Linux {KERNEL} {BUILD}"),
        "current-kernel": { "sysname": "Linux", "release": KERNEL, "version": BUILD, "machine": "x86_64" },
        "boot-info": { "mode": "legacy-bios" },
        "cpuinfo": {
            "model": "AMD EPYC 7313P 16-Core Processor", "vendor": "AuthenticAMD", "family": "25", "sockets": 1, "cores": node.cpus,
            "cpus": node.cpus, "mhz": "2994.375", "user_hz": 100, "hvm": "1", "flags": "fpu vme de pse tsc msr pae mce cx8 apic sep svm lm",
        },
        "memory": { "total": node.memory, "used": used, "free": node.memory - used, "available": node.memory - used },
        "swap": { "total": 8_589_930_496_u64, "used": 0, "free": 8_589_930_496_u64 },
        "rootfs": { "total": node.disk, "used": disk, "free": node.disk - disk, "avail": (node.disk - disk) / 10 * 9 },
        "ksm": { "shared": 0 },
    })
    .into())
}

fn netstat(req: &mut Req<'_>) -> Answer {
    let (name, now) = (the_node(req).name.clone(), req.now());
    let running = req.state.guests.values().filter(|g| g.node == name && g.power.is_on());
    let rows = running.map(|g| {
        let figures = g.figures(now);
        json!({ "vmid": g.vmid.to_string(), "dev": "net0", "in": figures.netout.to_string(), "out": figures.netin.to_string() })
    });
    Ok(rows.collect::<Value>().into())
}
