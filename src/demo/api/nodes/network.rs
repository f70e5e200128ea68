//! Network interfaces and their pending changes.

use serde_json::{Value, json};

use super::the_node;
use crate::demo::api::{Answer, Refusal, Reply, Req, Route, section};
use crate::demo::state::{Map, Node, map, text};
use crate::demo::tasks::TaskSpec;

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/nodes/{node}/network", list),
    ("POST", "/nodes/{node}/network", create),
    ("PUT", "/nodes/{node}/network", apply),
    ("DELETE", "/nodes/{node}/network", revert),
    ("GET", "/nodes/{node}/network/{iface}", read),
    ("PUT", "/nodes/{node}/network/{iface}", update),
    ("DELETE", "/nodes/{node}/network/{iface}", delete),
];

fn name(interface: &Map) -> &str {
    interface.get("iface").and_then(Value::as_str).unwrap_or_default()
}

/// Returns the pending interfaces if there are changes, otherwise the current ones.
fn wanted(node: &Node) -> &Vec<Map> {
    node.network_pending.as_ref().unwrap_or(&node.network)
}

fn list(req: &mut Req<'_>) -> Answer {
    let kind = req.params.get("type");
    let node = the_node(req);
    let audit = req.may_any(&format!("/nodes/{}", node.name), &["Sys.Audit", "Sys.Modify"]);
    let shown = |i: &&Map| {
        let is_bridge = matches!(text(i, "type"), "bridge" | "OVSBridge");
        let fits = match kind {
            None => true,
            Some("include_sdn") => true,
            Some("any_bridge" | "any_local_bridge") => is_bridge,
            Some(kind) => kind == text(i, "type"),
        };
        // Bridges require privileges, other interfaces do not.
        let may_use = |i: &Map| req.may_any(&format!("/sdn/zones/localnetwork/{}", name(i)), &["SDN.Audit", "SDN.Use"]);
        fits && (audit || !is_bridge || may_use(i))
    };
    let mut rows: Vec<Value> = wanted(node).iter().filter(shown).cloned().map(Value::Object).collect();
    if matches!(kind, Some("any_bridge" | "include_sdn" | "vnet")) {
        rows.extend(vnets(req, node));
    }
    let mut reply = Reply::from(Value::Array(rows));
    if let Some(pending) = &node.network_pending {
        reply.extra.push(("changes", changes(&node.network, pending).into()));
    }
    Ok(reply)
}

/// Returns the VNets of a node that the caller may use.
fn vnets(req: &Req<'_>, node: &Node) -> Vec<Value> {
    let zone = |vnet: &Map| vnet.get("zone").and_then(Value::as_str).unwrap_or_default().to_owned();
    let visible = |(id, vnet): &(&String, &Map)| req.may_any(&format!("/sdn/zones/{}/{id}", zone(vnet)), &["SDN.Audit", "SDN.Use"]);
    let row = |(id, vnet): (&String, &Map)| {
        let vlanaware = vnet.get("vlanaware").cloned().unwrap_or_else(|| 0.into());
        json!({ "iface": id, "type": "vnet", "active": "1", "ipam": 0, "vlanaware": vlanaware, "comments": vnet.get("alias") })
    };
    req.state.vnets_on(&node.name).filter(visible).map(row).collect()
}

/// Returns the stanza of an interface in `/etc/network/interfaces`.
fn stanza(interface: &Map) -> String {
    let auto = if interface.contains_key("autostart") { format!("auto {}\n", name(interface)) } else { String::new() };
    let options = [("address", "cidr"), ("gateway", "gateway"), ("bridge-ports", "bridge_ports"), ("bridge-stp", "bridge_stp")];
    let more = [("bridge-fd", "bridge_fd"), ("bond-slaves", "slaves"), ("vlan-raw-device", "vlan-raw-device")];
    let lines: String = options
        .iter()
        .chain(&more)
        .filter(|(_, key)| interface.contains_key(*key))
        .map(|(word, key)| format!("\t{word} {}\n", Some(text(interface, key)).filter(|value| !value.is_empty()).unwrap_or("none")))
        .collect();
    let comments: String = text(interface, "comments").lines().map(|line| format!("#{line}\n")).collect();
    format!("{auto}iface {} inet {}\n{lines}{comments}\n", name(interface), text(interface, "method"))
}

/// Returns the pending changes as a diff of stanzas.
fn changes(now: &[Map], then: &[Map]) -> String {
    let (now, then): (Vec<String>, Vec<String>) = (now.iter().map(stanza).collect(), then.iter().map(stanza).collect());
    let marked = |sign: char, stanza: &String| stanza.lines().map(|line| format!("{sign}{line}\n")).collect::<String>();
    let gone: String = now.iter().filter(|stanza| !then.contains(stanza)).map(|stanza| marked('-', stanza)).collect();
    let new: String = then.iter().filter(|stanza| !now.contains(stanza)).map(|stanza| marked('+', stanza)).collect();
    format!("--- /etc/network/interfaces\n+++ /etc/network/interfaces.new\n{gone}{new}")
}

fn missing() -> Refusal {
    Refusal::param("iface", "interface does not exist")
}

fn read(req: &mut Req<'_>) -> Answer {
    let iface = req.params.text("iface");
    let mut found = wanted(the_node(req)).iter().find(|i| name(i) == iface).cloned().ok_or_else(missing)?;
    found.shift_remove("iface");
    Ok(Value::Object(found).into())
}

/// Returns the options in the request. A CIDR implies address, netmask and method.
fn settings(req: &Req<'_>) -> Map {
    let mut sent = section::sent(req, &[]);
    if let Some((address, bits)) = req.params.get("cidr").and_then(|cidr| cidr.split_once('/')) {
        sent.extend(map(json!({ "address": address, "netmask": bits, "method": "static" })));
    }
    if let Some(id) = req.params.get("vlan-id") {
        sent.insert("vlan-id".into(), id.into());
    }
    sent
}

/// Returns the pending interfaces, initially a copy of the current ones with their priorities.
fn interfaces<'a>(req: &'a mut Req<'_>) -> &'a mut Vec<Map> {
    let name = the_node(req).name.clone();
    let node = req.state.nodes.entry(name).or_default();
    let network = &node.network;
    node.network_pending.get_or_insert_with(|| {
        let mut pending = network.clone();
        pending.sort_by_key(|i| text(i, "type") != "eth");
        for (place, interface) in (3..).zip(&mut pending) {
            interface.insert("priority".into(), place.into());
        }
        pending
    })
}

/// Checks that the ports and slaves of an interface exist.
fn check_parts(all: &[Map], interface: &Map) -> Result<(), Refusal> {
    let (iface, kind) = (name(interface), text(interface, "type"));
    let of = |port: &str| all.iter().find(|i| name(i) == port).map_or("", |i| text(i, "type"));
    for port in text(interface, "bridge_ports").split_whitespace() {
        if of(port).is_empty() {
            return Err(Refusal::die(format!("bridge '{iface}' - unable to find bridge port '{port}'")));
        }
    }
    for slave in text(interface, "slaves").split_whitespace() {
        let found = of(slave);
        if !matches!(found, "eth" | "bond") {
            return Err(Refusal::die(format!("bond '{iface}' - wrong interface type on slave '{slave}' ('{found}' != 'eth or bond')")));
        }
    }
    if kind == "vlan" && !interface.contains_key("vlan-raw-device") && !iface.contains('.') {
        return Err(Refusal::die("missing vlan-raw-device option at /usr/share/perl5/PVE/Network/Interfaces.pm line 954."));
    }
    Ok(())
}

fn create(req: &mut Req<'_>) -> Answer {
    let wanted = req.params.text("iface").to_owned();
    let mut interface = settings(req);
    if self::wanted(the_node(req)).iter().any(|i| name(i) == wanted) {
        return Err(Refusal::param("iface", "interface already exists"));
    }
    check_parts(self::wanted(the_node(req)), &interface)?;
    let defaults = match text(&interface, "type") {
        "bridge" => json!({ "bridge_ports": "", "bridge_stp": "off", "bridge_fd": "0" }),
        "vlan" => json!({ "exists": null }),
        _ => json!({}),
    };
    let all = json!({ "method": "manual", "method6": "manual", "families": ["inet"] });
    for (key, value) in map(defaults).into_iter().chain(map(all)) {
        interface.entry(key).or_insert(value);
    }
    let all = interfaces(req);
    interface.insert("priority".into(), (all.len() + 3).into());
    all.push(interface);
    Ok(Reply::null())
}

fn update(req: &mut Req<'_>) -> Answer {
    let (wanted, sent, gone) = (req.params.text("iface").to_owned(), settings(req), req.params.list("delete"));
    let all = self::wanted(the_node(req));
    let mut interface = all.iter().find(|i| name(i) == wanted).cloned().ok_or_else(missing)?;
    for key in gone {
        interface.shift_remove(&key);
    }
    interface.extend(sent);
    check_parts(all, &interface)?;
    if let Some(known) = interfaces(req).iter_mut().find(|i| name(i) == wanted) {
        *known = interface;
    }
    Ok(Reply::null())
}

fn delete(req: &mut Req<'_>) -> Answer {
    let iface = req.params.text("iface").to_owned();
    if !wanted(the_node(req)).iter().any(|i| name(i) == iface) {
        return Err(missing());
    }
    interfaces(req).retain(|i| name(i) != iface);
    Ok(Reply::null())
}

fn apply(req: &mut Req<'_>) -> Answer {
    let name = the_node(req).name.clone();
    let node = req.state.nodes.entry(name).or_default();
    if let Some(pending) = node.network_pending.take() {
        node.network = pending;
    }
    for interface in &mut node.network {
        interface.insert("active".into(), 1.into());
    }
    req.start(TaskSpec::new("srvreload", "networking").takes(1.5).ok())
}

fn revert(req: &mut Req<'_>) -> Answer {
    let name = the_node(req).name.clone();
    req.state.nodes.entry(name).or_default().network_pending = None;
    Ok(Reply::null())
}
