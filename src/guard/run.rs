//! Runs approved changes step by step, and records each target before, during and after.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;
use std::thread;
use std::time::Instant;

use serde_json::{Map, Value as Json, json};

use crate::api::answer::DENIED;
use crate::api::tasks::Verdict;
use crate::api::{Request, Upid};
use crate::fault::{CHECK_FIRST, Fate, Fault, Kind, Result};
use crate::guard::change::{Change, Do, Item, Outputs, Settled, Step};
use crate::guard::journal::{Record, local_user, now};
use crate::guard::outcome::{Outcome, Status};
use crate::guard::{Permit, Plan, redact};
use crate::routes;
use crate::session::Session;
use crate::task::{self, Watched};

/// An approved change. Running it is the only way to write.
pub struct Approved {
    id: String,
    pub change: Change,
    plan: Plan,
}

/// The result of a target's steps, for the verification.
#[derive(Debug, Default)]
pub struct Done {
    pub outputs: Outputs,
    /// The last task.
    pub upid: Option<Upid>,
    pub exitstatus: Option<String>,
    /// The end of the task's log.
    pub log: Vec<String>,
    /// Lines of its log that report a failure although the task succeeded.
    pub failures: Vec<String>,
    pub warnings: u32,
    pub detached: bool,
}

impl Done {
    /// Returns the result of the verification, unless the log reports a failure.
    fn clean(&self, extra: Map<String, Json>) -> Result<Map<String, Json>> {
        match &self.upid {
            Some(upid) if !self.failures.is_empty() => Err(task::hidden(upid, &self.failures)),
            _ => Ok(extra),
        }
    }

    /// Returns the fault of the verification with the log lines that report a failure.
    fn with_failures(&self, fault: Fault) -> Fault {
        if self.failures.is_empty() { fault } else { Fault { log: self.failures.clone(), ..fault } }
    }
}

impl Approved {
    pub(super) fn new(id: String, change: Change, plan: Plan) -> Self {
        Self { id, change, plan }
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    /// Runs all targets, also after failures. `finish` verifies the result of a target whose steps succeeded, and returns additional
    /// keys of its result.
    pub fn run(self, session: &Session, finish: impl Fn(&Item, &Done) -> Result<Map<String, Json>> + Sync) -> Result<Vec<Outcome>> {
        if self.change.items.iter().any(Item::pending) {
            session.journal.write(&Record::Intent {
                id: self.id.clone(),
                time: now(),
                context: session.context.clone(),
                who: session.who().into(),
                user: local_user(),
                pid: std::process::id(),
                verb: session.verb.clone(),
                command: session.command.clone(),
                plan: serde_json::to_value(&self.plan).unwrap_or_default(),
            })?;
        }
        let mut lanes: BTreeMap<&str, VecDeque<usize>> = BTreeMap::new();
        for (index, item) in self.change.items.iter().enumerate() {
            lanes.entry(&item.lane).or_default().push_back(index);
        }
        let workers = self.change.jobs.clamp(1, lanes.len().max(1));
        let queue: Mutex<VecDeque<VecDeque<usize>>> = Mutex::new(lanes.into_values().collect());
        let ended: Mutex<BTreeMap<usize, Outcome>> = Mutex::default();
        // A separate scope: the lock must be released before the work begins, or lanes would wait for each other.
        let next = || lock(&queue).pop_front();
        let work = || {
            while let Some(lane) = next() {
                for index in lane {
                    let outcome = self.one(session, index, &finish);
                    lock(&ended).insert(index, outcome);
                }
            }
        };
        if workers == 1 {
            work();
        } else {
            thread::scope(|scope| (0..workers).for_each(|_| drop(scope.spawn(work))));
        }
        Ok(ended.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner).into_values().collect())
    }

    fn one(&self, session: &Session, index: usize, finish: &(impl Fn(&Item, &Done) -> Result<Map<String, Json>> + Sync)) -> Outcome {
        let item = &self.change.items[index];
        let mut outcome = Outcome::new(&session.context, &item.target, item.action, Status::Ok);
        outcome.extra.clone_from(&item.extra);
        match &item.settled {
            Some(Settled::Unchanged) => {
                outcome.status = Status::Unchanged;
                return outcome;
            }
            Some(Settled::Refused(fault)) => {
                outcome.fail(Fault::clone(fault));
                return outcome;
            }
            None => {}
        }
        if let Some(signal) = session.interrupt.seen() {
            outcome.fail(crate::session::stopped(signal, &format!("{}: not begun", item.label())));
            return outcome;
        }
        let begun = Instant::now();
        outcome.started_at = Some(now());
        let mut done = Done::default();
        let result = item
            .steps
            .iter()
            .try_for_each(|step| self.step(session, index, step, &mut done))
            .and_then(|()| if done.detached { Ok(Map::new()) } else { finish(item, &done).and_then(|extra| done.clean(extra)) })
            .map_err(|fault| done.with_failures(fault));
        outcome.upid = done.upid.as_ref().map(Upid::to_string);
        outcome.exitstatus.clone_from(&done.exitstatus);
        outcome.duration_s = (begun.elapsed().as_secs_f64() * 1000.0).round() / 1000.0;
        match result {
            Ok(extra) => {
                outcome.extra.extend(extra);
                outcome.status = match done {
                    Done { detached: true, .. } => Status::Detached,
                    Done { warnings: 1.., .. } => Status::Warnings,
                    _ => Status::Ok,
                };
            }
            Err(fault) if item.already.iter().any(|words| fault.message.contains(words)) => outcome.status = Status::Unchanged,
            // For a raw call, the host's error already begins with the call.
            Err(fault) if item.action == Item::RAW => outcome.fail(fault),
            Err(fault) => {
                let attempted = self.attempted(item, &fault);
                outcome.fail(fault.while_(attempted));
            }
        }
        let record = Record::Verdict {
            id: self.id.clone(),
            time: now(),
            item: index,
            upid: outcome.upid.clone(),
            status: outcome.status.word().into(),
            message: outcome.fault.as_ref().map(Fault::to_string),
            duration_s: outcome.duration_s,
        };
        if let Err(fault) = session.journal.write(&record) {
            session.person.warn(&fault.message);
        }
        outcome
    }

    /// Returns the subject of an error: one of several targets, or the whole change if it was denied.
    fn attempted(&self, item: &Item, fault: &Fault) -> String {
        match &self.change.items[..] {
            [_] if fault.kind == Kind::Denied => format!("cannot {}", self.change.summary),
            _ => item.label(),
        }
    }

    fn step(&self, session: &Session, index: usize, step: &Step, done: &mut Done) -> Result<()> {
        let Some(request) = step.filled(&done.outputs)? else {
            if let Do::Act(act) = &step.what {
                let answer = act.run(&done.outputs, &Permit::new())?;
                done.outputs.put(step.name, answer);
            }
            return Ok(());
        };
        let item = &self.change.items[index];
        let first = item.steps.first().is_some_and(|first| first.name == step.name);
        self.call(session, index, step, &request, done).map_err(|mut fault| {
            redact::echoed(&request, &mut fault);
            if fault.privilege.is_some() && item.action != Item::RAW {
                DENIED.clone_into(&mut fault.message);
            }
            // A failed call names itself; a task or a permission error does not.
            let unnamed = fault.upid.is_some() || fault.message == DENIED;
            if first || !unnamed { fault } else { fault.while_(step.name) }
        })
    }

    /// Sends the request of a step, and waits for its task.
    fn call(&self, session: &Session, index: usize, step: &Step, request: &Request, done: &mut Done) -> Result<()> {
        let answer = self.send(session, request, &Permit::new())?;
        let upid = answer.as_str().and_then(|text| text.parse::<Upid>().ok());
        done.outputs.put(step.name, answer);
        let Some(upid) = upid else { return Ok(()) };
        session.client()?.note_task(&upid);
        done.upid = Some(upid.clone());
        // The host is working now: a journal error must not stop the wait.
        if let Err(fault) = session.journal.write(&Record::Upid {
            id: self.id.clone(),
            time: now(),
            item: index,
            step: step.name.into(),
            upid: upid.to_string(),
        }) {
            session.person.warn(&fault.message);
        }
        if session.waits.detach {
            done.detached = true;
            return Ok(());
        }
        let item = &self.change.items[index];
        let client = session.client()?;
        let expected = if session.watch.estimates() { task::usual(client, &upid) } else { None };
        let watched = Watched { upid, label: item.step_label(step), expected };
        let ended = task::wait(client, watched, &session.waits, session.watch.as_ref(), &session.interrupt)?;
        done.exitstatus = Some(ended.exitstatus.clone());
        if let Verdict::Warnings(count) = ended.verdict {
            done.warnings = count;
            session.person.warn(&format!("{}: done, with {count} warning(s)", item.step_label(step)));
        }
        done.log.clone_from(&ended.log);
        done.failures.clone_from(&ended.failures);
        if ended.verdict.good() && !ended.failures.is_empty() {
            // The verification that follows reports the failure.
            return Ok(());
        }
        ended.fault(session.waits.fail_on_warnings).map_or(Ok(()), Err)
    }

    /// Sends a change once. If the answer is lost, searches for the task.
    fn send(&self, session: &Session, request: &Request, permit: &Permit) -> Result<Json> {
        let client = session.client()?;
        let since = client.host_time();
        let lost = match client.send(request, permit).and_then(|reply| started(request, reply.read(request)?)) {
            Ok(answer) => return Ok(answer),
            Err(fault) if fault.fate() == Fate::Unknown => fault,
            Err(fault) => {
                if client.gave_up() {
                    session.person.warn(&format!("{}: skipped after five failed connections in a row", session.context));
                }
                return Err(fault);
            }
        };
        let unknown = |why: &str| lost.clone().while_(format_args!("sent, result unknown ({why})")).with_hint(CHECK_FIRST);
        let Some(search) = task::lost(client, request, since) else { return Err(unknown("it starts no task")) };
        session.person.note("connection lost; looking for the task on the host");
        match task::find_lost(client, &search) {
            Ok(upid) => Ok(json!(upid.to_string())),
            Err(fault) => Err(unknown(&fault.message)),
        }
    }
}

/// Returns the UPID if the answer is one.
fn started(request: &Request, answer: Json) -> Result<Json> {
    let starts = routes::find(request).is_some_and(|(row, _)| row.always_starts_task());
    if !starts || answer.as_str().is_some_and(|text| text.parse::<Upid>().is_ok()) {
        return Ok(answer);
    }
    // The host's answer if no guest is on that node: nothing is backed up.
    if answer == json!("OK") && request.path.last().is_some_and(|last| last == "vzdump") {
        let node = request.node().unwrap_or_default();
        return Err(Fault::not_found(format!("{request}: nothing was backed up: none of these guests are on node '{node}'"))
            .with_hint("check where they are with `felhom guest list`"));
    }
    Err(Fate::Unknown.fault(true, format!("{request}: the host answered without a task ID")))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
