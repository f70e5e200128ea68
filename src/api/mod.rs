//! What Proxmox is, as values: calls, replies, task ids. No I/O.

pub mod answer;
pub mod call;
pub mod lenient;
pub mod upid;

pub use answer::Reply;
pub use call::{Call, Method, Pace, Request, Value};
pub use upid::Upid;
