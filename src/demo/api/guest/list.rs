//! Lists and status of guests.

use serde_json::{Value, json};

use super::{kind, the_guest};
use crate::demo::api::{Answer, Req, Route};
use crate::demo::state::{Guest, GuestKind, Power, State};

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/nodes/{node}/lxc", list_lxc),
    ("GET", "/nodes/{node}/qemu", list_qemu),
    ("GET", "/nodes/{node}/lxc/{vmid}", index_lxc),
    ("GET", "/nodes/{node}/qemu/{vmid}", index_qemu),
    ("GET", "/nodes/{node}/lxc/{vmid}/status", status_index),
    ("GET", "/nodes/{node}/qemu/{vmid}/status", status_index),
    ("GET", "/nodes/{node}/lxc/{vmid}/status/current", current),
    ("GET", "/nodes/{node}/qemu/{vmid}/status/current", current),
];

const INDEX_LXC: [&str; 15] = [
    "config",
    "pending",
    "status",
    "vncproxy",
    "termproxy",
    "vncwebsocket",
    "spiceproxy",
    "migrate",
    "clone",
    "rrd",
    "rrddata",
    "firewall",
    "snapshot",
    "resize",
    "interfaces",
];
const INDEX_QEMU: [&str; 20] = [
    "config",
    "cloudinit",
    "pending",
    "status",
    "unlink",
    "vncproxy",
    "termproxy",
    "migrate",
    "resize",
    "move",
    "rrd",
    "rrddata",
    "monitor",
    "agent",
    "snapshot",
    "spiceproxy",
    "sendkey",
    "firewall",
    "mtunnel",
    "remote_migrate",
];

fn subdirs(names: &[&str]) -> Answer {
    Ok(names.iter().map(|name| json!({ "subdir": name })).collect::<Vec<Value>>().into_iter().collect::<Value>().into())
}

fn index_lxc(_: &mut Req<'_>) -> Answer {
    subdirs(&INDEX_LXC)
}

fn index_qemu(_: &mut Req<'_>) -> Answer {
    subdirs(&INDEX_QEMU)
}

fn status_index(req: &mut Req<'_>) -> Answer {
    match kind(req) {
        GuestKind::Lxc => subdirs(&["current", "start", "stop", "shutdown", "reboot", "migrate"]),
        GuestKind::Qemu => subdirs(&["current", "start", "stop", "reset", "shutdown", "suspend", "reboot"]),
    }
}

fn list_lxc(req: &mut Req<'_>) -> Answer {
    list(req, GuestKind::Lxc)
}

fn list_qemu(req: &mut Req<'_>) -> Answer {
    list(req, GuestKind::Qemu)
}

fn list(req: &mut Req<'_>, kind: GuestKind) -> Answer {
    let (node, now) = (req.node(), req.now());
    let full = req.params.flag("full");
    let guests = req.state.guests.values().filter(|guest| guest.kind == kind && guest.node == node);
    let audit = req.on_guests(&["VM.Audit"]);
    let rows = guests.filter(|guest| audit.may(guest.vmid)).map(|guest| row(guest, now, full));
    Ok(Value::Array(rows.collect()).into())
}

fn share(of: u64, share: f64) -> u64 {
    (of as f64 * share) as u64
}

/// Returns a share; whole numbers have no fraction, as in Perl.
fn fraction(value: f64) -> Value {
    if value == 0.0 { 0.into() } else { json!(value) }
}

/// Returns a guest as in lists.
fn row(guest: &Guest, now: i64, full: bool) -> Value {
    let on = guest.power.is_on();
    let load = if on { guest.load } else { Default::default() };
    let up = u64::try_from(guest.uptime(now)).unwrap_or(0);
    let (memory, disk) = (share(guest.max_memory(), load.memory), share(guest.max_disk(), load.disk));
    let mut row = json!({
        "vmid": guest.vmid, "name": guest.name(), "status": if on { "running" } else { "stopped" }, "uptime": up,
        "cpus": guest.cpus(), "cpu": fraction(load.cpu), "maxmem": guest.max_memory(), "mem": memory, "maxdisk": guest.max_disk(),
        "netin": load.net_in * up, "netout": load.net_out * up,
    });
    match guest.kind {
        GuestKind::Lxc => {
            row["type"] = "lxc".into();
            row["disk"] = disk.into();
            row["maxswap"] = guest.max_swap().into();
            row["swap"] = 0.into();
            row["diskread"] = (load.disk_read * up).into();
            row["diskwrite"] = (load.disk_write * up).into();
        }
        GuestKind::Qemu => {
            row["disk"] = 0.into();
            row["memhost"] = memory.into();
        }
    }
    if on {
        row["pid"] = (guest.vmid * 10 + 7).into();
        for kind in ["cpusome", "cpufull", "iosome", "iofull", "memorysome", "memoryfull"] {
            row[format!("pressure{kind}")] = if guest.kind == GuestKind::Lxc { "0.00".into() } else { 0.into() };
        }
        if full && guest.kind == GuestKind::Qemu {
            row["qmpstatus"] = qmp(guest.power).into();
        }
    }
    for key in ["lock", "tags"] {
        if let Some(value) = guest.config.get(key) {
            row[key] = value.clone();
        }
    }
    if guest.is_template() {
        row["template"] = 1.into();
    }
    row
}

fn qmp(power: Power) -> &'static str {
    match power {
        Power::Running => "running",
        Power::Paused => "paused",
        Power::Stopped | Power::Suspended => "stopped",
    }
}

fn current(req: &mut Req<'_>) -> Answer {
    let guest = the_guest(req)?;
    let now = req.now();
    let mut row = row(&guest, now, true);
    row["ha"] = ha(req.state, &guest);
    if guest.kind == GuestKind::Qemu {
        row["qmpstatus"] = qmp(guest.power).into();
        if guest.power.is_on() {
            let mut nics = json!({});
            for key in guest.config.keys().filter(|key| super::disks::is_net(key)) {
                nics[format!("tap{}i{}", guest.vmid, &key[3..])] = json!({ "netin": row["netin"], "netout": row["netout"] });
            }
            row["nics"] = nics;
        }
        if guest.text("agent").is_some_and(|agent| agent.starts_with('1') || agent.contains("enabled=1")) {
            row["agent"] = 1.into();
        }
        if guest.text("vga").is_some() {
            row["clipboard"] = Value::Null;
        }
        if guest.config.keys().any(|key| key.starts_with("serial")) {
            row["serial"] = 1.into();
        }
        if guest.number("spice").is_some() {
            row["spice"] = 1.into();
        }
    }
    Ok(row.into())
}

fn ha(state: &State, guest: &Guest) -> Value {
    match state.ha_of(guest.vmid) {
        Some(settings) => {
            let state = settings.get("state").cloned().unwrap_or_else(|| "started".into());
            json!({ "managed": 1, "state": state })
        }
        None => json!({ "managed": 0 }),
    }
}
