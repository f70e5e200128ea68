//! The embedded host behind `felhom demo` and the tests: a real HTTPS server on loopback with its own users, rights, tasks and state.
//!
//! How a handler is written: it is a plain function `fn(&mut Req<'_>) -> Answer` in a file of `api/`, named in that file's
//! `ROUTES` together with its method and path template. When it runs, the caller is known, the parameters are verified and the
//! permissions of the API schema are checked; only what Proxmox itself checks in its code is left to it (`req.check(…)?`).
//! It reads and changes `req.state`, returns `Ok(json!(…).into())`, or a [`Refusal`] with the very words of the host. Work that
//! takes time is a [`TaskSpec`]: data, with the effects that it has on the state and when; `req.start(spec)` answers its UPID.

pub mod api;
pub mod auth;
pub mod faults;
mod ha;
pub mod host;
pub mod http;
pub mod mounts;
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
pub use host::{Host, Options, reset, summary};
pub use pipeline::Logged;
pub use tasks::{Effect, TaskSpec};
