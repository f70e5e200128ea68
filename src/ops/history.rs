//! Changes in the journal, with their targets and results.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value as Json;

use crate::api::tasks::{self, Verdict};
use crate::api::{Method, Request, Upid, Value};
use crate::fault::Result;
use crate::guard::Record;
use crate::guard::journal::now;
use crate::session::Session;
use crate::task;

/// A change or a refusal in the journal.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    pub id: String,
    /// RFC 3339.
    pub time: String,
    pub context: String,
    /// The user or token, as the host reports it.
    pub who: Option<String>,
    pub user: String,
    pub verb: String,
    pub summary: String,
    pub command: Vec<String>,
    /// Combined status of all targets: `ok`, `failed`, `blocked`, `unfinished`, …
    pub status: String,
    /// What blocked it: read-only mode, a rule, tags or the user.
    pub blocked_by: Option<String>,
    pub message: Option<String>,
    pub targets: Vec<TargetResult>,
    #[serde(skip)]
    plan: Json,
    /// The process that runs or ran it.
    #[serde(skip)]
    pid: u32,
}

#[derive(Debug, Clone, Serialize)]
pub struct TargetResult {
    pub action: String,
    pub vmid: Option<u64>,
    pub name: Option<String>,
    pub upid: Option<String>,
    /// Absent if the run ended before the result was written.
    pub status: Option<String>,
    pub message: Option<String>,
    pub duration_s: Option<f64>,
    /// The step of its last task.
    #[serde(skip)]
    step: Option<String>,
}

impl Entry {
    pub fn unfinished(&self) -> bool {
        self.status == "unfinished"
    }

    fn update_status(&mut self) {
        if self.blocked_by.is_some() {
            return;
        }
        let mut words: Vec<&str> = self.targets.iter().map(|t| t.status.as_deref().unwrap_or("unfinished")).collect();
        words.sort_unstable();
        words.dedup();
        self.status = match words[..] {
            [] => "ok".into(),
            [one] => one.into(),
            _ if words.contains(&"unfinished") => "unfinished".into(),
            _ => "partial".into(),
        };
    }
}

/// Returns the changes in a journal, newest first.
pub fn entries(records: Vec<Record>) -> Vec<Entry> {
    let mut found: BTreeMap<String, Entry> = BTreeMap::new();
    let mut order: Vec<String> = Vec::new();
    for record in records {
        match record {
            Record::Intent { id, time, context, who, user, pid, verb, command, plan } => {
                order.push(id.clone());
                let targets = targets(&plan);
                let summary = plan.get("summary").and_then(Json::as_str).unwrap_or_default().to_owned();
                let entry = Entry {
                    id: id.clone(),
                    time,
                    context,
                    who: Some(who),
                    user,
                    verb,
                    summary,
                    command,
                    status: String::new(),
                    blocked_by: None,
                    message: None,
                    targets,
                    plan,
                    pid,
                };
                found.insert(id, entry);
            }
            Record::Upid { id, item, upid, step, .. } => {
                if let Some(end) = found.get_mut(&id).and_then(|entry| entry.targets.get_mut(item)) {
                    (end.upid, end.step) = (Some(upid), Some(step));
                }
            }
            Record::Verdict { id, item, upid, status, message, duration_s, .. } => {
                if let Some(end) = found.get_mut(&id).and_then(|entry| entry.targets.get_mut(item)) {
                    end.upid = upid.or_else(|| end.upid.take());
                    (end.status, end.message, end.duration_s) = (Some(status), message, Some(duration_s));
                }
            }
            Record::Blocked { id, time, context, who, user, pid, verb, command, by, message, plan } => {
                order.push(id.clone());
                let status = if by == "stage" { "staged" } else { "blocked" };
                let mut targets = targets(&plan);
                for end in &mut targets {
                    end.status.get_or_insert_with(|| status.into());
                }
                let entry = Entry {
                    id: id.clone(),
                    time,
                    context,
                    who: Some(who).filter(|who| !who.is_empty()),
                    user,
                    summary: plan.get("summary").and_then(Json::as_str).unwrap_or(&verb).to_owned(),
                    verb,
                    command,
                    status: status.into(),
                    blocked_by: Some(by),
                    message: Some(message),
                    targets,
                    plan: Json::Null,
                    pid,
                };
                found.insert(id, entry);
            }
        }
    }
    let mut entries: Vec<Entry> = order.into_iter().rev().filter_map(|id| found.remove(&id)).collect();
    entries.iter_mut().for_each(Entry::update_status);
    entries
}

fn targets(plan: &Json) -> Vec<TargetResult> {
    plan.get("items").and_then(Json::as_array).map(|items| items.iter().map(target).collect()).unwrap_or_default()
}

fn target(item: &Json) -> TargetResult {
    let text = |key: &str| item.get(key).and_then(Json::as_str).map(str::to_owned);
    // A target that was decided beforehand was not sent and has no result record.
    let settled = text("status").filter(|status| status != "planned");
    TargetResult {
        action: text("action").unwrap_or_default(),
        vmid: item.get("vmid").and_then(Json::as_u64),
        name: text("name"),
        upid: None,
        status: settled,
        message: text("message"),
        duration_s: None,
        step: None,
    }
}

/// Asks the host for the results of targets without one and writes them to the journal. Running tasks stay unfinished.
pub fn settle(session: &Session, entry: &mut Entry) -> Result<()> {
    for item in 0..entry.targets.len() {
        if entry.targets[item].status.is_some() {
            continue;
        }
        let known = entry.targets[item].upid.as_ref().and_then(|text| text.parse::<Upid>().ok());
        let upid = match known {
            Some(upid) => upid,
            None => match search(session, entry, item) {
                Some((upid, step)) => {
                    entry.targets[item].step = Some(step);
                    upid
                }
                None => continue,
            },
        };
        entry.targets[item].upid = Some(upid.to_string());
        let status = session.client()?.get(&tasks::status(&upid))?;
        let Some(exit) = status.ended().map(str::to_owned) else {
            entry.targets[item].message = Some("still running on the host".into());
            continue;
        };
        let (word, message) = match Verdict::of(&exit) {
            Verdict::Ok => ("ok", None),
            Verdict::Warnings(_) => ("warnings", Some(exit)),
            Verdict::Failed(_) => ("failed", Some(exit)),
        };
        let (word, message) = match next_step(entry, item) {
            // The process that started it may still do the remaining steps.
            Some(_) if word != "failed" && process_exists(entry.pid) => {
                entry.targets[item].message = Some("still in progress".into());
                continue;
            }
            Some(rest) if word != "failed" => {
                let step = entry.targets[item].step.as_deref().unwrap_or("first");
                ("interrupted", Some(format!("step '{step}' succeeded, but the run ended before step '{rest}'")))
            }
            _ => (word, message),
        };
        let record = Record::Verdict {
            id: entry.id.clone(),
            time: now(),
            item,
            upid: Some(upid.to_string()),
            status: word.into(),
            message: message.clone(),
            duration_s: 0.0,
        };
        session.journal.write(&record)?;
        let end = &mut entry.targets[item];
        (end.status, end.message) = (Some(word.into()), message);
    }
    entry.update_status();
    Ok(())
}

/// Returns the step after that of the target's last task; it was not started.
fn next_step(entry: &Entry, item: usize) -> Option<String> {
    let steps = entry.plan.pointer(&format!("/items/{item}/steps"))?.as_array()?;
    let name = |step: &Json| step.get("name").and_then(Json::as_str).map(str::to_owned);
    let last = entry.targets[item].step.clone()?;
    let at = steps.iter().rposition(|step| name(step).as_ref() == Some(&last))?;
    name(steps.get(at + 1)?)
}

/// Whether a process with this number exists. If another process reused the number, the change stays unfinished longer.
fn process_exists(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    pid.is_some_and(|pid| rustix::process::test_kill_process(pid) != Err(rustix::io::Errno::SRCH))
}

/// Finds the task of a target whose UPID is not in the journal, because the run ended before the answer arrived.
fn search(session: &Session, entry: &Entry, item: usize) -> Option<(Upid, String)> {
    let sent = u64::try_from(entry.time.parse::<jiff::Timestamp>().ok()?.as_second()).ok()?;
    let steps = entry.plan.pointer(&format!("/items/{item}/steps"))?.as_array()?;
    let client = session.client().ok()?;
    steps.iter().find_map(|step| {
        let lost = task::lost(client, &request(step)?, sent)?;
        Some((task::find_lost(client, &lost).ok()?, step.get("name")?.as_str()?.to_owned()))
    })
}

/// Rebuilds the request of a planned step, as far as needed to find its task.
fn request(step: &Json) -> Option<Request> {
    let method =
        [Method::Post, Method::Put, Method::Delete].into_iter().find(|m| step.get("method").and_then(Json::as_str) == Some(m.word()))?;
    let path = step.get("path")?.as_str()?;
    let mut request = Request::new(method, path.split('/').skip(1).map(str::to_owned).collect());
    for (key, value) in step.get("params").and_then(Json::as_object)? {
        request.params.push((key.clone(), Value::Text(value.as_str().unwrap_or_default().to_owned())));
    }
    Some(request)
}
