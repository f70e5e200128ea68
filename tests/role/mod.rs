//! `felhom role` against the demo host.

mod bootstrap;
mod check;
mod exact;
mod login;
mod narrow;
mod rotate;
mod secrets;
mod support;
