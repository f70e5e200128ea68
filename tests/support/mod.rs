//! What several test files use.
//!
//! - [`Host`]: a demo host in this process; `host.felhom(["guest", "list"])` runs the real binary against it.
//! - [`Demo`]: `felhom demo …` with a state directory of its own, kept from one command to the next.
//! - [`Run`]: what a command did: its code, stdout and stderr; `.json()`, `.error()`, `.ok()`, `.fails(5)`.
//! - [`Running`]: a command that is still going, for signals and for hosts that come and go.
//! - [`Server`]: `felhom demo serve` in a process of its own, that can be killed and brought back.
//! - [`Terminal`]: the binary on a real terminal (tmux), for prompts, pickers and progress.
//! - [`need_shared`], [`need_tool`]: what a test cannot do without; absent, it is skipped in so many words.
//!
//! Every request that reaches a [`Host`] or a [`Demo`] is held against the API schema when it is dropped: a test that sends
//! something wrong on purpose says so with `forgive`.

mod contract;
pub mod desk;
mod home;
mod host;
pub mod http;
mod process;
mod real;
mod server;
mod terminal;
pub mod tree;

pub use contract::check;
pub use home::{Demo, Home};
pub use host::{Host, demo_options};
pub use process::{Run, Running, eventually, run, run_with};
pub use real::{need_shared, need_tool};
pub use server::Server;
pub use terminal::Terminal;
