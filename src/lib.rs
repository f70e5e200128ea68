//! felhom: an operator's command line for Proxmox VE 9. This is the map.
//!
//! ```text
//! main.rs        argv → run → exit code; nothing else
//! cli/           a folder per noun, a file per verb: the arguments and their run(). Prints nothing itself, builds no URL
//! nouns/         the breadth of the API as data: a file per noun; cli/declared/ turns them into commands
//! ops/           what takes several calls in order, for several verbs. Reports through traits
//! api/           what Proxmox is, as values: calls, endpoint functions, replies, UPIDs, what an answer means; schema/ is the 9.2 schema
//! routes/        the routing table: a row per call with its privileges, risk, confirmation word; which verb makes which calls
//! guard/         the one door for every change: gates, plan, impact, confirmation, journal; alone makes the permit to write
//! task/          waiting for a UPID, finding one whose answer was lost
//! transport/     how a call travels: https.rs (the only file that names reqwest), tls/ (trust), the client that everything uses
//! session.rs     one context in use: its client, its rules, whom to ask, whom to tell
//! config/        contexts, endpoints, secrets; read with line numbers, edited with comments kept
//! fence/         the root backend: the closed list of what only root may do, its protocol, both of its ends
//! exec.rs        the only file that starts a process
//! interrupt.rs   Ctrl-C and SIGTERM; the only place that sleeps
//! fault.rs       the one typed error: exit code, hint, what the JSON error object says
//! redact/        what must not be shown: by its key, by its call, by its form
//! secret.rs      text that cannot be printed
//! units.rs       sizes, durations and times as people and programs read them
//! ui/            tables, JSON, progress, prompts, messages: the only place that prints
//! demo/          the embedded Proxmox host: a real HTTPS server on loopback with its own rights, tasks and state
//! ```
//!
//! Dependencies point one way: `cli → ops → (api, task, guard, fence) → transport, exec`. Cargo features prove a part of it (the half
//! without `exec` cannot start a process, the half with `fence` alone has no HTTP crate), lints and `tests/boundaries.rs` the rest.
//!
//! One command, as data: `main` parses argv into a struct of `cli`; its `run` asks through `ctx.session()`, turns arguments into calls, and
//! for a change into a [`guard::Change`] of items with steps. The guard lets it pass, stages it or refuses; a passing change is sent,
//! its task waited for by [`task`], the thing itself looked at, and the outcome emitted once. `CONTRIBUTING.md` has the steps for a new verb.

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
