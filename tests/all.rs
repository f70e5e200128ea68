//! The one integration binary: a file per noun, and what holds the whole together.
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "a test may end where it stands, and says why it skips")]

mod api;
mod api_docs;
mod backup;
mod boundaries;
mod complete;
mod connection;
mod context;
mod contract;
mod demo;
mod demo_guests;
mod demo_host;
mod doctor;
mod fence;
mod guard;
mod guest;
mod guest_power;
mod guest_set;
mod node;
mod output;
mod replay;
mod restore;
mod role;
mod snapshot;
mod storage;
mod support;
mod surface;
mod task;
mod terminal;
mod transports;
mod waiting;
