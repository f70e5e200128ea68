//! Consoles, keys and cloud-init of guests.

use serde_json::{Value, json};

use super::{kind, random, the_guest};
use crate::demo::api::{Answer, Refusal, Reply, Req, Route};
use crate::demo::state::{Guest, GuestKind, Power};
use crate::demo::tasks::{self, TaskSpec};

pub(super) const ROUTES: &[Route] = &[
    ("POST", "/nodes/{node}/lxc/{vmid}/vncproxy", vnc),
    ("POST", "/nodes/{node}/qemu/{vmid}/vncproxy", vnc),
    ("POST", "/nodes/{node}/lxc/{vmid}/termproxy", terminal),
    ("POST", "/nodes/{node}/qemu/{vmid}/termproxy", terminal),
    ("POST", "/nodes/{node}/lxc/{vmid}/spiceproxy", spice),
    ("POST", "/nodes/{node}/qemu/{vmid}/spiceproxy", spice),
    ("GET", "/nodes/{node}/lxc/{vmid}/vncwebsocket", websocket),
    ("GET", "/nodes/{node}/qemu/{vmid}/vncwebsocket", websocket),
    ("GET", "/nodes/{node}/vncwebsocket", websocket),
    ("PUT", "/nodes/{node}/qemu/{vmid}/sendkey", send_key),
    ("POST", "/nodes/{node}/qemu/{vmid}/monitor", monitor),
    ("PUT", "/nodes/{node}/qemu/{vmid}/cloudinit", regenerate),
    ("GET", "/nodes/{node}/qemu/{vmid}/cloudinit/dump", dump),
];

/// Starts the task of a console, which times out after ten seconds.
fn console(req: &mut Req<'_>, task: &str) -> Value {
    let (vmid, node) = (req.vmid(), req.node());
    let spec = TaskSpec::new(task, vmid).takes(10.0).fail("connection timed out");
    let user = req.who.name();
    let upid = tasks::start(req.state, spec, &node, &user, req.now_ms);
    let ticket = format!("PVEVNC:{:08X}::{}", req.now(), random::hex(64));
    json!({ "port": (5900 + vmid % 100).to_string(), "ticket": ticket, "upid": upid, "user": user })
}

fn vnc(req: &mut Req<'_>) -> Answer {
    the_guest(req)?;
    let mut answer = console(req, "vncproxy");
    let cert = req.state.nodes.get(&req.node()).map_or(String::new(), |node| node.fingerprint.clone());
    answer["cert"] = cert.into();
    if kind(req) == GuestKind::Qemu && !req.params.flag("websocket") || req.params.flag("generate-password") {
        answer["password"] = random::hex(8).into();
    }
    Ok(answer.into())
}

fn terminal(req: &mut Req<'_>) -> Answer {
    let guest = the_guest(req)?;
    if guest.kind == GuestKind::Qemu && !req.params.has("serial") && guest.text("serial0") != Some("socket") {
        return Err(Refusal::die("unable to find a serial interface"));
    }
    let mut answer = console(req, "vncproxy");
    if let Some(answer) = answer.as_object_mut() {
        answer.shift_remove("cert");
    }
    Ok(answer.into())
}

fn running(req: &Req<'_>) -> Result<Guest, Refusal> {
    let guest = the_guest(req)?;
    if guest.power.is_on() { Ok(guest) } else { Err(Refusal::die(format!("{} {} not running", guest.kind.label(), guest.vmid))) }
}

/// Refuses, because no guest has a SPICE display.
fn spice(req: &mut Req<'_>) -> Answer {
    running(req)?;
    Err(Refusal::die("no spice port"))
}

/// Refuses, because the demo host has no consoles.
fn websocket(_: &mut Req<'_>) -> Answer {
    Err(Refusal::new(401, "permission denied - invalid PVEVNC ticket"))
}

/// Names of keys that can be part of a combination.
const KEYS: &[&str] = &[
    "alt",
    "alt_r",
    "backspace",
    "caps_lock",
    "comma",
    "ctrl",
    "ctrl_r",
    "delete",
    "dot",
    "down",
    "end",
    "esc",
    "home",
    "insert",
    "left",
    "menu",
    "meta_l",
    "meta_r",
    "minus",
    "pgdn",
    "pgup",
    "print",
    "ret",
    "right",
    "shift",
    "shift_r",
    "slash",
    "spc",
    "sysrq",
    "tab",
    "up",
];

fn is_key(name: &str) -> bool {
    let is_function = name.strip_prefix('f').and_then(|number| number.parse::<u8>().ok()).is_some_and(|number| (1..=12).contains(&number));
    let is_letter = name.len() == 1 && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    KEYS.contains(&name) || is_function || is_letter
}

fn send_key(req: &mut Req<'_>) -> Answer {
    running(req)?;
    if req.params.text("key").split('-').all(is_key) {
        return Ok(Reply::null());
    }
    Err(Refusal { bare: true, ..Refusal::new(400, "Bad Request") })
}

/// Runs a monitor command. Errors of the monitor are part of the answer.
fn monitor(req: &mut Req<'_>) -> Answer {
    let command = req.params.text("command").trim().to_owned();
    let is_read = command.starts_with("info") || command.starts_with("help");
    if !is_read && !req.is_root() {
        let why = "non-existent or not assigned a required permission yet, limiting to root user";
        return Err(Refusal::die(format!("command '{command}' {why}")));
    }
    let text = match running(req) {
        Err(refusal) => format!("ERROR: {}\n", refusal.message),
        Ok(guest) => match command.as_str() {
            "info status" => format!("VM status: {}\r\n", if guest.power == Power::Paused { "paused" } else { "running" }),
            "info version" => "10.1.2pve-qemu-kvm_10.1.2-1\r\n".to_owned(),
            _ if is_read => String::new(),
            _ => format!("unknown command: '{command}'\r\n"),
        },
    };
    Ok(json!(text).into())
}

fn regenerate(req: &mut Req<'_>) -> Answer {
    super::check_lock(req.guest(kind(req))?)?;
    Ok(Reply::null())
}

fn dump(req: &mut Req<'_>) -> Answer {
    let guest = the_guest(req)?;
    let text = match req.params.text("type") {
        "user" => {
            let line = |key: &str, name: &str| guest.text(key).map_or(String::new(), |value| format!("{name}: {value}\n"));
            let user = line("ciuser", "user") + &line("cipassword", "password");
            format!(
                "#cloud-config\nhostname: {0}\nmanage_etc_hosts: true\nfqdn: {0}\n{user}chpasswd:\n  expire: False\nusers:\n  - default\npackage_upgrade: true\n",
                guest.name()
            )
        }
        "network" => network_config(&guest),
        _ => format!("instance-id: {}\n", crate::demo::state::sha1_hex(&guest.name())),
    };
    Ok(json!(text).into())
}

/// The cloud-init network configuration of a VM.
fn network_config(guest: &Guest) -> String {
    let part = |text: &str, key: &str| text.split(',').find_map(|part| part.strip_prefix(&format!("{key}=")).map(str::to_owned));
    let mut lines = vec!["version: 1".to_owned(), "config:".to_owned()];
    for number in 0..8 {
        let (Some(net), Some(ip)) = (guest.text(&format!("net{number}")), guest.text(&format!("ipconfig{number}"))) else { continue };
        let mac = net.split(',').next().and_then(|model| model.split_once('=')).map_or("", |(_, mac)| mac).to_lowercase();
        lines.push("    - type: physical".to_owned());
        lines.push(format!("      name: eth{number}"));
        lines.push(format!("      mac_address: '{mac}'"));
        lines.push("      subnets:".to_owned());
        match part(ip, "ip") {
            Some(address) if address.contains('/') => {
                let (address, bits) = address.split_once('/').unwrap_or((&address, "24"));
                let mask = u32::MAX.checked_shl(32 - bits.parse::<u32>().unwrap_or(24)).unwrap_or(0);
                lines.push("      - type: static".to_owned());
                lines.push(format!("        address: '{address}'"));
                lines.push(format!("        netmask: '{}'", std::net::Ipv4Addr::from(mask)));
                lines.extend(part(ip, "gw").map(|gateway| format!("        gateway: '{gateway}'")));
            }
            _ => lines.push("      - type: dhcp4".to_owned()),
        }
    }
    if let Some(server) = guest.text("nameserver") {
        lines.extend(["    - type: nameserver".to_owned(), "      address:".to_owned(), format!("      - '{server}'")]);
        lines.extend(guest.text("searchdomain").iter().flat_map(|domain| ["      search:".to_owned(), format!("      - '{domain}'")]));
    }
    lines.join("\n") + "\n"
}
