//! Backups: listing, contents, creating, retention and pruning.

pub mod after;
pub mod age;
pub mod archive;
pub mod hidden;
pub mod job;
pub mod keep;
pub mod log;
pub mod prune;
pub mod run;
pub mod scope;
pub mod store;

pub use archive::Archive;
pub use keep::Keep;
pub use scope::{Consistency, Mode, Part};
