//! Replication, metric servers and ACME plugins.

use serde_json::{Value, json};

use super::{Kind, PLAIN};
use crate::demo::api::guest::unreplicable;
use crate::demo::api::section::Options;
use crate::demo::api::{Refusal, Req};
use crate::demo::state::{Map, sha1_hex};

pub(super) const KINDS: &[Kind] = &[
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
        built_in: standalone,
        secret: &["data"],
        path: "/cluster/acme/plugins",
        taken: "ACME plugin ID '{}' already exists",
        missing: "ACME plugin '{}' not defined",
        gone: Some("ACME plugin '{}' not defined"),
        ..PLAIN
    },
];

fn standalone() -> Vec<Value> {
    vec![json!({ "plugin": "standalone", "type": "standalone", "digest": sha1_hex("") })]
}

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
