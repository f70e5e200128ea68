//! After a backup task: verifies that the backup exists, or explains why it does not.

use serde_json::{Map, Value as Json, json};

use crate::api::{storage, tasks};
use crate::fault::{Fault, Kind, Result};
use crate::guard::{Done, Item, Outcome, Status};
use crate::ops::backup::archive::{self, Archive};
use crate::ops::backup::log::{self, ParsedLog};
use crate::ops::backup::scope::{Consistency, Mode};
use crate::session::Session;

/// Reads and parses the log of a task.
fn read_log(session: &Session, upid: &crate::api::Upid) -> Result<ParsedLog> {
    let lines = session.client()?.get(&tasks::log(upid, 0, 0))?;
    Ok(log::read(lines.iter().map(|line| line.t.as_str())))
}

/// Finds the backup that the log names in the storage's content.
fn listed(session: &Session, node: &str, storage: &str, vmid: u32, name: &str) -> Result<Option<Archive>> {
    let call = storage::content(node, storage).with("content", "backup").with("vmid", vmid);
    let volumes = session.client()?.get(&call)?;
    Ok(volumes.into_iter().find(|volume| archive::name(&volume.volid) == name).map(|volume| Archive::of(&session.context, node, volume)))
}

fn text<'a>(item: &'a Map<String, Json>, key: &str) -> &'a str {
    item.get(key).and_then(Json::as_str).unwrap_or_default()
}

/// Verifies after a successful task that the backup exists and is not empty.
pub fn verify(session: &Session, item: &Item, done: &Done) -> Result<Map<String, Json>> {
    let mut keys = Map::new();
    let (Some(upid), Some(node), Some(vmid)) = (&done.upid, &item.target.node, item.target.vmid) else {
        return Err(Fault::new(Kind::TaskFailed, "the host started no backup; the guest may have moved to another node")
            .with_hint("run it again to find the guest on its present node"));
    };
    let parsed = read_log(session, upid)?;
    let storage = text(&item.extra, "storage");
    let Some(name) = &parsed.archive else {
        return Err(Fault::new(Kind::TaskFailed, "task succeeded, but its log names no archive").with_upid(upid));
    };
    let Some(archive) = listed(session, node, storage, vmid, name)? else {
        return Err(Fault::new(Kind::TaskFailed, format!("task succeeded, but backup '{name}' is missing on storage '{storage}'"))
            .with_hint("check the storage and its retention: a rule may have pruned the backup at once")
            .with_upid(upid));
    };
    if archive.size_bytes == Some(0) {
        return Err(Fault::new(Kind::TaskFailed, format!("task succeeded, but the archive {} is empty", archive.archive)).with_upid(upid));
    }
    let asked = Mode::of(text(&item.extra, "mode"));
    if let (Some(asked), Some(mode)) = (asked, parsed.mode) {
        let fell_back = asked == Mode::Snapshot && mode == Mode::Suspend;
        if fell_back {
            session
                .person
                .warn(&format!("{}: a volume does not support snapshots, so the guest was suspended during the backup", item.target));
        }
        keys.insert("mode".into(), json!(mode.word()));
    }
    let expected = match text(&item.extra, "consistency") {
        "stopped" => Consistency::Stopped,
        "fsfreeze" => Consistency::Fsfreeze,
        _ => Consistency::Crash,
    };
    keys.insert("consistency".into(), json!(parsed.consistency(expected).word()));
    keys.insert("archive".into(), json!(archive.archive));
    keys.insert("size_bytes".into(), json!(archive.size_bytes));
    keys.insert("notes".into(), json!(archive.notes));
    keys.insert("protected".into(), json!(archive.protected));
    Ok(keys)
}

/// Adds the reason from the log, and whether a backup was created, to failed outcomes.
pub fn explain(session: &Session, outcomes: &mut [Outcome]) {
    for outcome in outcomes {
        if outcome.status == Status::Ok || outcome.status == Status::Warnings {
            add_rate(outcome);
        }
        let Some(fault) = outcome.fault.clone() else { continue };
        let parsed = match (&outcome.upid, fault.kind) {
            (Some(upid), Kind::TaskFailed | Kind::Denied | Kind::TaskWarnings) => {
                upid.parse().ok().and_then(|upid| read_log(session, &upid).ok()).unwrap_or_default()
            }
            // The call was refused or not sent: no task was started.
            (None, kind) if kind != Kind::Unknown => ParsedLog::default(),
            _ => continue,
        };
        let made = made(session, outcome, &parsed);
        if let Some(archive) = &made {
            outcome.extra.insert("archive".into(), json!(archive.archive));
            outcome.extra.insert("size_bytes".into(), json!(archive.size_bytes));
        }
        let fault = explained(outcome, fault, &parsed, made.as_ref());
        outcome.fail(fault);
    }
}

fn made(session: &Session, outcome: &Outcome, parsed: &ParsedLog) -> Option<Archive> {
    let (node, vmid, name) = (outcome.node.as_ref()?, outcome.vmid?, parsed.archive.as_ref()?);
    listed(session, node, text(&outcome.extra, "storage"), vmid, name).ok()?
}

fn explained(outcome: &Outcome, mut fault: Fault, parsed: &ParsedLog, made: Option<&Archive>) -> Fault {
    let what = format!("backup of {}", crate::guard::Target { vmid: outcome.vmid, name: outcome.name.clone(), ..Default::default() });
    let ending = match made {
        Some(archive) => format!("backup '{}' exists anyway", archive.archive),
        None => "no backup was created".to_owned(),
    };
    let cause = if fault.kind == Kind::TaskFailed { parsed.why() } else { None };
    fault.message = match cause {
        Some(cause) => format!("{what}: {cause}; {ending}"),
        None if fault.message.contains(&ending) => fault.message,
        None => format!("{}; {ending}", fault.message),
    };
    fault
}

/// Adds the backup rate in bytes per second.
fn add_rate(outcome: &mut Outcome) {
    let size = outcome.extra.get("size_bytes").and_then(Json::as_u64);
    if let Some(size) = size.filter(|_| outcome.duration_s > 0.0) {
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let rate = (size as f64 / outcome.duration_s) as u64;
        outcome.extra.insert("rate_bytes_s".into(), json!(rate));
    }
}
