//! SDN fabrics and the nodes in them.

use super::sdn::sdn;
use super::{Kind, text};
use crate::api::schema;
use crate::demo::api::{Refusal, Req};
use crate::demo::state::Map;

const EXISTS: &str = "fabric '{}' already exists in config";

pub(super) const KINDS: &[Kind] = &[
    Kind {
        section: "sdn-fabrics",
        missing: "fabric '{}' does not exist in configuration",
        gone: Some("fabric '{}' does not exist in configuration"),
        deleted: |state, id| state.section_mut("sdn-fabric-nodes").retain(|_, node| text(node, "fabric_id") != id),
        on_change: fabric,
        ..sdn("/cluster/sdn/fabrics/fabric", "id", "", ["adding fabric failed", "updating fabric failed", "deleting fabric failed"], EXISTS)
    },
    Kind {
        section: "sdn-fabric-nodes",
        name: |req, given| format!("{}_{given}", req.params.text("fabric_id")),
        shown: |id| id.rsplit('_').next().unwrap_or(id).to_owned(),
        missing: "node '{node}' does not exist in fabric '{fabric}'",
        gone: Some("node '{node}' does not exist in fabric '{fabric}'"),
        may_see: node_is_visible,
        on_change: node,
        ..sdn(
            "/cluster/sdn/fabrics/node",
            "node_id",
            "",
            ["adding node failed", "updating node failed", "deleting node failed"],
            "node '{node}' already exists in config for fabric {fabric}",
        )
    },
];

/// Lists the nodes of the fabric in the path, or of all.
fn node_is_visible(req: &Req<'_>, id: &str, config: &Map) -> bool {
    let fabric = text(config, "fabric_id");
    let node = id.rsplit('_').next().unwrap_or_default();
    req.params.get("fabric_id").is_none_or(|wanted| wanted == fabric)
        && req.may_any(&format!("/sdn/fabrics/{fabric}"), &["SDN.Audit", "SDN.Allocate"])
        && req.may_any(&format!("/nodes/{node}"), &["Sys.Audit", "Sys.Modify"])
}

/// A changed prefix has to contain the addresses of the nodes.
fn fabric(req: &Req<'_>, id: &str, config: &Map) -> Result<(), Refusal> {
    let mut nodes = req.state.section("sdn-fabric-nodes").filter(|(_, node)| text(node, "fabric_id") == id);
    nodes.try_for_each(|(_, node)| addresses(id, config, node))
}

fn node(req: &Req<'_>, id: &str, config: &Map) -> Result<(), Refusal> {
    let name = text(config, "fabric_id");
    let Some(fabric) = req.state.sections.get("sdn-fabrics").and_then(|fabrics| fabrics.get(name)) else {
        return Err(Refusal::die(format!("fabric '{name}' does not exist in configuration")));
    };
    if text(fabric, "protocol") != text(config, "protocol") {
        return Err(Refusal::die("node has a different protocol than the referenced fabric"));
    }
    addresses(name, fabric, config)?;
    let same = |(other, node): (&String, &Map)| {
        other != id
            && text(node, "fabric_id") == name
            && ["ip", "ip6"].iter().any(|key| config.contains_key(*key) && node.get(*key) == config.get(*key))
    };
    if req.state.section("sdn-fabric-nodes").any(same) {
        return Err(Refusal::die(format!("fabric {name} contains nodes with duplicated IPs")));
    }
    Ok(())
}

/// Checks the addresses of a node against the prefixes of its fabric.
fn addresses(fabric: &str, config: &Map, node: &Map) -> Result<(), Refusal> {
    for (ip, prefix) in [("ip", "ip_prefix"), ("ip6", "ip6_prefix")] {
        let why = match (text(node, ip), text(config, prefix)) {
            ("", "") => continue,
            ("", prefix) => format!("node '{}' does not have an IP configured for this fabric prefix {prefix}", text(node, "node_id")),
            (ip, "") => format!("fabric '{fabric}' does not have an IP prefix configured for the node IP {ip}"),
            (ip, prefix) if !schema::in_network(ip, prefix) => format!("node IP {ip} is outside the IP prefix {prefix} of the fabric"),
            _ => continue,
        };
        return Err(Refusal::die(why));
    }
    Ok(())
}
