//! The root backend: the closed list of operations that no API token may do, its wire protocol, and both of its sides.

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
#[cfg(any(test, feature = "demo"))]
pub mod pretend;
pub mod protocol;
pub mod request;
pub mod sensors;
pub mod smart;
pub mod sudoers;
pub mod text;
pub mod unit;
