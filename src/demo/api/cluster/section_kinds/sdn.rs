//! Zones, VNets, subnets, controllers, IPAMs and DNS servers.

use serde_json::{Value, json};

use super::{Kind, PLAIN, text};
use crate::api::schema;
use crate::demo::api::section::Options;
use crate::demo::api::{Refusal, Req};
use crate::demo::state::{Map, State, sha1_hex};

pub(super) const fn sdn(
    path: &'static str,
    id: &'static str,
    options: &'static str,
    failed: [&'static str; 3],
    taken: &'static str,
) -> Kind {
    let may_see: fn(&Req<'_>, &str, &Map) -> bool = |req, id, config| {
        let path = match (config.get("zone").and_then(Value::as_str), req.template.split('/').nth(3)) {
            (Some(zone), _) => format!("/sdn/zones/{zone}/{id}"),
            (None, kind) => format!("/sdn/{}/{id}", kind.unwrap_or("zones")),
        };
        req.may_any(&path, &["SDN.Audit", "SDN.Allocate"])
    };
    let missing = "sdn '{}' does not exist";
    Kind { path, id, options: Options(options), failed, taken, missing, gone: Some(missing), may_see, ..PLAIN }
}

const ZONES: &str = "simple: nodes mtu dns reversedns dnszone ipam dhcp; \
vlan: bridge! nodes bridge-disable-mac-learning mtu dns reversedns dnszone ipam; \
qinq: tag! bridge! nodes bridge-disable-mac-learning mtu vlan-protocol dns reversedns dnszone ipam; \
vxlan: nodes peers vxlan-port mtu dns reversedns dnszone ipam fabric; \
evpn: controller! vrf-vxlan! nodes exitnodes exitnodes-local-routing exitnodes-primary advertise-subnets \
disable-arp-nd-suppression bridge-disable-mac-learning rt-import vxlan-port mtu mac dns reversedns dnszone ipam";

const CONTROLLERS: &str = "evpn: asn! peers fabric; \
bgp: node! asn! peers! bgp-multipath-as-path-relax ebgp ebgp-multihop loopback; \
isis: isis-domain! isis-net! isis-ifaces! node! loopback; faucet:";

pub(super) const KINDS: &[Kind] = &[
    Kind {
        section: "sdn-zones",
        on_change: zone,
        on_delete: |req, id| match req.state.section("sdn-vnets").find(|(_, vnet)| text(vnet, "zone") == id) {
            Some((vnet, _)) => {
                Err(Refusal::die(format!("zone {id} is used by vnet {vnet} at /usr/share/perl5/PVE/Network/SDN/Zones/Plugin.pm line 149.")))
            }
            None => Ok(()),
        },
        ..sdn(
            "/cluster/sdn/zones",
            "zone",
            ZONES,
            ["create sdn zone object failed", "update sdn zone object failed", "delete sdn zone object failed"],
            "sdn zone object ID '{}' already defined",
        )
    },
    Kind {
        section: "sdn-vnets",
        only_type: "vnet",
        before: vnet_exists,
        on_change: vnet,
        on_delete: |req, id| match has_subnets(req.state, id) {
            true => Err(Refusal::param("vnet", "Can't delete vnet if subnets exists")),
            false => Ok(()),
        },
        ..sdn(
            "/cluster/sdn/vnets",
            "vnet",
            "vnet: zone! tag alias vlanaware isolate-ports",
            ["create sdn vnet object failed", "update sdn vnet object failed", "delete sdn vnet object failed"],
            "sdn vnet object ID '{}' already defined",
        )
    },
    Kind {
        section: "sdn-controllers",
        ..sdn(
            "/cluster/sdn/controllers",
            "controller",
            CONTROLLERS,
            ["create sdn controller object failed", "update sdn controller object failed", "delete sdn controller object failed"],
            "sdn controller object ID '{}' already defined",
        )
    },
    Kind {
        section: "sdn-ipams",
        built_in: pve_ipam,
        secret: &["token"],
        ..sdn(
            "/cluster/sdn/ipams",
            "ipam",
            "netbox: url! token! fingerprint; phpipam: url! token! section! fingerprint; pve:",
            ["create sdn ipam object failed", "update sdn ipam object failed", "delete sdn ipam object failed"],
            "sdn ipam object ID '{}' already defined",
        )
    },
    Kind {
        section: "sdn-dns",
        secret: &["key"],
        ..sdn(
            "/cluster/sdn/dns",
            "dns",
            "powerdns: url! key! ttl reversemaskv6 fingerprint",
            ["create sdn dns object failed", "update sdn dns object failed", "delete sdn dns object failed"],
            "sdn dns object ID '{}' already defined",
        )
    },
    Kind {
        section: "sdn-subnets",
        only_type: "subnet",
        name: subnet_name,
        before: vnet_exists,
        on_change: subnet,
        show: |row, _, _| {
            let (cidr, id) = (text(row, "cidr").to_owned(), text(row, "subnet").to_owned());
            let (network, mask) = cidr.split_once('/').unwrap_or((&cidr, ""));
            row.insert("id".into(), id.into());
            row.insert("network".into(), network.into());
            row.insert("mask".into(), mask.into());
            row.entry("dhcp-range").or_insert_with(|| json!([]));
        },
        may_see: |req, _, config| text(config, "vnet") == req.params.text("vnet"),
        missing: "sdn subnet '{}' does not exist",
        gone: None,
        ..sdn(
            "/cluster/sdn/vnets/{vnet}/subnets",
            "subnet",
            "subnet: vnet! zone cidr gateway snat dnszoneprefix dhcp-range dhcp-dns-server",
            ["create sdn subnet object failed", "update sdn subnet object failed", "delete sdn subnet object failed"],
            "sdn subnet object ID '{}' already defined",
        )
    },
];

fn pve_ipam() -> Vec<Value> {
    vec![json!({ "ipam": "pve", "type": "pve", "digest": sha1_hex("") })]
}

fn zone(req: &Req<'_>, id: &str, config: &Map) -> Result<(), Refusal> {
    let known = |section: &str, name: &str| name.is_empty() || req.state.section(section).any(|(known, _)| known == name);
    for key in ["dns", "reversedns"] {
        if !known("sdn-dns", text(config, key)) {
            return Err(Refusal::param(key, format!("{} don't exist", text(config, key))));
        }
    }
    if config.contains_key("dnszone") && !config.contains_key("dns") {
        return Err(Refusal::param("dnszone", "missing dns server"));
    }
    let ipam = text(config, "ipam");
    if ipam != "pve" && !known("sdn-ipams", ipam) {
        return Err(Refusal::param("ipam", format!("{ipam} not existing")));
    }
    match text(config, "type") {
        "vxlan" if config.contains_key("peers") == config.contains_key("fabric") => {
            let why = "must have exactly one of peers / fabric defined".to_owned();
            Err(Refusal::params([("peers".to_owned(), why.clone()), ("fabric".to_owned(), why)].into()))
        }
        "evpn" => {
            let controller = text(config, "controller");
            let place = "/usr/share/perl5/PVE/Network/SDN/Zones/EvpnPlugin.pm";
            if !known("sdn-controllers", controller) {
                return Err(Refusal::die(format!("controller {controller} don't exist at {place} line 336.")));
            }
            let taken = |(other, zone): &(&String, &Map)| *other != id && zone.get("vrf-vxlan") == config.get("vrf-vxlan");
            match req.state.section("sdn-zones").find(taken) {
                Some((other, _)) => {
                    let vrf = &config["vrf-vxlan"];
                    Err(Refusal::die(format!("vrf-vxlan {vrf} is already declared in {other} at {place} line 350.")))
                }
                None => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

fn vnet_exists(req: &Req<'_>) -> Result<(), Refusal> {
    let id = req.params.text("vnet");
    let is_new = req.template == "/cluster/sdn/vnets";
    if is_new || req.state.section("sdn-vnets").any(|(known, _)| known == id) {
        return Ok(());
    }
    Err(Refusal::die(format!("sdn vnet '{id}' does not exist")))
}

fn has_subnets(state: &State, vnet: &str) -> bool {
    state.section("sdn-subnets").any(|(_, subnet)| text(subnet, "vnet") == vnet)
}

fn vnet(req: &Req<'_>, id: &str, config: &Map) -> Result<(), Refusal> {
    let wrong = |why: String| Err(Refusal::param("tag", why));
    let zone = text(config, "zone");
    let Some(kind) = req.state.sections.get("sdn-zones").and_then(|zones| zones.get(zone)).map(|zone| text(zone, "type")) else {
        let place = "/usr/share/perl5/PVE/API2/Network/SDN/Vnets.pm line 326.";
        return Err(Refusal::die(format!("cannot lookup undefined type! at {place}")));
    };
    let tag = config.get("tag").and_then(Value::as_i64);
    let same_tag = |everywhere: bool| {
        req.state.section("sdn-vnets").find(|(other, vnet)| {
            *other != id && (everywhere || text(vnet, "zone") == zone) && tag.is_some() && vnet.get("tag").and_then(Value::as_i64) == tag
        })
    };
    match (kind, tag) {
        ("simple", Some(_)) => return wrong("vlan tag is not allowed on simple zone".to_owned()),
        ("vlan", None) => return wrong("missing vlan tag".to_owned()),
        ("vlan", Some(tag)) if tag > 4096 => return wrong("vlan tag max value is 4096".to_owned()),
        ("vlan", Some(tag)) => {
            if let Some((other, _)) = same_tag(false) {
                return wrong(format!("tag {tag} already exist in vnet {other}"));
            }
        }
        ("qinq", Some(tag)) => {
            if let Some((other, _)) = same_tag(false) {
                return wrong(format!("tag {tag} already exist in zone {zone} vnet {other}"));
            }
        }
        ("vxlan" | "evpn", None) => return wrong("missing vxlan tag".to_owned()),
        ("vxlan" | "evpn", Some(tag)) => {
            if let Some((other, vnet)) = same_tag(true) {
                return wrong(format!("vxlan tag {tag} already exist in vnet {other} in zone {} ", text(vnet, "zone")));
            }
        }
        _ => {}
    }
    if config.get("vlanaware") == Some(&json!(1)) && has_subnets(req.state, id) {
        return Err(Refusal::param("vlanaware", "vlanaware vnet is not compatible with subnets"));
    }
    Ok(())
}

fn subnet(req: &Req<'_>, _: &str, config: &Map) -> Result<(), Refusal> {
    let vnet = text(config, "vnet");
    let vlanaware = req.state.sections.get("sdn-vnets").and_then(|vnets| vnets.get(vnet)).and_then(|vnet| vnet.get("vlanaware"));
    if vlanaware == Some(&json!(1)) {
        return Err(Refusal::param("vnet", "you can't add a subnet on a vlanaware vnet"));
    }
    let (gateway, cidr) = (text(config, "gateway"), text(config, "cidr"));
    if gateway.is_empty() || cidr.ends_with("/32") || schema::in_network(gateway, cidr) {
        return Ok(());
    }
    Err(Refusal::param("gateway", format!("{gateway} is not in subnet {cidr}")))
}

/// The name of a subnet: that of a new one has its zone in front.
fn subnet_name(req: &Req<'_>, given: &str) -> String {
    if req.method != "POST" {
        return given.to_owned();
    }
    let vnet = req.state.sections.get("sdn-vnets").and_then(|vnets| vnets.get(req.params.text("vnet")));
    let zone = vnet.and_then(|vnet| vnet.get("zone")).and_then(Value::as_str).unwrap_or_default();
    format!("{zone}-{}", given.replace('/', "-"))
}
