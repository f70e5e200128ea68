//! Interfaces of containers and the guest agent of VMs.

use serde_json::{Value, json};

use super::{disks, random};
use crate::api::schema::property;
use crate::demo::api::{Answer, Refusal, Reply, Req, Route};
use crate::demo::state::{Guest, GuestKind, Power};

macro_rules! agent {
    ($($method:literal $name:literal => $handler:ident),* $(,)?) => {
        &[$(($method, concat!("/nodes/{node}/qemu/{vmid}/agent/", $name), $handler)),*]
    };
}

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/nodes/{node}/lxc/{vmid}/interfaces", interfaces),
    ("GET", "/nodes/{node}/qemu/{vmid}/agent", index),
    ("POST", "/nodes/{node}/qemu/{vmid}/agent", by_name),
];

/// Routes of the agent commands.
pub(super) const COMMANDS: &[Route] = agent![
    "POST" "ping" => plain, "GET" "info" => plain, "GET" "get-time" => plain, "POST" "fsfreeze-status" => plain,
    "POST" "fsfreeze-freeze" => plain, "POST" "fsfreeze-thaw" => plain, "POST" "fstrim" => plain,
    "GET" "network-get-interfaces" => plain, "GET" "get-vcpus" => plain, "GET" "get-fsinfo" => plain, "GET" "get-memory-blocks" => plain,
    "GET" "get-memory-block-info" => plain, "GET" "get-host-name" => plain, "GET" "get-osinfo" => plain, "GET" "get-users" => plain,
    "GET" "get-timezone" => plain, "POST" "shutdown" => power, "POST" "suspend-ram" => power, "POST" "suspend-disk" => power,
    "POST" "suspend-hybrid" => power, "POST" "set-user-password" => plain, "POST" "exec" => exec, "GET" "exec-status" => exec_status,
    "GET" "file-read" => file_read, "POST" "file-write" => file_write,
];

/// Returns the addresses of a network device: the configured one, or one as from DHCP.
fn addresses(guest: &Guest, ip: &str, mac: &str, position: u32) -> Vec<(String, u8)> {
    let mut found = Vec::new();
    match ip.split_once('/') {
        Some((address, bits)) => found.push((address.to_owned(), bits.parse().unwrap_or(24))),
        None if ip == "dhcp" || guest.kind == GuestKind::Qemu => {
            found.push((format!("192.168.{}.{}", 1 + position, guest.vmid % 200 + 20), 24));
        }
        None => {}
    }
    found.push((link_local(mac), 64));
    found
}

/// Returns the link-local address of a MAC address.
fn link_local(mac: &str) -> String {
    let bytes: Vec<u16> = mac.split(':').filter_map(|part| u16::from_str_radix(part, 16).ok()).collect();
    let [a, b, c, d, e, f] = bytes[..] else { return "fe80::1".to_owned() };
    format!("fe80::{:x}:{:x}:{:x}:{:x}", (a ^ 2) << 8 | b, c << 8 | 0xff, 0xfe00 | d, e << 8 | f)
}

/// Returns the network devices: name, MAC address and IP setting.
fn nets(guest: &Guest) -> Vec<(String, String, String)> {
    let mut found: Vec<(u32, (String, String, String))> = Vec::new();
    for (key, value) in guest.config.iter().filter(|(key, _)| disks::is_net(key)) {
        let number: u32 = key[3..].parse().unwrap_or(0);
        let Some(fields) = disks::fields_of(guest.kind, key) else { continue };
        let parts = property::split(fields, value.as_str().unwrap_or("")).unwrap_or_default();
        let get = |name: &str| parts.get(name).and_then(Value::as_str).unwrap_or("").to_owned();
        let entry = match guest.kind {
            GuestKind::Lxc => (get("name"), get("hwaddr"), get("ip")),
            GuestKind::Qemu => (format!("ens{}", 18 + number), get("macaddr"), "dhcp".to_owned()),
        };
        found.push((number, entry));
    }
    found.sort_by_key(|(number, _)| *number);
    found.into_iter().map(|(_, entry)| entry).collect()
}

fn is_v6(address: &str) -> bool {
    address.contains(':')
}

fn interfaces(req: &mut Req<'_>) -> Answer {
    let guest = req.guest(GuestKind::Lxc)?.clone();
    if !guest.power.is_on() {
        return Ok(Reply::null());
    }
    let mut rows = vec![interface("lo", "00:00:00:00:00:00", &[("127.0.0.1".to_owned(), 8), ("::1".to_owned(), 128)])];
    for (position, (name, mac, ip)) in (0u32..).zip(nets(&guest)) {
        let mac = mac.to_lowercase();
        rows.push(interface(&name, &mac, &addresses(&guest, &ip, &mac, position)));
    }
    Ok(Value::Array(rows).into())
}

fn interface(name: &str, mac: &str, addresses: &[(String, u8)]) -> Value {
    let mut row = json!({ "name": name, "hwaddr": mac, "hardware-address": mac });
    let mut list = Vec::new();
    for (address, bits) in addresses {
        let kind = if is_v6(address) { "inet6" } else { "inet" };
        row[kind] = format!("{address}/{bits}").into();
        list.push(json!({ "ip-address": address, "ip-address-type": kind, "prefix": bits.to_string() }));
    }
    row["ip-addresses"] = list.into();
    row
}

const NAMES: [&str; 25] = [
    "exec",
    "exec-status",
    "file-read",
    "file-write",
    "fsfreeze-freeze",
    "fsfreeze-status",
    "fsfreeze-thaw",
    "fstrim",
    "get-fsinfo",
    "get-host-name",
    "get-memory-block-info",
    "get-memory-blocks",
    "get-osinfo",
    "get-time",
    "get-timezone",
    "get-users",
    "get-vcpus",
    "info",
    "network-get-interfaces",
    "ping",
    "set-user-password",
    "shutdown",
    "suspend-disk",
    "suspend-hybrid",
    "suspend-ram",
];

fn index(_: &mut Req<'_>) -> Answer {
    Ok(NAMES.iter().map(|name| json!({ "name": name })).collect::<Value>().into())
}

/// Returns the VM of the path if its agent is available.
fn available(req: &Req<'_>) -> Result<Guest, Refusal> {
    let guest = req.guest(GuestKind::Qemu)?.clone();
    let Some(setting) = guest.text("agent").map(str::to_owned).or_else(|| guest.number("agent").map(|n| n.to_string())) else {
        return Err(Refusal::die("No QEMU guest agent configured"));
    };
    if !guest.power.is_on() {
        return Err(Refusal::die(format!("VM {} is not running", guest.vmid)));
    }
    let enabled = setting.split(',').any(|part| matches!(part, "1" | "enabled=1" | "enabled=on"));
    if !guest.agent || !enabled || guest.power != Power::Running {
        return Err(Refusal::die("QEMU guest agent is not running"));
    }
    Ok(guest)
}

fn by_name(req: &mut Req<'_>) -> Answer {
    let command = req.params.text("command").to_owned();
    let guest = available(req)?;
    Ok(json!({ "result": result(&guest, &command, req.now()) }).into())
}

fn plain(req: &mut Req<'_>) -> Answer {
    let command = req.path.rsplit('/').next().unwrap_or("").to_owned();
    let guest = available(req)?;
    Ok(json!({ "result": result(&guest, &command, req.now()) }).into())
}

fn result(guest: &Guest, command: &str, now: i64) -> Value {
    match command {
        "get-time" => json!(now * 1_000_000_000),
        "info" => {
            let list: Vec<Value> =
                NAMES.iter().map(|name| json!({ "enabled": true, "name": format!("guest-{name}"), "success-response": true })).collect();
            json!({ "supported_commands": list, "version": "10.0.2" })
        }
        "fsfreeze-status" => json!("thawed"),
        "fsfreeze-freeze" | "fsfreeze-thaw" => json!(1),
        "fstrim" => json!({ "paths": [{ "minimum": 0, "path": "/", "trimmed": 1_073_741_824 }] }),
        "network-get-interfaces" => network(guest),
        "get-vcpus" => {
            let cpus = (0..guest.cpus()).map(|id| json!({ "can-offline": id != 0, "logical-id": id, "online": true }));
            cpus.collect()
        }
        "get-fsinfo" => {
            let total = guest.max_disk();
            let used = (total as f64 * guest.load.disk.max(0.1)) as u64;
            json!([{
                "disk": [], "mountpoint": "/", "name": "sda1", "total-bytes": total, "total-bytes-privileged": total, "type": "ext4",
                "used-bytes": used,
            }])
        }
        "get-memory-block-info" => json!({ "size": 134_217_728 }),
        "get-memory-blocks" => json!([{ "can-offline": true, "online": true, "phys-index": 0 }]),
        "get-host-name" => json!({ "host-name": guest.name() }),
        "get-osinfo" => json!({
            "id": "debian", "kernel-release": "6.12.48+deb13-amd64", "kernel-version": "#1 SMP PREEMPT_DYNAMIC Debian 6.12.48-1",
            "machine": "x86_64", "name": "Debian GNU/Linux", "pretty-name": "Debian GNU/Linux 13 (trixie)", "version": "13 (trixie)",
            "version-id": "13",
        }),
        "get-users" => json!([]),
        "get-timezone" => json!({ "offset": 0, "zone": "UTC" }),
        _ => json!({}),
    }
}

fn network(guest: &Guest) -> Value {
    let card = |name: &str, mac: &str, addresses: Vec<(String, u8)>| {
        let list: Vec<Value> = addresses
            .into_iter()
            .map(|(address, bits)| {
                let kind = if is_v6(&address) { "ipv6" } else { "ipv4" };
                json!({ "ip-address": address, "ip-address-type": kind, "prefix": bits })
            })
            .collect();
        json!({ "hardware-address": mac, "ip-addresses": list, "name": name })
    };
    let mut rows = vec![card("lo", "00:00:00:00:00:00", vec![("127.0.0.1".to_owned(), 8), ("::1".to_owned(), 128)])];
    for (position, (name, mac, ip)) in (0u32..).zip(nets(guest)) {
        let mac = mac.to_lowercase();
        rows.push(card(&name, &mac, addresses(guest, &ip, &mac, position)));
    }
    rows.into()
}

/// Shuts down or suspends the guest through its agent.
fn power(req: &mut Req<'_>) -> Answer {
    let guest = available(req)?;
    let power = match req.path.rsplit('/').next() {
        Some("suspend-ram") => Power::Paused,
        _ => Power::Stopped,
    };
    // There is no task: the guest acts by itself.
    let vmid = guest.vmid;
    let state = &mut *req.state;
    if let Some(guest) = state.guests.get_mut(&vmid) {
        guest.power = power;
        guest.started = guest.started.filter(|_| power.is_on());
    }
    Ok(json!({ "result": {} }).into())
}

fn exec(req: &mut Req<'_>) -> Answer {
    available(req)?;
    if req.params.list("command").is_empty() && !req.params.has("input-data") {
        return Err(Refusal::die("command or input-data (or both) required"));
    }
    let pid = 1000 + u32::from_str_radix(&random::hex(3), 16).unwrap_or(0);
    Ok(json!({ "pid": pid }).into())
}

fn exec_status(req: &mut Req<'_>) -> Answer {
    available(req)?;
    Ok(json!({ "exited": 1, "exitcode": 0, "out-data": "" }).into())
}

fn file_read(req: &mut Req<'_>) -> Answer {
    let guest = available(req)?;
    let file = req.params.text("file");
    match file {
        "/etc/hostname" => Ok(json!({ "content": format!("{}\n", guest.name()), "bytes-read": guest.name().len() + 1 }).into()),
        _ => Err(Refusal::die(format!("Agent error: failed to open file '{file}' (mode: 'r'): No such file or directory"))),
    }
}

fn file_write(req: &mut Req<'_>) -> Answer {
    available(req)?;
    Ok(Reply::null())
}
