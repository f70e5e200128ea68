//! Waiting for what a host does in the background.

pub mod percent;
pub mod watch;

pub use watch::{Step, Watch, Watched};
