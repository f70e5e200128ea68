//! The kinds of sections in the cluster's configuration files, and what the host checks beyond their options.

use serde_json::{Value, json};

use crate::api::schema;
use crate::demo::api::guest::unreplicable;
use crate::demo::api::section::Options;
use crate::demo::api::{Refusal, Req};
use crate::demo::state::{Map, State, sha1_hex};

/// One kind of section.
pub(super) struct Kind {
    /// The path of the list; a section is below it.
    pub path: &'static str,
    /// The parameter that names a section.
    pub id: &'static str,
    /// The key in the state; the path if empty.
    pub section: &'static str,
    /// The type of all sections, where the request does not say one.
    pub only_type: &'static str,
    pub options: Options,
    /// Whether an update must have every required option, as a new section.
    pub full_update: bool,
    /// Prefixes of errors while creating, updating and deleting.
    pub failed: [&'static str; 3],
    /// Errors about a section that exists, that does not, and that cannot be deleted because it does not; `{}` is its name.
    pub taken: &'static str,
    pub missing: &'static str,
    /// None: deleting a missing section succeeds.
    pub gone: Option<&'static str>,
    /// The status of the error about a missing section.
    pub missing_status: u16,
    /// Sections of every host.
    pub built_in: fn() -> Vec<Value>,
    /// Options that the host keeps elsewhere.
    pub secret: &'static [&'static str],
    /// Adds what the host shows beside the options; `listed` in a list.
    pub show: fn(&mut Map, id: &str, listed: bool),
    pub may_see: fn(&Req<'_>, &str, &Map) -> bool,
    /// Checks a request before its section is looked at.
    pub before: fn(&Req<'_>) -> Result<(), Refusal>,
    /// Checks a new or changed section.
    pub on_change: fn(&Req<'_>, &str, &Map) -> Result<(), Refusal>,
    pub on_delete: fn(&Req<'_>, &str) -> Result<(), Refusal>,
}

const PLAIN: Kind = Kind {
    path: "",
    id: "id",
    section: "",
    only_type: "",
    options: Options(""),
    full_update: false,
    failed: ["", "", ""],
    taken: "'{}' already defined",
    missing: "'{}' does not exist",
    gone: Some("'{}' does not exist"),
    missing_status: 500,
    built_in: Vec::new,
    secret: &[],
    show: |_, _, _| {},
    may_see: |_, _, _| true,
    before: |_| Ok(()),
    on_change: |_, _, _| Ok(()),
    on_delete: |_, _| Ok(()),
};

const fn notification(
    path: &'static str,
    built_in: fn() -> Vec<Value>,
    secret: &'static [&'static str],
    taken: &'static str,
    missing: &'static str,
) -> Kind {
    let show: fn(&mut Map, &str, bool) = |row, _, _| _ = row.insert("origin".into(), "user-created".into());
    Kind { path, id: "name", built_in, secret, taken, missing, gone: Some(missing), missing_status: 404, show, ..PLAIN }
}

const fn endpoint(path: &'static str, built_in: fn() -> Vec<Value>, secret: &'static [&'static str]) -> Kind {
    notification(path, built_in, secret, "Could not create endpoint: '{}' already exists", "endpoint '{}' does not exist")
}

const fn mapping(path: &'static str, options: &'static str, failed: [&'static str; 3], taken: &'static str) -> Kind {
    let may_see: fn(&Req<'_>, &str, &Map) -> bool = |req, id, _| {
        let kind = req.template.split('/').nth(3).unwrap_or_default();
        req.may_any(&format!("/mapping/{kind}/{id}"), &["Mapping.Modify", "Mapping.Use", "Mapping.Audit"])
    };
    let show: fn(&mut Map, &str, bool) = |row, _, listed| {
        if !listed {
            row.shift_remove("id");
        }
    };
    Kind {
        path,
        options: Options(options),
        full_update: true,
        failed,
        taken,
        missing: "mapping '{}' not found",
        gone: None,
        may_see,
        show,
        ..PLAIN
    }
}

const fn sdn(path: &'static str, id: &'static str, options: &'static str, failed: [&'static str; 3], taken: &'static str) -> Kind {
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
    mapping(
        "/cluster/mapping/dir",
        "dir: map! description",
        ["create directory mapping failed", "update directory mapping failed", "delete dir mapping failed"],
        "dir ID '{}' already defined",
    ),
    mapping(
        "/cluster/mapping/pci",
        "pci: map! description mdev live-migration-capable",
        ["create hardware mapping failed", "update hardware mapping failed", "delete pci mapping failed"],
        "pci ID '{}' already defined",
    ),
    mapping(
        "/cluster/mapping/usb",
        "usb: map! description",
        ["create hardware mapping failed", "update hardware mapping failed", "delete usb mapping failed"],
        "usb ID '{}' already defined",
    ),
    Kind {
        path: "/cluster/metrics/server",
        secret: &["token"],
        taken: "Metric server '{}' already exists",
        missing: "status server entry '{}' does not exist",
        gone: Some("cannot lookup undefined type! at /usr/share/perl5/PVE/API2/Cluster/MetricServer.pm line 295."),
        show: metric_server,
        ..PLAIN
    },
    Kind {
        path: "/cluster/replication",
        only_type: "local",
        options: Options("local: target!= disable comment rate schedule remove_job source"),
        taken: "replication job '{}' already exists",
        missing: "no such replication job '{}'",
        gone: Some("no such job '{}'"),
        may_see: |req, id, _| req.may(&format!("/vms/{}", guest_of(id)), &["VM.Audit"]),
        before: replication,
        ..PLAIN
    },
    Kind {
        path: "/cluster/jobs/realm-sync",
        only_type: "realm-sync",
        options: Options("realm-sync: schedule! scope! realm!= enabled comment enable-new remove-vanished"),
        taken: "Job '{}' already exists",
        missing: "No such job '{}'",
        missing_status: 400,
        gone: Some("400 Parameter verification failed.\nid: No such job '{}'"),
        show: |row, id, listed| {
            row.entry("enabled").or_insert_with(|| 1.into());
            if listed {
                row.insert("id".into(), id.into());
            } else {
                row.shift_remove("id");
            }
            row.shift_remove("digest");
        },
        on_change: realm_sync,
        ..PLAIN
    },
    Kind {
        built_in: standalone,
        secret: &["data"],
        path: "/cluster/acme/plugins",
        taken: "ACME plugin ID '{}' already exists",
        missing: "ACME plugin '{}' not defined",
        gone: Some("ACME plugin '{}' not defined"),
        ..PLAIN
    },
    endpoint("/cluster/notifications/endpoints/sendmail", mail_to_root, &[]),
    endpoint("/cluster/notifications/endpoints/gotify", Vec::new, &["token"]),
    endpoint("/cluster/notifications/endpoints/smtp", Vec::new, &["password"]),
    endpoint("/cluster/notifications/endpoints/webhook", Vec::new, &["secret"]),
    notification(
        "/cluster/notifications/matchers",
        default_matcher,
        &[],
        "Could not create matcher: '{}' already exists",
        "matcher '{}' does not exist",
    ),
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

fn text<'a>(config: &'a Map, key: &str) -> &'a str {
    config.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn standalone() -> Vec<Value> {
    vec![json!({ "plugin": "standalone", "type": "standalone", "digest": sha1_hex("") })]
}

fn mail_to_root() -> Vec<Value> {
    let comment = "Send mails to root@pam's email address";
    vec![json!({ "name": "mail-to-root", "mailto-user": ["root@pam"], "comment": comment, "origin": "builtin" })]
}

fn default_matcher() -> Vec<Value> {
    let comment = "Route all notifications to mail-to-root";
    vec![json!({ "name": "default-matcher", "target": ["mail-to-root"], "mode": "all", "origin": "builtin", "comment": comment })]
}

fn pve_ipam() -> Vec<Value> {
    vec![json!({ "ipam": "pve", "type": "pve", "digest": sha1_hex("") })]
}

/// A list shows only the address of a server and whether it is used; the entry itself has no name.
fn metric_server(row: &mut Map, _: &str, listed: bool) {
    row.shift_remove("digest");
    if listed {
        row.entry("disable").or_insert_with(|| 0.into());
        row.retain(|key, _| matches!(key.as_str(), "id" | "disable" | "type" | "server" | "port"));
    } else {
        row.shift_remove("id");
    }
}

fn guest_of(job: &str) -> u32 {
    job.split('-').next().and_then(|id| id.parse().ok()).unwrap_or(0)
}

/// Every change of a replication job needs VM.Replicate; a new one a guest and another node.
fn replication(req: &Req<'_>) -> Result<(), Refusal> {
    let guest = guest_of(req.params.text("id"));
    if req.method == "GET" {
        return Ok(());
    }
    req.check(&format!("/vms/{guest}"), &["VM.Replicate"])?;
    if req.method == "POST" {
        let target = req.params.text("target");
        let Some(guest) = req.state.guests.get(&guest) else {
            return Err(Refusal::die(format!("Guest '{guest}' does not exist.")));
        };
        // A host without a cluster has no member list to find itself in.
        if req.state.cluster.is_none() || !req.state.nodes.contains_key(target) {
            return Err(Refusal::die(format!("Target '{target}' does not exist.")));
        }
        if guest.node == target {
            return Err(Refusal::die("Source and target must not be identical"));
        }
        if let Some(volume) = unreplicable(req.state, guest) {
            return Err(Refusal::die(format!("missing replicate feature on volume '{volume}'")));
        }
    }
    Ok(())
}

fn realm_sync(req: &Req<'_>, _: &str, config: &Map) -> Result<(), Refusal> {
    let realm = text(config, "realm");
    match req.state.access.realms.get(realm).map(|realm| text(realm, "type")) {
        None => Err(Refusal::param("realm", format!("No such realm '{realm}'"))),
        Some("ldap" | "ad") => Ok(()),
        Some(_) => Err(Refusal::param("realm", "Only LDAP/AD realms can be synced.")),
    }
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

/// A path that names a VNet needs it to exist.
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
