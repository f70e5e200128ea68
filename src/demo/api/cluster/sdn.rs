//! Applying, locking and rolling back the SDN configuration, and its status on nodes.

use serde_json::{Value, json};

use crate::demo::api::nodes::the_node;
use crate::demo::api::{Answer, Refusal, Reply, Req, Route, section};
use crate::demo::state::{Map, State, sha1_hex};
use crate::demo::tasks::{Effect, TaskSpec};

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/cluster/sdn/dry-run", dry_run),
    ("PUT", "/cluster/sdn", apply),
    ("POST", "/cluster/sdn/lock", lock),
    ("DELETE", "/cluster/sdn/lock", release),
    ("POST", "/cluster/sdn/rollback", rollback),
    ("GET", "/nodes/{node}/sdn/zones", node_zones),
    ("GET", "/nodes/{node}/sdn/zones/{zone}/content", zone_vnets),
    ("GET", "/nodes/{node}/sdn/zones/{zone}/bridges", zone_bridges),
    ("GET", "/nodes/{node}/sdn/zones/{zone}/ip-vrf", not_applied),
    ("GET", "/nodes/{node}/sdn/vnets/{vnet}/mac-vrf", not_applied),
];

/// Refuses a call about an object that is not applied.
fn not_applied(req: &mut Req<'_>) -> Answer {
    let name = if req.template.contains("/zones") { "zone" } else { "vnet" };
    Err(Refusal::param(name, format!("{name} does not exist")))
}

/// The files that are applied and rolled back together.
const SECTIONS: [&str; 6] = ["sdn-zones", "sdn-vnets", "sdn-subnets", "sdn-controllers", "sdn-fabrics", "sdn-fabric-nodes"];
const LOCK: &str = "sdn-lock";

fn lock_token(state: &State) -> Option<&str> {
    state.sections.get(LOCK)?.get("lock")?.get("token")?.as_str()
}

/// Refuses a change without the token of the current lock.
pub(super) fn check_lock(req: &Req<'_>, failed_to: &str) -> Result<(), Refusal> {
    match lock_token(req.state) {
        Some(token) if req.params.get("lock-token") != Some(token) => {
            let why = "invalid lock token provided! at /usr/share/perl5/PVE/Network/SDN.pm line 291.";
            Err(section::failed(failed_to, why))
        }
        _ => Ok(()),
    }
}

fn is_pending(state: &State) -> bool {
    let files = |section: &str| state.sections.get(section).cloned().unwrap_or_default();
    SECTIONS.iter().any(|section| files(section) != files(&format!("{section}-applied")))
}

fn lock(req: &mut Req<'_>) -> Answer {
    let failed_to = "could not acquire lock for SDN config";
    check_lock(req, failed_to)?;
    if !req.params.flag("allow-pending") && is_pending(req.state) {
        let why = "configuration has pending changes at /usr/share/perl5/PVE/API2/Network/SDN.pm line 150.";
        return Err(section::failed(failed_to, why));
    }
    let token = sha1_hex(&format!("{}{}", req.state.ticket_key, req.now_ms));
    let token = format!("{}-{}-{}-{}-{}", &token[..8], &token[8..12], &token[12..16], &token[16..20], &token[20..32]);
    let entry = Map::from_iter([("token".to_owned(), token.clone().into())]);
    req.state.section_mut(LOCK).insert("lock".to_owned(), entry);
    Ok(Value::from(token).into())
}

fn release(req: &mut Req<'_>) -> Answer {
    if !req.params.flag("force") {
        check_lock(req, "could not release lock")?;
    }
    req.state.section_mut(LOCK).clear();
    Ok(Reply::null())
}

fn rollback(req: &mut Req<'_>) -> Answer {
    check_lock(req, "could not rollback SDN configuration")?;
    for section in SECTIONS {
        let applied = req.state.sections.get(&format!("{section}-applied")).cloned().unwrap_or_default();
        *req.state.section_mut(section) = applied;
    }
    if req.params.has("lock-token") && req.params.bool("release-lock") != Some(false) {
        req.state.section_mut(LOCK).clear();
    }
    Ok(Reply::null())
}

/// Whether the caller may see a zone.
fn may_see(req: &Req<'_>, id: &str) -> bool {
    req.may_any(&format!("/sdn/zones/{id}"), &["SDN.Audit", "SDN.Allocate"])
}

fn apply(req: &mut Req<'_>) -> Answer {
    for section in SECTIONS {
        let wanted = req.state.sections.get(section).cloned().unwrap_or_default();
        *req.state.section_mut(&format!("{section}-applied")) = wanted;
    }
    req.state.sdn_version += 1;
    let mut spec = TaskSpec::new("reloadnetworkall", "");
    for node in req.state.nodes.values() {
        spec = spec.log(format!("{}: reloading network config", node.name)).takes(1.0);
        let failed = if node.online { node.reload_error.as_deref() } else { Some("No route to host") };
        spec = match failed {
            None => spec.then(Effect::ReloadNetwork { node: node.name.clone() }),
            Some(why) => {
                let through = if node.name == req.state.local { "" } else { "proxy handler failed: " };
                let command = format!("pvesh set /nodes/{}/network --regenerate-frr 0", node.name);
                spec.log(format!("{through}{why}")).log(format!("command '{command}' failed: exit code 255"))
            }
        };
    }
    // On the host, the task ends with OK anyway.
    req.start(spec.ok())
}

/// Returns the differences that applying would make on a node.
fn dry_run(req: &mut Req<'_>) -> Answer {
    let (now, then) = ("-applied", "");
    let interfaces = [now, then].map(|suffix| interfaces(req.state, suffix));
    let routing = [now, then].map(|suffix| routing(req.state, suffix));
    let diff = |file: &str, [now, then]: &[Vec<String>; 2]| {
        let gone: String = now.iter().filter(|line| !then.contains(line)).map(|line| format!("-{line}\n")).collect();
        let new: String = then.iter().filter(|line| !now.contains(line)).map(|line| format!("+{line}\n")).collect();
        if gone.is_empty() && new.is_empty() { String::new() } else { format!("--- {file}\n+++ {file}\n{gone}{new}") }
    };
    Ok(json!({
        "frr-diff": diff("/etc/frr/frr.conf", &routing), "interfaces-diff": diff("/etc/network/interfaces.d/sdn", &interfaces),
    })
    .into())
}

/// Returns the stanzas of the VNets.
fn interfaces(state: &State, suffix: &str) -> Vec<String> {
    let vnets = state.section(&format!("sdn-vnets{suffix}")).flat_map(|(id, vnet)| {
        let alias = vnet.get("alias").and_then(Value::as_str).map(|alias| format!("\talias {alias}"));
        [format!("auto {id}"), format!("iface {id}")].into_iter().chain(alias)
    });
    vnets.collect()
}

/// Returns the routers of controllers and fabrics.
fn routing(state: &State, suffix: &str) -> Vec<String> {
    let controllers = state.section(&format!("sdn-controllers{suffix}"));
    let controllers = controllers.map(|(_, config)| format!("router bgp {}", config.get("asn").map(Value::to_string).unwrap_or_default()));
    let fabrics = state.section(&format!("sdn-fabrics{suffix}"));
    let fabrics = fabrics.map(|(id, config)| format!("router {} {id}", config.get("protocol").and_then(Value::as_str).unwrap_or_default()));
    controllers.chain(fabrics).collect()
}

fn node_zones(req: &mut Req<'_>) -> Answer {
    let (status, _) = on_node(req);
    let zones = req.state.section("sdn-zones-applied").filter(|(id, _)| may_see(req, id));
    Ok(zones.map(|(id, _)| json!({ "zone": id, "status": status })).collect::<Value>().into())
}

/// Returns the status of the applied configuration on the node of the path, and the reason.
fn on_node(req: &Req<'_>) -> (&'static str, Option<&'static str>) {
    match the_node(req).sdn_version {
        version if version >= req.state.sdn_version => ("available", None),
        0 => ("pending", Some("local sdn network configuration is not yet generated, please reload")),
        _ => ("pending", Some("local sdn network configuration is too old, please reload")),
    }
}

/// Returns the applied VNets of the zone in the path.
fn vnets_of_zone(req: &Req<'_>) -> Vec<String> {
    let zone = req.params.text("zone");
    let mine = |config: &Map| config.get("zone").and_then(Value::as_str) == Some(zone);
    req.state.section("sdn-vnets-applied").filter(|(_, config)| mine(config)).map(|(id, _)| id.clone()).collect()
}

fn zone_vnets(req: &mut Req<'_>) -> Answer {
    let (status, why) = on_node(req);
    let rows = vnets_of_zone(req).into_iter().map(|vnet| {
        let mut row = json!({ "vnet": vnet, "status": status });
        if let Some(why) = why {
            row["statusmsg"] = why.into();
        }
        row
    });
    Ok(rows.collect::<Value>().into())
}

fn zone_bridges(req: &mut Req<'_>) -> Answer {
    let zone = req.params.text("zone");
    if !req.state.section("sdn-zones-applied").any(|(id, _)| id == zone) {
        return not_applied(req);
    }
    let rows = vnets_of_zone(req).into_iter().map(|vnet| json!({ "name": vnet, "vlan_filtering": null, "ports": [] }));
    Ok(rows.collect::<Value>().into())
}
