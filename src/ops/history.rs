//! What the journal tells: every change with its targets, and how each ended.

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

/// A change, or a refusal, as the journal has it.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    pub id: String,
    /// RFC 3339.
    pub time: String,
    pub context: String,
    /// Whom the host saw.
    pub who: Option<String>,
    pub user: String,
    pub verb: String,
    pub summary: String,
    pub command: Vec<String>,
    /// `ok`, `failed`, `blocked`, `unfinished`, … of all targets together.
    pub status: String,
    /// What blocked it: a gate, the tags, the person.
    pub blocked_by: Option<String>,
    pub message: Option<String>,
    pub targets: Vec<TargetEnd>,
    #[serde(skip)]
    plan: Json,
}

#[derive(Debug, Clone, Serialize)]
pub struct TargetEnd {
    pub action: String,
    pub vmid: Option<u64>,
    pub name: Option<String>,
    pub upid: Option<String>,
    /// Absent where the run ended before its verdict was written.
    pub status: Option<String>,
    pub message: Option<String>,
    pub duration_s: Option<f64>,
}

impl Entry {
    pub fn unfinished(&self) -> bool {
        self.status == "unfinished"
    }

    fn sum_up(&mut self) {
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

/// The changes that a journal holds, newest first.
pub fn entries(records: Vec<Record>) -> Vec<Entry> {
    let mut found: BTreeMap<String, Entry> = BTreeMap::new();
    let mut order: Vec<String> = Vec::new();
    for record in records {
        match record {
            Record::Intent { id, time, context, who, user, verb, command, plan, .. } => {
                order.push(id.clone());
                let targets =
                    plan.get("items").and_then(Json::as_array).map(|items| items.iter().map(target).collect()).unwrap_or_default();
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
                };
                found.insert(id, entry);
            }
            Record::Upid { id, item, upid, .. } => {
                if let Some(end) = found.get_mut(&id).and_then(|entry| entry.targets.get_mut(item)) {
                    end.upid = Some(upid);
                }
            }
            Record::Verdict { id, item, upid, status, message, duration_s, .. } => {
                if let Some(end) = found.get_mut(&id).and_then(|entry| entry.targets.get_mut(item)) {
                    end.upid = upid.or_else(|| end.upid.take());
                    (end.status, end.message, end.duration_s) = (Some(status), message, Some(duration_s));
                }
            }
            Record::Blocked { id, time, context, user, verb, command, by, message, .. } => {
                order.push(id.clone());
                let status = if by == "stage" { "staged" } else { "blocked" };
                let entry = Entry {
                    id: id.clone(),
                    time,
                    context,
                    who: None,
                    user,
                    summary: verb.clone(),
                    verb,
                    command,
                    status: status.into(),
                    blocked_by: Some(by),
                    message: Some(message),
                    targets: Vec::new(),
                    plan: Json::Null,
                };
                found.insert(id, entry);
            }
        }
    }
    let mut entries: Vec<Entry> = order.into_iter().rev().filter_map(|id| found.remove(&id)).collect();
    entries.iter_mut().for_each(Entry::sum_up);
    entries
}

fn target(item: &Json) -> TargetEnd {
    let text = |key: &str| item.get(key).and_then(Json::as_str).map(str::to_owned);
    // What was settled beforehand was never sent, and gets no verdict of its own.
    let settled = text("status").filter(|status| status != "planned");
    TargetEnd {
        action: text("action").unwrap_or_default(),
        vmid: item.get("vmid").and_then(Json::as_u64),
        name: text("name"),
        upid: None,
        status: settled,
        message: text("message"),
        duration_s: None,
    }
}

/// Asks the host how the targets without a verdict ended, and writes down what it says. Those that still run stay unfinished.
pub fn settle(session: &Session, entry: &mut Entry) -> Result<()> {
    for item in 0..entry.targets.len() {
        if entry.targets[item].status.is_some() {
            continue;
        }
        let known = entry.targets[item].upid.as_ref().and_then(|text| text.parse::<Upid>().ok());
        let upid = match known {
            Some(upid) => upid,
            None => match search(session, entry, item) {
                Some(upid) => upid,
                None => continue,
            },
        };
        entry.targets[item].upid = Some(upid.to_string());
        let status = session.client()?.get(&tasks::status(&upid))?;
        if status.running() {
            entry.targets[item].message = Some("still runs on the host".into());
            continue;
        }
        let exit = status.exitstatus.unwrap_or_default();
        let (word, message) = match Verdict::of(&exit) {
            Verdict::Ok => ("ok", None),
            Verdict::Warnings(_) => ("warnings", Some(exit)),
            Verdict::Failed(_) => ("failed", Some(exit)),
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
    entry.sum_up();
    Ok(())
}

/// The task of a target whose UPID was never written down: the run ended between sending and hearing.
fn search(session: &Session, entry: &Entry, item: usize) -> Option<Upid> {
    let sent = entry.time.parse::<jiff::Timestamp>().ok()?.as_second();
    let steps = entry.plan.pointer(&format!("/items/{item}/steps"))?.as_array()?;
    let client = session.client().ok()?;
    let requests = steps.iter().filter_map(request);
    requests
        .filter_map(|request| task::lost(client, &request, u64::try_from(sent).ok()?))
        .find_map(|lost| task::find_lost(client, &lost).ok())
}

/// The request of a planned step, as far as a task is found by it.
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
