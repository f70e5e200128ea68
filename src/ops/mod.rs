//! What takes several calls in order. Reports through traits, and never prints.

pub mod address;
pub mod backup;
pub mod guests;
pub mod live;
pub mod lock;
pub mod nodes;
pub mod power;
pub mod restore;
pub mod time;
