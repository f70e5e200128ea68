//! Schedules, CPU flags and the figures for metric servers.

use serde_json::{Value, json};

use super::schedule::next_run;
use crate::demo::api::{Answer, Refusal, Req, Route};

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/cluster/metrics/export", metrics),
    ("GET", "/cluster/qemu/cpu-flags", no_cpu_flags),
    ("GET", "/cluster/jobs/schedule-analyze", analyze),
];

fn no_cpu_flags(_: &mut Req<'_>) -> Answer {
    Err(Refusal::die("Cannot query understood QEMU CPU flags for architecture: x86_64 (file not found)"))
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

/// Returns the current metrics of every node.
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
