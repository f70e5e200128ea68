//! The embedded host behind `felhom demo` and the tests: an HTTPS server on loopback with its own users, permissions, tasks and state.
//!
//! A handler is a function `fn(&mut Req<'_>) -> Answer` in a file of `api/`, listed in that file's
//! `ROUTES` with its method and path template. When it runs, the caller is authenticated, the parameters are verified and the
//! permissions of the schema are checked. It makes only the checks that Proxmox makes in its code (`req.check(…)?`).
//! It reads and changes `req.state` and returns `Ok(json!(…).into())`, or a [`Refusal`] with the message of a real host. Work that
//! takes time is a [`TaskSpec`]: log lines and effects on the state, with their times. `req.start(spec)` returns its UPID.

pub mod api;
pub mod auth;
pub mod base64;
pub mod faults;
mod ha;
pub mod host;
pub mod http;
pub mod mounts;
mod options;
#[cfg(feature = "fence")]
pub mod own;
pub mod pipeline;
pub mod pki;
mod quorum;
pub mod seed;
pub mod server;
pub mod state;
pub mod tasks;

pub use api::{Answer, Params, Refusal, Reply, Req, Route};
pub use host::{Host, reset, summary};
pub use options::Options;
pub use pipeline::Logged;
pub use tasks::{Effect, TaskSpec};
