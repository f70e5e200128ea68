//! What takes several calls in order. Reports through traits, and never prints.

pub mod address;
pub mod backup;
pub mod context;
#[cfg(feature = "fence")]
pub mod create;
pub mod denial;
pub mod disks;
pub mod doctor;
pub mod guests;
pub mod history;
pub mod live;
pub mod lock;
pub mod login;
pub mod nodes;
pub mod power;
pub mod restore;
pub mod role;
pub mod root_only;
pub mod settings;
#[cfg(feature = "fence")]
pub mod smart;
pub mod snapshots;
pub mod time;
#[cfg(feature = "fence")]
pub mod usb;
