//! Waiting for tasks: trusts only their `exitstatus`, reports to a [`Watch`], draws nothing.

mod find;
pub mod percent;
mod poll;
mod usual;
mod wait;
pub mod watch;

pub use find::{Lost, find_lost, lost};
pub use usual::usual;
pub use wait::{Ended, Waits, hidden, wait, wait_all};
pub use watch::{Step, Watch, Watched};
