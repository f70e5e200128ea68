//! The one integration binary: a file per noun, and what holds the whole together.

mod api;
mod guest_power;
mod replay;
mod snapshot;
mod support;
