//! The calls that the host answers: what a handler gets and gives, and the table of them.

mod access;
mod certificates;
mod cluster;
mod guest;
mod nodes;
mod params;
mod reply;
mod req;
mod routes;
mod version;

pub use params::Params;
pub use reply::{Answer, Refusal, Reply};
pub use req::{Req, Upload};
pub use routes::{Handler, Route, handler};
