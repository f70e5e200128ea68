//! Interfaces of containers and the guest agent of VMs.

use serde_json::{Value, json};

use super::disks;
use crate::api::schema::property;
use crate::demo::api::{Answer, Refusal, Reply, Req, Route};
use crate::demo::state::{Guest, GuestKind, Map, Power};

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
    "POST" "ping" => plain, "GET" "info" => plain, "GET" "get-time" => plain, "POST" "fsfreeze-status" => freeze_status,
    "POST" "fsfreeze-freeze" => freeze, "POST" "fsfreeze-thaw" => freeze, "POST" "fstrim" => plain,
    "GET" "network-get-interfaces" => plain, "GET" "get-vcpus" => plain, "GET" "get-fsinfo" => plain, "GET" "get-memory-blocks" => plain,
    "GET" "get-memory-block-info" => plain, "GET" "get-host-name" => plain, "GET" "get-osinfo" => plain, "GET" "get-users" => plain,
    "GET" "get-timezone" => plain, "POST" "shutdown" => power, "POST" "suspend-ram" => power, "POST" "suspend-disk" => power,
    "POST" "suspend-hybrid" => power, "POST" "set-user-password" => set_password,
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

/// Commands that the agent of Debian 13 supports.
const SUPPORTED: &str = "exec exec-status file-close file-flush file-open file-read file-seek file-write fsfreeze-freeze fsfreeze-freeze-list \
fsfreeze-status fsfreeze-thaw fstrim get-cpustats get-disks get-diskstats get-fsinfo get-host-name get-load \
get-memory-block-info get-memory-blocks get-osinfo get-time get-timezone get-users get-vcpus info \
network-get-interfaces network-get-route ping set-memory-blocks set-time set-user-password set-vcpus shutdown \
ssh-add-authorized-keys ssh-get-authorized-keys ssh-remove-authorized-keys suspend-disk suspend-hybrid suspend-ram sync \
sync-delimited";

/// Returns the VM of the path if its agent is available.
pub(super) fn available(req: &Req<'_>) -> Result<Guest, Refusal> {
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
    match command.as_str() {
        "fsfreeze-status" => return freeze_status(req),
        "fsfreeze-freeze" | "fsfreeze-thaw" => return set_frozen(req, command == "fsfreeze-freeze"),
        _ => {}
    }
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
            let list: Vec<Value> = SUPPORTED
                .split(' ')
                .map(|name| json!({ "enabled": true, "name": format!("guest-{name}"), "success-response": true }))
                .collect();
            json!({ "supported_commands": list, "version": "10.0.2" })
        }
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
                "disk": [{ "bus": 0, "bus-type": "scsi", "dev": "/dev/sda", "serial": "0QEMU_QEMU_HARDDISK_drive-scsi0", "target": 0, "unit": 0,
                    "pci-controller": { "bus": 0, "domain": 0, "function": 0, "slot": 5 } }],
                "mountpoint": "/", "name": "sda", "total-bytes": total, "total-bytes-privileged": total, "type": "ext4",
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
        let figures = if name == "lo" { 0 } else { 4_096 };
        let statistics = json!({
            "rx-bytes": figures, "rx-packets": figures / 128, "rx-errs": 0, "rx-dropped": 0,
            "tx-bytes": figures, "tx-packets": figures / 128, "tx-errs": 0, "tx-dropped": 0,
        });
        json!({ "hardware-address": mac, "ip-addresses": list, "name": name, "statistics": statistics })
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

/// The section of VMs with frozen file systems.
const FROZEN: &str = "agent-frozen";

fn freeze_status(req: &mut Req<'_>) -> Answer {
    let id = available(req)?.vmid.to_string();
    let frozen = req.state.section(FROZEN).any(|(known, _)| *known == id);
    Ok(json!({ "result": if frozen { "frozen" } else { "thawed" } }).into())
}

fn freeze(req: &mut Req<'_>) -> Answer {
    let frozen = req.path.ends_with("-freeze");
    set_frozen(req, frozen)
}

/// Freezes or thaws; returns the number of changed file systems.
fn set_frozen(req: &mut Req<'_>, frozen: bool) -> Answer {
    let id = available(req)?.vmid.to_string();
    let frozen_before = req.state.section(FROZEN).any(|(known, _)| *known == id);
    if frozen {
        req.state.section_mut(FROZEN).insert(id, Map::new());
    } else {
        req.state.section_mut(FROZEN).remove(&id);
    }
    Ok(json!({ "result": u8::from(frozen_before != frozen) }).into())
}

fn set_password(req: &mut Req<'_>) -> Answer {
    let guest = available(req)?;
    let user = req.params.text("username");
    if user != "root" && guest.text("ciuser").unwrap_or("debian") != user {
        let why = format!("chpasswd: (user {user}) pam_chauthtok() failed, error:\nAuthentication token manipulation error");
        let why = format!("{why}\nchpasswd: (line 1, user {user}) password not changed\n");
        return Err(Refusal::die(format!("Agent error: child process has failed to set user password: {why}")));
    }
    Ok(json!({ "result": {} }).into())
}
