//! The helper on the host. It repeats every check as root before it acts.

mod audit;
mod busy;
mod files;
pub mod gate;
mod golden;
mod limits;
mod lock;
mod sensors;
mod serve;
mod smart;
mod system;
#[cfg(test)]
mod tests;
mod usb;

pub use serve::{Caller, answer, run};
pub use system::{Host, Real, Space, Tool, Tools};
