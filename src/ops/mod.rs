//! What takes several calls in order. Reports through traits, and never prints.

pub mod denial;
pub mod guests;
pub mod login;
pub mod nodes;
pub mod role;
pub mod time;
