//! felhom: an operator's command line for Proxmox VE 9.

#[cfg(feature = "cli")]
pub mod api;
#[cfg(feature = "exec")]
pub mod exec;
pub mod fault;
#[cfg(feature = "fence")]
pub mod fence;
pub mod interrupt;
pub mod secret;
