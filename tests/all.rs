//! The one integration binary: a file per noun, and what holds the whole together.

mod api;
mod boundaries;
mod connection;
mod replay;
mod support;
mod surface;
mod waiting;
