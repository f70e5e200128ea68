//! Task lists, status and logs, and stopping tasks.

use serde_json::{Value, json};

use super::{Answer, Refusal, Reply, Req, Route};
use crate::api::Upid;
use crate::demo::auth::Who;
use crate::demo::tasks::{Task, stop};

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/nodes/{node}/tasks", list),
    ("DELETE", "/nodes/{node}/tasks/{upid}", end),
    ("GET", "/nodes/{node}/tasks/{upid}/status", status),
    ("GET", "/nodes/{node}/tasks/{upid}/log", log),
    ("GET", "/cluster/tasks", cluster),
];

/// Whether the caller may see a task: a user also sees the tasks of their tokens.
fn is_own(task: &Task, who: &Who) -> bool {
    task.user == who.name() || Who::parse(&task.user).user == who.name()
}

/// Returns a row of a task list, with user and token separate.
fn facts(task: &Task) -> Value {
    let who = Who::parse(&task.user);
    let mut row = json!({
        "upid": task.upid(), "node": task.node, "pid": task.pid, "pstart": task.pstart, "starttime": task.start_ms / 1000,
        "type": task.kind, "id": task.id, "user": who.user,
    });
    if let Some(token) = who.token {
        row["tokenid"] = token.into();
    }
    row
}

/// Returns the value for the status filter: `ok`, `warning`, `error` or `unknown`.
fn class(status: Option<&str>) -> &'static str {
    match status {
        None | Some("unexpected status") => "unknown",
        Some("OK") => "ok",
        Some(text) if text.starts_with("WARNINGS: ") => "warning",
        Some(_) => "error",
    }
}

fn list(req: &mut Req<'_>) -> Answer {
    let (node, now_ms, params) = (req.node(), req.now_ms, &req.params);
    let auditor = req.may(&format!("/nodes/{node}"), &["Sys.Audit"]);
    let (start, limit) = (params.int("start").unwrap_or(0), params.int("limit").unwrap_or(50));
    let source = params.get("source").unwrap_or("archive");
    let user = params.get("userfilter").map(str::to_lowercase);
    let mut classes: Vec<String> = params.list("statusfilter").iter().map(|s| s.to_lowercase()).collect();
    if params.flag("errors") {
        classes = ["warning", "error", "unknown"].map(str::to_owned).to_vec();
    }
    let begun = |task: &Task| task.start_ms / 1000;
    let wanted = |task: &&Task| {
        let running = task.is_running(now_ms);
        task.node == node
            && (source == "all" || running == (source == "active"))
            && (auditor || is_own(task, req.who))
            && user.as_ref().is_none_or(|u| Who::parse(&task.user).user.to_lowercase().contains(u))
            && params.get("typefilter").is_none_or(|t| task.kind == t)
            && params.get("vmid").is_none_or(|id| task.id == id)
            && params.int("since").is_none_or(|at| begun(task) >= at)
            && params.int("until").is_none_or(|at| begun(task) <= at)
            && (classes.is_empty() || classes.iter().any(|c| c == class(task.exit_status(now_ms))))
    };
    let mut found: Vec<&Task> = req.state.tasks.iter().rev().filter(wanted).collect();
    // Running tasks come first, then the archive by end time, latest first.
    found.sort_by_key(|t| std::cmp::Reverse(t.ended_ms(now_ms).map_or(i64::MAX, |ms| ms)));
    let page = found.iter().skip(usize::try_from(start).unwrap_or(0)).take(usize::try_from(limit).unwrap_or(0));
    let rows = page.map(|task| {
        let mut row = facts(task);
        row["status"] = task.exit_status(now_ms).unwrap_or("RUNNING").into();
        if let Some(ended) = task.ended_ms(now_ms) {
            row["endtime"] = (ended / 1000).into();
        }
        row
    });
    Ok(Reply::page(rows.collect(), found.len()))
}

/// Returns the task of the path, or the host's error.
fn the_task<'a>(req: &'a Req<'_>) -> Result<&'a Task, Refusal> {
    let text = req.params.text("upid");
    text.parse::<Upid>().map_err(|_| Refusal::param("upid", "unable to parse worker upid"))?;
    req.state.tasks.iter().find(|t| t.upid() == text).ok_or_else(|| Refusal::param("upid", "no such task"))
}

/// Requires a privilege on the node for tasks of other users.
fn may_see(req: &Req<'_>, task: &Task, privilege: &str) -> Result<(), Refusal> {
    if is_own(task, req.who) { Ok(()) } else { req.check(&format!("/nodes/{}", req.node()), &[privilege]) }
}

fn status(req: &mut Req<'_>) -> Answer {
    let task = the_task(req)?;
    may_see(req, task, "Sys.Audit")?;
    let mut data = facts(task);
    match task.exit_status(req.now_ms) {
        Some(exit) => {
            data["status"] = "stopped".into();
            data["exitstatus"] = exit.into();
        }
        None => data["status"] = "running".into(),
    }
    Ok(data.into())
}

fn log(req: &mut Req<'_>) -> Answer {
    let task = the_task(req)?;
    may_see(req, task, "Sys.Audit")?;
    let lines = task.log(req.now_ms);
    let start = usize::try_from(req.params.int("start").unwrap_or(0)).unwrap_or(0);
    let limit = match usize::try_from(req.params.int("limit").unwrap_or(50)).unwrap_or(50) {
        0 => usize::MAX,
        limit => limit,
    };
    if lines.is_empty() {
        return Ok(Reply::page(json!([{ "n": 1, "t": "no content" }]), 1));
    }
    let page = lines.iter().enumerate().skip(start).take(limit).map(|(i, text)| json!({ "n": i + 1, "t": text }));
    Ok(Reply::page(page.collect(), lines.len()))
}

fn end(req: &mut Req<'_>) -> Answer {
    let task = the_task(req)?;
    may_see(req, task, "Sys.Modify")?;
    let upid = task.upid();
    stop(req.state, &upid, req.now_ms);
    Ok(Reply::null())
}

fn cluster(req: &mut Req<'_>) -> Answer {
    let all = req.may("/", &["Sys.Audit"]);
    let (asks, now_ms) = (req.who.name(), req.now_ms);
    let tasks = req.state.tasks.iter().rev().filter(|t| all || Who::parse(&t.user).user == asks).take(25);
    let rows = tasks.map(|task| {
        let mut row = facts(task);
        if let Some(exit) = task.exit_status(now_ms) {
            row["status"] = exit.into();
            row["endtime"] = (task.ended_ms(now_ms).unwrap_or(now_ms) / 1000).into();
            row["saved"] = "1".into();
        }
        if let Some(row) = row.as_object_mut() {
            row.shift_remove("pid");
            row.shift_remove("pstart");
        }
        row
    });
    Ok(rows.collect::<Value>().into())
}
