//! The Proxmox VE API as values: calls, replies, task IDs. No I/O.

pub mod access;
pub mod agent;
pub mod answer;
mod attachment;
pub mod backup;
pub mod call;
pub mod cluster;
pub mod docs;
pub mod guests;
pub mod lenient;
pub mod list;
pub mod nodes;
pub mod privileges;
pub mod property;
pub mod risk;
pub mod schema;
pub mod sdn;
pub mod sections;
pub mod storage;
pub mod tasks;
pub mod upid;

pub use answer::Reply;
pub use attachment::Attachment;
pub use call::{Call, Method, Pace, Request, Value};
pub use guests::{GuestKind, Place};
pub use property::{Form, Property};
pub use risk::Risk;
pub use upid::Upid;
