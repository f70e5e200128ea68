//! What a small site has none of, and what never changes: ACME accounts, realm syncs, CPU models, the figures for metric servers.

use serde_json::{Value, json};

use super::schedule::next_run;
use crate::demo::api::{Answer, Refusal, Req, Route};

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/cluster/metrics/export", metrics),
    ("GET", "/cluster/qemu/custom-cpu-models", empty),
    ("GET", "/cluster/qemu/cpu-flags", no_cpu_flags),
    ("GET", "/cluster/acme/account", empty),
    ("GET", "/cluster/acme/account/{name}", no_account),
    ("GET", "/cluster/acme/tos", offline),
    ("GET", "/cluster/acme/meta", offline),
    ("GET", "/cluster/acme/directories", directories),
    ("GET", "/cluster/acme/challenge-schema", challenges),
    ("GET", "/cluster/jobs/schedule-analyze", analyze),
];

fn empty(_: &mut Req<'_>) -> Answer {
    Ok(json!([]).into())
}

fn missing(text: String) -> Answer {
    Err(Refusal::die(text))
}

fn no_cpu_flags(_: &mut Req<'_>) -> Answer {
    missing("Cannot query understood QEMU CPU flags for architecture: x86_64 (file not found)".to_owned())
}

fn no_account(req: &mut Req<'_>) -> Answer {
    missing(format!("ACME account config file '{}' does not exist.", req.params.text("name")))
}

fn offline(_: &mut Req<'_>) -> Answer {
    let place = "acme-v02.api.letsencrypt.org";
    missing(format!("Error: GET to https://{place}/directory\nCan't connect to {place}:443 (not known)\n\nnot known at line\n"))
}

fn directories(_: &mut Req<'_>) -> Answer {
    Ok(json!([
        { "name": "Let's Encrypt V2", "url": "https://acme-v02.api.letsencrypt.org/directory" },
        { "name": "Let's Encrypt V2 Staging", "url": "https://acme-staging-v02.api.letsencrypt.org/directory" },
    ])
    .into())
}

fn challenges(_: &mut Req<'_>) -> Answer {
    Ok(json!([{ "id": "standalone", "name": "standalone", "type": "standalone", "schema": {} }]).into())
}

fn analyze(req: &mut Req<'_>) -> Answer {
    let (schedule, mut at) = (req.params.text("schedule"), req.params.int("starttime").unwrap_or_else(|| req.now()));
    let mut rows = Vec::new();
    for _ in 0..req.params.int("iterations").unwrap_or(10) {
        let Some(next) = next_run(schedule, at) else { break };
        let utc = jiff::Timestamp::from_second(next).map(|t| t.strftime("%Y-%m-%d %H:%M:%S").to_string()).unwrap_or_default();
        rows.push(json!({ "timestamp": next, "utc": utc }));
        at = next;
    }
    Ok(Value::Array(rows).into())
}

/// Every node's figures of this moment, one measure a row.
fn metrics(req: &mut Req<'_>) -> Answer {
    let now = req.now();
    let mut rows = Vec::new();
    for node in req.state.nodes.values().filter(|n| n.online) {
        let id = format!("node/{}", node.name);
        let (cpu, mem) = node.usage(now);
        let measures = [
            ("uptime", json!(node.uptime(now)), "gauge"),
            ("cpu_current", json!(cpu), "gauge"),
            ("cpu_max", json!(node.cpus), "gauge"),
            ("mem_total", json!(node.memory), "gauge"),
            ("mem_used", json!(mem), "gauge"),
            ("disk_total", json!(node.disk), "gauge"),
            ("disk_used", json!(node.disk_used()), "gauge"),
        ];
        rows.extend(
            measures.map(|(metric, value, kind)| json!({ "id": id, "metric": metric, "timestamp": now, "type": kind, "value": value })),
        );
    }
    Ok(json!({ "data": rows }).into())
}
