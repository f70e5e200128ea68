//! Waiting for what a host does in the background.

mod watch;

pub use watch::{Step, Watch, Watched};
