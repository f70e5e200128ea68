//! What takes several calls in order. Reports through traits, and never prints.

pub mod address;
pub mod guests;
pub mod history;
pub mod live;
pub mod lock;
pub mod nodes;
pub mod power;
pub mod time;
