//! Restoring: read, decide, change, verify.

pub mod config;
