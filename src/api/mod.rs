//! What Proxmox is, as values: calls, replies, task ids. No I/O.

pub mod upid;

pub use upid::Upid;
