//! The decision on a change.

use crate::api::Call;
use crate::fault::Result;
use crate::guard::journal::{Record, local_user, new_id, now};
use crate::guard::plan::Held;
use crate::guard::run::Approved;
use crate::guard::{Change, Plan, confirm};
use crate::session::Session;

/// What became of a change.
pub enum Pass {
    /// It may be carried out.
    Go(Approved),
    /// It was asked for as a plan only.
    Planned(Plan),
}

/// Puts a change before the gates, the person and the journal.
pub fn ask(session: &Session, change: Change) -> Result<Pass> {
    let rules = &session.rules;
    // A plan is shown whoever asks, and also where nobody can be asked.
    let permissions = || session.client()?.get(&Call::get(crate::path!["access", "permissions"]));
    let held: Option<Held> = if rules.plan { permissions().ok() } else { None };
    let plan = Plan::of(&change, &session.context, session.who(), held.as_ref());
    if rules.plan {
        return Ok(Pass::Planned(plan));
    }
    let decided = match rules.gate {
        Some(gate) if change.items.iter().any(crate::guard::Item::pending) => Err((gate.word(), gate.fault(&session.context))),
        _ => confirm::confirm(&change, &plan, rules, session.person.as_ref()).map_err(|fault| ("confirmation", fault)),
    };
    let id = new_id();
    if let Err((by, fault)) = decided {
        // The refusal stands whether it can be written down or not.
        let _ = session.journal.write(&Record::Blocked {
            id,
            time: now(),
            context: session.context.clone(),
            user: local_user(),
            pid: std::process::id(),
            verb: session.verb.clone(),
            command: session.command.clone(),
            by: by.into(),
            message: fault.message.clone(),
        });
        return Err(fault);
    }
    Ok(Pass::Go(Approved::new(id, change, plan)))
}
