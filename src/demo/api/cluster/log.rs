//! The cluster log.

use serde_json::{Value, json};

use crate::demo::api::{Answer, Req, Route};

pub(super) const ROUTES: &[Route] = &[("GET", "/cluster/log", log)];

fn log(req: &mut Req<'_>) -> Answer {
    let (all, asks, now_ms) = (req.may("/", &["Sys.Syslog"]), req.who.name(), req.now_ms);
    let max = usize::try_from(req.params.int("max").unwrap_or(50)).unwrap_or(50);
    let mut lines = Vec::new();
    for task in &req.state.tasks {
        if !all && task.user != asks {
            continue;
        }
        let upid = task.upid();
        lines.push((task.start_ms / 1000, task, format!("starting task {upid}")));
        if let Some(doing) = doing(&task.kind) {
            lines.push((task.start_ms / 1000, task, format!("{doing} {}: {upid}", task.id)));
        }
        if let (Some(ended), Some(status)) = (task.ended_ms(now_ms), task.exit_status(now_ms)) {
            lines.push((ended / 1000, task, format!("end task {upid} {status}")));
        }
    }
    lines.sort_by_key(|(time, _, _)| *time);
    let rows = lines.iter().enumerate().rev().take(max).map(|(i, (time, task, msg))| {
        json!({
            "id": format!("{}:{}", i + 1, task.node), "uid": (i + 1).to_string(), "node": task.node, "user": task.user, "pid": task.pid,
            "pri": if msg.ends_with(" OK") || msg.starts_with("starting") { 6 } else { 3 }, "tag": "pvedaemon", "time": time, "msg": msg,
        })
    });
    Ok(rows.collect::<Value>().into())
}

/// Returns the additional log line of a power action or snapshot.
fn doing(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "vzstart" => "starting CT",
        "vzstop" => "stopping CT",
        "vzshutdown" => "shutdown CT",
        "vzsnapshot" => "snapshot container",
        "qmstart" => "start VM",
        "qmstop" => "stop VM",
        "qmshutdown" => "shutdown VM",
        "qmsnapshot" => "snapshot VM",
        _ => return None,
    })
}
