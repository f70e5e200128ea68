//! The one door that every change goes through: gates, plan, impact, confirmation, journal.
//!
//! An operation builds a [`Change`]; [`ask`] lets it pass, shows it, or refuses it; what passed is run by [`Approved`], which
//! alone can make the [`Permit`] that a transport's write path takes.

mod approve;
mod change;
mod confirm;
pub mod journal;
pub mod outcome;
mod permit;
pub mod plan;
mod rules;
mod run;
pub mod stage;
pub mod tags;

pub use crate::redact;
pub use approve::{Pass, ask, gate, refused_early};
pub use change::{Act, Change, Do, Impact, Item, Outputs, Pending, Settled, Step, Target};
pub use confirm::{Person, said};
pub use journal::{Journal, Record};
pub use outcome::{Outcome, Status, verdict};
pub use permit::{Permit, stop_task};
pub use plan::{Needed, Plan, PlannedItem, PlannedStep};
pub use rules::{Gate, Rules};
pub use run::{Approved, Done};
pub use stage::{Applying, Broken, Shelf, Staged, by_prefix};
pub use tags::TagRules;
