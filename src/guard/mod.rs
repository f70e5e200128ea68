//! The only way to make a change: rules, plan, impact, confirmation, journal.
//!
//! An operation builds a [`Change`]. [`ask`] approves, plans, stages or refuses it. [`Approved`] runs it, and is the only
//! source of the [`Permit`] that the write path of a transport requires.

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
