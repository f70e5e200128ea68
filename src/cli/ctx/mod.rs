//! The state of one run of felhom: its surroundings, global flags, output and sessions.

mod changes;
mod connect;
mod denials;
#[cfg(feature = "fence")]
mod fences;
mod lists;
mod run;
mod sessions;
mod surroundings;

pub(super) use connect::{https, lost_secret};
pub use run::Ctx;
pub use surroundings::Surroundings;
