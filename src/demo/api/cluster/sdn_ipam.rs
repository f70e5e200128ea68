//! Addresses in the built-in IPAM.

use serde_json::{Value, json};

use crate::api::schema;
use crate::demo::api::{Answer, Refusal, Reply, Req, Route};
use crate::demo::state::{Map, State, map, text};

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/cluster/sdn/ipams/{ipam}/status", list),
    ("POST", "/cluster/sdn/vnets/{vnet}/ips", create),
    ("PUT", "/cluster/sdn/vnets/{vnet}/ips", update),
    ("DELETE", "/cluster/sdn/vnets/{vnet}/ips", delete),
];

/// The section of the addresses, by zone and address.
const ADDRESSES: &str = "sdn-addresses";

/// Returns an applied SDN object.
fn applied<'a>(state: &'a State, section: &str, id: &str) -> Option<&'a Map> {
    state.sections.get(&format!("{section}-applied"))?.get(id)
}

/// Lists addresses in zones that use the built-in IPAM for DHCP.
fn list(req: &mut Req<'_>) -> Answer {
    if req.params.text("ipam") != "pve" {
        let place = "/usr/share/perl5/PVE/API2/Network/SDN/Ipams.pm line 319.";
        return Err(Refusal::die(format!("Currently only PVE IPAM is supported! at {place}")));
    }
    let visible = |entry: &Map| {
        let zone = applied(req.state, "sdn-zones", text(entry, "zone"));
        zone.is_some_and(|zone| text(zone, "ipam") == "pve" && zone.contains_key("dhcp"))
            && req.may_any(&format!("/sdn/zones/{}/{}", text(entry, "zone"), text(entry, "vnet")), &["SDN.Audit", "SDN.Allocate"])
    };
    let gateways = req.state.section("sdn-subnets-applied").filter(|(_, subnet)| subnet.contains_key("gateway"));
    let gateways = gateways.map(|(_, subnet)| {
        map(json!({
            "zone": text(subnet, "zone"), "subnet": text(subnet, "cidr"), "vnet": text(subnet, "vnet"), "ip": text(subnet, "gateway"),
            "gateway": 1,
        }))
    });
    let addresses = req.state.section(ADDRESSES).map(|(_, entry)| entry.clone());
    Ok(gateways.chain(addresses).filter(visible).map(Value::Object).collect::<Value>().into())
}

/// Returns the subnet of the address in the request, if its zone has an IPAM.
fn subnet(req: &Req<'_>) -> Option<Map> {
    let (vnet, ip) = (req.params.text("vnet"), req.params.text("ip"));
    let zone = text(applied(req.state, "sdn-vnets", vnet)?, "zone");
    applied(req.state, "sdn-zones", zone)?.get("ipam")?;
    let mut subnets = req.state.section("sdn-subnets-applied").map(|(_, subnet)| subnet);
    subnets.find(|subnet| text(subnet, "vnet") == vnet && schema::in_network(ip, text(subnet, "cidr"))).cloned()
}

fn create(req: &mut Req<'_>) -> Answer {
    let ip = req.params.text("ip").to_owned();
    let Some(subnet) = subnet(req) else { return Ok(Reply::null()) };
    let id = format!("{}/{ip}", text(&subnet, "zone"));
    if text(&subnet, "gateway") == ip || req.state.section(ADDRESSES).any(|(known, _)| *known == id) {
        return Err(Refusal::die(format!("IP '{ip}' already exist")));
    }
    let mut entry = map(json!({
        "zone": text(&subnet, "zone"), "subnet": text(&subnet, "cidr"), "vnet": text(&subnet, "vnet"), "ip": ip,
        "mac": req.params.text("mac"),
    }));
    if let Some(vmid) = req.params.int("vmid") {
        entry.insert("vmid".into(), vmid.into());
    }
    req.state.section_mut(ADDRESSES).insert(id, entry);
    Ok(Reply::null())
}

/// Changes the IP address of a MAC address.
fn update(req: &mut Req<'_>) -> Answer {
    let (vnet, mac) = (req.params.text("vnet").to_owned(), req.params.text("mac").to_owned());
    let old = req.state.section_mut(ADDRESSES).clone();
    req.state.section_mut(ADDRESSES).retain(|_, entry| text(entry, "vnet") != vnet || text(entry, "mac") != mac);
    let answer = create(req);
    if answer.is_err() {
        *req.state.section_mut(ADDRESSES) = old;
    }
    answer
}

fn delete(req: &mut Req<'_>) -> Answer {
    let ip = req.params.text("ip").to_owned();
    let Some(subnet) = subnet(req) else { return Ok(Reply::null()) };
    match req.state.section_mut(ADDRESSES).remove(&format!("{}/{ip}", text(&subnet, "zone"))) {
        Some(_) => Ok(Reply::null()),
        None => Err(Refusal::die(format!("IP '{ip}' does not exist in IPAM DB"))),
    }
}
