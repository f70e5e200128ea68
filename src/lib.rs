//! felhom: an operator's command line for Proxmox VE 9.

#[cfg(feature = "cli")]
pub mod api;
#[cfg(feature = "cli")]
pub mod config;
#[cfg(feature = "demo")]
pub mod demo;
#[cfg(feature = "exec")]
pub mod exec;
pub mod fault;
#[cfg(feature = "cli")]
pub mod guard;
pub mod interrupt;
#[cfg(feature = "cli")]
pub mod routes;
pub mod secret;
#[cfg(feature = "cli")]
pub mod session;
#[cfg(feature = "cli")]
pub mod task;
#[cfg(feature = "cli")]
pub mod transport;
#[cfg(feature = "cli")]
pub mod ui;
