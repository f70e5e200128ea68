//! Approval of a change: checks, plan, confirmation, journal.

use std::sync::atomic::Ordering;

use crate::api::cluster;
use crate::fault::{Fault, Result};
use crate::guard::journal::{Record, local_user, new_id, now};
use crate::guard::plan::Permissions;
use crate::guard::run::Approved;
use crate::guard::stage::{self, Shelf, Staged};
use crate::guard::{Change, Do, Item, Journal, Plan, Settled, Step, confirm, redact};
use crate::routes;
use crate::session::Session;

/// Outcome of the approval.
pub enum Pass {
    /// The change may be carried out.
    Go(Approved),
    /// Only a plan was requested.
    Planned(Plan),
    /// The change was staged.
    Staged(Box<Staged>, Plan),
}

/// Checks a change against the rules, asks for confirmation and writes the journal.
pub fn ask(session: &Session, change: Change) -> Result<Pass> {
    let rules = &session.rules;
    // A change without API calls (an installation over ssh) does not need the API. A plan is shown to any session, and also without
    // a terminal.
    let calls = change.items.iter().flat_map(|item| &item.steps).any(|step| matches!(step.what, Do::Call(_)));
    let permissions = || session.client()?.get(&cluster::permissions());
    let held: Option<Permissions> = if rules.plan && calls { permissions().ok() } else { None };
    let plan = Plan::of(&change, &session.context, session.who(), &session.verb, held.as_ref());
    if rules.plan {
        if let Some(why) = session.client().ok().filter(|_| calls).and_then(crate::transport::Client::without_quorum) {
            session.person.warn(&format!("{why}; the change would be refused"));
        }
        return Ok(Pass::Planned(plan));
    }
    // Targets refused by the command itself are refusals too, and belong in the journal.
    for (at, item) in change.items.iter().enumerate() {
        if let Some(Settled::Refused(fault)) = &item.settled {
            blocked(session, &plan.only(at), "guard", fault);
        }
    }
    let refuse = |by: &str, fault: Fault| {
        blocked(session, &plan, by, &fault);
        fault
    };
    let pending = change.items.iter().any(Item::pending);
    if let Some(fault) = detached(session, &change) {
        return Err(fault);
    }
    if let Some(gate) = rules.gate.filter(|_| pending) {
        return Err(refuse(gate.word(), gate.fault(&session.context)));
    }
    if rules.stage && pending && rules.applying.is_none() {
        let staged = stage::stage(session, &change, &plan).map_err(|fault| refuse("secret", fault))?;
        blocked(session, &plan, "stage", &Fault::refused(format!("staged as {}", staged.id)));
        return Ok(Pass::Staged(Box::new(staged), plan));
    }
    let applying = rules.applying.as_ref().filter(|applying| !applying.begun.load(Ordering::Relaxed));
    if let Some(applying) = applying {
        stage::admit(session, &change, applying).map_err(|fault| refuse("plan", fault))?;
    }
    confirm::confirm(&change, &plan, rules, session.person.as_ref()).map_err(|fault| refuse("confirmation", fault))?;
    if calls && pending {
        session.client()?.greet()?;
    }
    if let Some(applying) = applying {
        // All checks have passed: from here on the staged change counts as used.
        session.journal.ready()?;
        let shelf = Shelf::at(&session.state_dir);
        shelf.take(&applying.staged.id, &session.interrupt).map_err(|fault| refuse("plan", fault))?;
        applying.begun.store(true, Ordering::Relaxed);
    }
    Ok(Pass::Go(Approved::new(new_id(), change, plan)))
}

/// With `--detach`, nothing may follow the task, because nothing waits for its end.
fn detached(session: &Session, change: &Change) -> Option<Fault> {
    let begins_a_task = |step: &Step| match &step.what {
        Do::Call(request) => routes::find(request).is_some_and(|(row, _)| row.task.is_some()),
        Do::Act(_) => false,
    };
    let mut pending = change.items.iter().filter(|item| session.waits.detach && item.pending());
    let (item, next) = pending.find_map(|item| Some((item, item.steps.windows(2).find(|two| begins_a_task(&two[0]))?[1].name)))?;
    Some(
        Fault::usage(format!("--detach cannot be used here: '{next}' must wait for the task before it ({})", item.label()))
            .with_hint("leave --detach out, or do it in two commands"),
    )
}

/// Refuses a change that read-only mode or `writes = "deny"` forbids, before asking for a password.
pub fn gate(session: &Session) -> Result<()> {
    let Some(gate) = session.rules.gate.filter(|_| !session.rules.plan) else { return Ok(()) };
    let fault = gate.fault(&session.context);
    refused_early(&session.journal, &session.context, gate.word(), &session.verb, &session.command, &fault);
    Err(fault)
}

/// Records a refusal that happened before there was a change.
pub fn refused_early(journal: &Journal, context: &str, by: &str, verb: &str, command: &[String], fault: &Fault) {
    let _ = journal.write(&Record::Blocked {
        id: new_id(),
        time: now(),
        context: context.to_owned(),
        who: String::new(),
        user: local_user(),
        pid: std::process::id(),
        verb: verb.to_owned(),
        command: command.to_vec(),
        by: by.to_owned(),
        message: redact::text(&fault.message),
        plan: serde_json::Value::Null,
    });
}

/// Records a refusal. An error of the journal does not change the refusal.
fn blocked(session: &Session, plan: &Plan, by: &str, fault: &Fault) {
    let _ = session.journal.write(&Record::Blocked {
        id: new_id(),
        time: now(),
        context: session.context.clone(),
        who: plan.who.clone(),
        user: local_user(),
        pid: std::process::id(),
        verb: session.verb.clone(),
        command: session.command.clone(),
        by: by.into(),
        message: redact::text(&fault.message),
        plan: serde_json::to_value(plan).unwrap_or_default(),
    });
}
