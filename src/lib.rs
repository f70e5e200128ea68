//! felhom: an operator's command line for Proxmox VE 9.

#[cfg(feature = "cli")]
pub mod api;
#[cfg(feature = "demo")]
pub mod demo;
#[cfg(feature = "exec")]
pub mod exec;
pub mod fault;
pub mod interrupt;
#[cfg(feature = "cli")]
pub mod routes;
pub mod secret;
