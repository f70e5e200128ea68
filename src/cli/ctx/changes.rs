//! Changes: from the guard to the results.

use serde_json::{Map, Value as Json};

use crate::cli::{plan_view, results};
use crate::fault::{Fault, Result};
use crate::guard::{Change, Done, Item, Outcome, Pass, ask, outcome::error_json, verdict};
use crate::session::Session;

use super::run::Ctx;

impl Ctx {
    /// Asks the guard for a change, applies it, and shows its results.
    pub fn carry_out(
        &self,
        session: &Session,
        change: Change,
        finish: impl Fn(&Item, &Done) -> Result<Map<String, Json>> + Sync,
    ) -> Result<()> {
        match self.outcomes(session, change, finish)? {
            Some(outcomes) => results::emit(&self.out, &outcomes).and_then(|()| verdict(&outcomes)),
            None => Ok(()),
        }
    }

    /// Refuses a change of one target, with a journal entry and a row in the results.
    pub fn refuse(&self, session: &Session, summary: impl Into<String>, item: Item, fault: Fault) -> Result<()> {
        self.carry_out(session, Change::one(summary, item.refused(fault)), |_, _| Ok(Map::new()))
    }

    /// As [`Ctx::carry_out`], leaving the results to the caller; `None` if the change was only shown or staged.
    pub fn outcomes(
        &self,
        session: &Session,
        change: Change,
        finish: impl Fn(&Item, &Done) -> Result<Map<String, Json>> + Sync,
    ) -> Result<Option<Vec<Outcome>>> {
        match ask(session, change)? {
            Pass::Planned(plan) => plan_view::show(&self.out, &plan, self.global.plan).map(|()| None),
            Pass::Staged(staged, plan) => plan_view::staged(&self.out, &staged, &plan, self.program()).map(|()| None),
            Pass::Go(approved) => {
                let mut outcomes = approved.run(session, finish)?;
                for outcome in &mut outcomes {
                    if let Some(fault) = &mut outcome.fault {
                        self.explain(fault, Some(&session.context));
                        outcome.error = Some(error_json(fault));
                    }
                }
                Ok(Some(outcomes))
            }
        }
    }
}
