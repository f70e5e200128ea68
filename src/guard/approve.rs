//! The decision on a change.

use crate::api::cluster;
use crate::fault::{Fault, Result};
use crate::guard::journal::{Record, local_user, new_id, now};
use crate::guard::plan::Held;
use crate::guard::run::Approved;
use crate::guard::stage::{self, Staged};
use crate::guard::{Change, Do, Item, Plan, Settled, confirm};
use crate::session::Session;

/// What became of a change.
pub enum Pass {
    /// It may be carried out.
    Go(Approved),
    /// It was asked for as a plan only.
    Planned(Plan),
    /// It is kept for later.
    Staged(Box<Staged>, Plan),
}

/// Puts a change before the gates, the person and the journal.
pub fn ask(session: &Session, change: Change) -> Result<Pass> {
    let rules = &session.rules;
    // What a verb refused for single targets is a refusal too, and is written down.
    for item in &change.items {
        if let (Some(Settled::Refused(fault)), false) = (&item.settled, rules.plan) {
            blocked(session, "guard", fault);
        }
    }
    // A change without a single call (an installation over ssh) needs no API, and may be planned where there is none; a plan is
    // shown whoever asks, and also where nobody can be asked.
    let calls = change.items.iter().flat_map(|item| &item.steps).any(|step| matches!(step.what, Do::Call(_)));
    let permissions = || session.client()?.get(&cluster::permissions());
    let held: Option<Held> = if rules.plan && calls { permissions().ok() } else { None };
    let plan = Plan::of(&change, &session.context, session.who(), held.as_ref());
    if rules.plan {
        return Ok(Pass::Planned(plan));
    }
    let pending = change.items.iter().any(Item::pending);
    if let Some(gate) = rules.gate.filter(|_| pending) {
        return Err(refuse(session, gate.word(), gate.fault(&session.context)));
    }
    if rules.stage && pending && rules.applying.is_none() {
        let staged = stage::stage(session, &change, &plan).map_err(|fault| refuse(session, "stage", fault))?;
        blocked(session, "stage", &Fault::refused(format!("staged as {}", staged.id)));
        return Ok(Pass::Staged(Box::new(staged), plan));
    }
    confirm::confirm(&change, &plan, rules, session.person.as_ref()).map_err(|fault| refuse(session, "confirmation", fault))?;
    if let Some(applying) = &rules.applying {
        stage::admit(session, &change, applying).map_err(|fault| refuse(session, "plan", fault))?;
    }
    if calls && pending {
        session.client()?.greet()?;
    }
    Ok(Pass::Go(Approved::new(new_id(), change, plan)))
}

fn refuse(session: &Session, by: &str, fault: Fault) -> Fault {
    blocked(session, by, &fault);
    fault
}

/// Writes the refusal down. It stands whether that works or not.
fn blocked(session: &Session, by: &str, fault: &Fault) {
    let _ = session.journal.write(&Record::Blocked {
        id: new_id(),
        time: now(),
        context: session.context.clone(),
        user: local_user(),
        pid: std::process::id(),
        verb: session.verb.clone(),
        command: session.command.clone(),
        by: by.into(),
        message: crate::guard::redact::text(&fault.message),
    });
}
