//! The one integration binary: a file per noun, and what holds the whole together.
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "a test may end where it stands, and says why it skips")]

mod api;
mod backup;
mod boundaries;
mod connection;
mod demo_guests;
mod fence;
mod guest_power;
mod replay;
mod restore;
mod support;
mod surface;
mod waiting;
