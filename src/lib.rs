//! felhom: an operator's command line for Proxmox VE 9.

#[cfg(feature = "cli")]
pub mod api;
#[cfg(feature = "exec")]
pub mod exec;
pub mod fault;
pub mod interrupt;
#[cfg(feature = "cli")]
pub mod routes;
pub mod secret;
#[cfg(feature = "cli")]
pub mod task;
#[cfg(feature = "cli")]
pub mod ui;
