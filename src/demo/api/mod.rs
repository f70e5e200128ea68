//! The API: requests, replies, handlers and the routing table.

mod access;
mod ceph;
mod cluster;
mod firewall;
mod guest;
mod index;
mod nodes;
mod params;
mod pools;
mod reply;
mod req;
mod routes;
mod section;
mod storage;
mod tasks;
mod version;

pub use params::Params;
pub use reply::{Answer, Refusal, Reply};
pub use req::{Call, Req, Upload};
pub use routes::{Handler, Route, handler};
