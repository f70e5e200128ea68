//! The root helper (`felhom-fence`): operations that Proxmox VE allows to no API token. The protocol, the client and the helper.

#[cfg(feature = "cli")]
pub mod check;
#[cfg(feature = "cli")]
pub mod client;
pub mod disks;
pub mod fstab;
pub mod host;
#[cfg(feature = "cli")]
pub mod install;
pub mod mountinfo;
pub mod net;
pub mod policy;
pub mod protocol;
pub mod request;
pub mod sensors;
#[cfg(any(test, feature = "demo"))]
pub mod simulated;
pub mod smart;
pub mod sudoers;
pub mod text;
pub mod unit;
