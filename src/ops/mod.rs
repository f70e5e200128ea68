//! What takes several calls in order. Reports through traits, and never prints.

pub mod context;
pub mod guests;
pub mod history;
pub mod nodes;
pub mod time;
