//! Creating and joining clusters, adding and removing nodes.

use serde_json::{Value, json};

use crate::demo::api::{Answer, Refusal, Reply, Req, Route};
use crate::demo::state::{Node, sha1_hex};
use crate::demo::tasks::{Effect, TaskSpec};

pub(super) const ROUTES: &[Route] = &[
    ("POST", "/cluster/config", create),
    ("GET", "/cluster/config/apiversion", |_| Ok(json!("1").into())),
    ("GET", "/cluster/config/nodes", nodes),
    ("POST", "/cluster/config/nodes/{node}", add),
    ("DELETE", "/cluster/config/nodes/{node}", remove),
    ("GET", "/cluster/config/join", join_info),
    ("POST", "/cluster/config/join", join),
    ("GET", "/cluster/config/totem", |req| Ok(totem(req).into())),
    ("GET", "/cluster/config/qdevice", |_| Ok(json!({}).into())),
];

fn nodes(req: &mut Req<'_>) -> Answer {
    if req.state.cluster.is_none() {
        return Ok(json!([]).into());
    }
    let row = |n: &Node| json!({ "node": n.name, "name": n.name, "nodeid": n.id.to_string(), "quorum_votes": "1", "ring0_addr": n.ip });
    Ok(req.state.nodes.values().map(row).collect::<Value>().into())
}

fn totem(req: &Req<'_>) -> Value {
    req.state.cluster.as_ref().map_or(Value::Null, |name| {
        json!({
            "cluster_name": name, "config_version": req.state.nodes.len().to_string(), "version": "2", "secauth": "on", "ip_version": "ipv4-6",
            "link_mode": "passive", "token_coefficient": "125", "interface": { "0": { "linknumber": "0" } },
        })
    })
}

fn join_info(req: &mut Req<'_>) -> Answer {
    let Some(cluster) = &req.state.cluster else {
        return Err(Refusal::new(424, "node is not in a cluster, no join info available!"));
    };
    let nodes = req.state.nodes.values().map(|n| {
        json!({
            "name": n.name, "nodeid": n.id.to_string(), "pve_addr": n.ip, "pve_fp": n.fingerprint, "quorum_votes": "1", "ring0_addr": n.ip,
        })
    });
    Ok(json!({
        "nodelist": nodes.collect::<Value>(), "preferred_node": req.state.local, "config_digest": sha1_hex(cluster), "totem": totem(req),
    })
    .into())
}

fn create(req: &mut Req<'_>) -> Answer {
    let name = req.params.text("clustername").to_owned();
    if req.state.cluster.is_some() {
        return Err(Refusal::die("cluster config '/etc/pve/corosync.conf' already exists"));
    }
    let local = req.state.local.clone();
    if let Some(node) = req.state.nodes.get_mut(&local) {
        node.id = 1;
    }
    req.state.cluster = Some(name.clone());
    let spec = TaskSpec::new("clustercreate", name)
        .log("Corosync Cluster Engine Authentication key generator.")
        .log("Gathering 2048 bits for key from /dev/urandom.")
        .log("Writing corosync key to /etc/corosync/authkey.")
        .log("Writing corosync config to /etc/pve/corosync.conf")
        .takes(0.5)
        .log("Restart corosync and cluster filesystem");
    req.start(spec.takes(1.0).ok())
}

/// Joins a cluster. Errors are reported by the task.
fn join(req: &mut Req<'_>) -> Answer {
    let (address, node) = (req.params.text("hostname").to_owned(), req.node());
    let spec = TaskSpec::new("clusterjoin", "");
    let mut wrong = String::new();
    if req.state.cluster.is_some() {
        wrong.push_str(
            "\n* authentication key '/etc/corosync/authkey' already exists\n* cluster config '/etc/pve/corosync.conf' already exists",
        );
    }
    if req.state.guests.values().any(|guest| guest.node == node) {
        wrong.push_str("\n* this host already contains virtual guests");
    }
    if !wrong.is_empty() && !req.params.flag("force") {
        let spec = format!("detected the following error(s):{wrong}").lines().fold(spec, TaskSpec::log);
        return req.start(spec.fail("Check if node may join a cluster failed!"));
    }
    let spec = spec.log(format!("Establishing API connection with host '{address}'")).takes(0.5);
    let Some(neighbor) = req.state.neighbors.get(&address) else {
        return req.start(spec.fail(format!("500 Can't connect to {address}:8006 (No route to host)")));
    };
    let there = &neighbor.node.fingerprint;
    if req.params.get("fingerprint").is_some_and(|given| given != there) {
        let why = format!("fingerprint '{there}' not verified, abort!");
        return req.start(spec.fail(why));
    }
    if req.params.text("password") != neighbor.password {
        return req.start(spec.fail("401 authentication failure"));
    }
    let spec = spec
        .log("Login succeeded.")
        .log("check cluster join API version")
        .log("Request addition of this node")
        .takes(1.0)
        .log("Join request OK, finishing setup locally")
        .log("stopping pve-cluster service")
        .takes(4.0)
        .log("waiting for quorum...OK")
        .log("generate new node certificate")
        .then(Effect::JoinCluster { address })
        .log(format!("successfully added node '{node}' to cluster."));
    req.start(spec.ok())
}

/// Adds a node to the configuration. It is offline until it has joined.
fn add(req: &mut Req<'_>) -> Answer {
    let name = req.params.text("node").to_owned();
    let Some(cluster) = req.state.cluster.clone() else {
        return Err(Refusal::die("cluster config '/etc/pve/corosync.conf' does not exist"));
    };
    if req.state.nodes.contains_key(&name) && !req.params.flag("force") {
        return Err(Refusal::die(format!("can't add existing node '{name}'")));
    }
    let last = req.state.nodes.values().map(|node| node.id).max().unwrap_or(0);
    let id = req.params.int("nodeid").and_then(|id| u32::try_from(id).ok()).unwrap_or(last + 1);
    let ip = req.params.get("new_node_ip").unwrap_or_default().to_owned();
    req.state.nodes.entry(name.clone()).or_insert_with(|| Node { name, id, ip, ..Node::default() });
    let node = |node: &Node| {
        format!("  node {{\n    name: {}\n    nodeid: {}\n    quorum_votes: 1\n    ring0_addr: {}\n  }}\n", node.name, node.id, node.ip)
    };
    let nodes: String = req.state.nodes.values().map(node).collect();
    let version = req.state.nodes.len();
    let text = format!("nodelist {{\n{nodes}}}\n\ntotem {{\n  cluster_name: {cluster}\n  config_version: {version}\n}}\n");
    Ok(json!({ "corosync_authkey": sha1_hex(&cluster), "corosync_conf": text, "warnings": [] }).into())
}

/// Removes a node. A running one is stopped before the configuration is written, so the others may lose quorum.
fn remove(req: &mut Req<'_>) -> Answer {
    let name = req.params.text("node").to_owned();
    if name == req.state.local {
        return Err(Refusal::die("Cannot delete myself from cluster!"));
    }
    let Some(node) = req.state.nodes.get_mut(&name) else {
        return Err(Refusal::die(format!("Node/IP: {name} is not a known host of the cluster.")));
    };
    node.online = false;
    if !req.state.quorate() {
        return Err(Refusal::die(req.state.unwritable("corosync.conf.new")));
    }
    req.state.nodes.remove(&name);
    Ok(Reply::null())
}
