//! Restoring guests: read, decide, change, verify.

pub mod change;
pub mod config;
pub mod decide;
pub mod identity;
pub mod read;
pub mod trust;
pub mod verify;
pub mod volumes;
