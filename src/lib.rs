//! felhom: a command line for Proxmox VE 9. Map of the crate:
//!
//! ```text
//! main.rs        argv → run → exit code
//! cli/           a folder per noun, a file per command: arguments and their run(). Prints nothing, builds no URL
//! nouns/         commands described as data, a file per noun; cli/declared/ turns them into commands
//! ops/           operations of several calls, shared by commands. Report through traits
//! api/           Proxmox as values: calls, endpoint functions, replies, UPIDs, errors; schema/ is the 9.2 schema
//! routes/        the routing table: privileges, risk and confirmation word of each call; the calls of each command
//! guard/         the only way to make a change: rules, plan, impact, confirmation, journal; creates the permit to write
//! task/          waiting for a UPID, finding one after a lost answer
//! transport/     how calls are sent: https.rs (the only file that uses reqwest), tls/ (trust), the client
//! session.rs     one context in use: client, rules, terminal, progress
//! config/        contexts, endpoints, secrets; errors with line numbers, edits that keep comments
//! fence/         the root helper: the closed list of root-only operations, the protocol, both ends
//! exec.rs        the only file that starts a process
//! interrupt.rs   Ctrl-C and SIGTERM; the only place that sleeps
//! fault.rs       the error type: exit code, hint, JSON error object
//! redact/        masking of secrets by key, call and form
//! secret.rs      text that cannot be printed
//! units.rs       sizes, durations and times for people and programs
//! ui/            tables, JSON, progress, prompts, messages: the only code that prints
//! demo/          the demo host: a real HTTPS server on loopback with its own permissions, tasks and state
//! ```
//!
//! Dependencies point one way: `cli → ops → (api, task, guard, fence) → transport, exec`. Cargo features enforce a part of it (the half
//! without `exec` cannot start a process, the half with `fence` alone has no HTTP crate), lints and `tests/boundaries.rs` the rest.
//!
//! The path of a command: `main` parses argv into a struct of `cli`. Its `run` uses `ctx.session()` and turns arguments into calls, or
//! for a change into a [`guard::Change`] of items with steps. The guard approves, stages or refuses it. An approved change is sent,
//! [`task`] waits for its task, the result is verified and printed once. `CONTRIBUTING.md` has the steps for a new command.

#[cfg(feature = "cli")]
pub mod api;
#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "cli")]
pub mod config;
#[cfg(feature = "demo")]
pub mod demo;
#[cfg(feature = "cli")]
pub mod duration;
#[cfg(feature = "exec")]
pub mod exec;
pub mod fault;
#[cfg(feature = "fence")]
pub mod fence;
#[cfg(feature = "cli")]
pub mod guard;
pub mod interrupt;
#[cfg(feature = "cli")]
pub mod nouns;
#[cfg(feature = "cli")]
pub mod ops;
#[cfg(feature = "cli")]
pub mod redact;
#[cfg(feature = "cli")]
pub mod routes;
pub mod secret;
#[cfg(feature = "cli")]
pub mod session;
#[cfg(feature = "cli")]
pub mod shell;
#[cfg(feature = "cli")]
pub mod task;
#[cfg(feature = "cli")]
pub mod transport;
#[cfg(feature = "cli")]
pub mod ui;
#[cfg(feature = "cli")]
pub mod units;
