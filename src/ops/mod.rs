//! What takes several calls in order. Reports through traits, and never prints.

pub mod address;
pub mod context;
pub mod backup;
pub mod guests;
pub mod history;
pub mod live;
pub mod lock;
pub mod nodes;
pub mod power;
#[cfg(feature = "fence")]
pub mod smart;
pub mod restore;
pub mod time;
#[cfg(feature = "fence")]
pub mod usb;
