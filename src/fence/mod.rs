//! The root backend: the closed list of operations that no API token may do, its wire protocol, and both of its sides.

pub mod disks;
pub mod fstab;
pub mod host;
pub mod mountinfo;
pub mod policy;
#[cfg(any(test, feature = "demo"))]
pub mod pretend;
pub mod protocol;
pub mod request;
pub mod sensors;
pub mod smart;
pub mod text;
pub mod unit;
