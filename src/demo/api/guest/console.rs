//! Consoles, keys and cloud-init of guests.

use serde_json::{Value, json};

use super::{kind, random, the_guest};
use crate::demo::api::{Answer, Refusal, Reply, Req, Route};
use crate::demo::state::{Guest, GuestKind};
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
    if guest.kind == GuestKind::Qemu {
        let serial = req.params.get("serial").unwrap_or("serial0").to_owned();
        if guest.text(&serial) != Some("socket") {
            let words = if req.params.has("serial") {
                format!("no such serial terminal on VM: {serial}")
            } else {
                "unable to find a serial interface".to_owned()
            };
            return Err(Refusal::die(words));
        }
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
    Err(Refusal::die("Could not set password"))
}

/// Refuses, because the demo host has no consoles.
fn websocket(_: &mut Req<'_>) -> Answer {
    Err(Refusal::new(401, "permission denied - invalid PVEVNC ticket"))
}

fn send_key(req: &mut Req<'_>) -> Answer {
    running(req)?;
    Ok(Reply::null())
}

/// Runs a monitor command. Errors are part of the answer.
fn monitor(req: &mut Req<'_>) -> Answer {
    let command = req.params.text("command").trim().to_owned();
    if !command.starts_with("info") && !command.starts_with("help") {
        req.check("/", &["Sys.Modify"])?;
    }
    let text = match running(req) {
        Err(refusal) => format!("ERROR: {}\n", refusal.message),
        Ok(_) if command == "info status" => "VM status: running\r\n".to_owned(),
        Ok(_) => String::new(),
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
            let user = guest.text("ciuser").map_or(String::new(), |user| format!("user: {user}\n"));
            format!(
                "#cloud-config\nhostname: {0}\nmanage_etc_hosts: true\nfqdn: {0}\n{user}chpasswd:\n  expire: False\nusers:\n  - default\npackage_upgrade: true\n",
                guest.name()
            )
        }
        "network" => "version: 1\nconfig:\n".to_owned(),
        _ => format!("instance-id: {}\n", crate::demo::state::sha1_hex(&guest.name())),
    };
    Ok(json!(text).into())
}
