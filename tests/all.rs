//! The one integration binary: a file per noun, and what holds the whole together.

mod api;
mod replay;
mod support;
