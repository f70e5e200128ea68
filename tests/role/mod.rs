//! `felhom role` against the demo host.

mod bootstrap;
mod check;
mod exact;
mod login;
mod narrow;
mod node;
mod plan;
mod rotate;
mod secrets;
mod spy;
pub mod support;
