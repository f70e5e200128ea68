//! What takes several calls in order. Reports through traits, and never prints.

pub mod guests;
pub mod history;
pub mod nodes;
#[cfg(feature = "fence")]
pub mod smart;
pub mod time;
#[cfg(feature = "fence")]
pub mod usb;
