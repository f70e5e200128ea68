//! Options of a demo host.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use super::faults;

/// Options of a demo host.
#[derive(Debug, Clone)]
pub struct Options {
    /// Starts from the state before the recorded transcripts, in memory.
    pub baseline: bool,
    /// Directory of the state; in memory if `None`.
    pub state_dir: Option<PathBuf>,
    /// Number of guests in a new state.
    pub guests: Option<usize>,
    /// Number of nodes in a new state.
    pub nodes: Option<usize>,
    /// Speed of tasks, relative to a real host.
    pub speed: f64,
    pub listen: SocketAddr,
    /// Nodes that are offline.
    pub offline: Vec<String>,
    /// Online nodes whose API refuses connections.
    pub api_down: Vec<String>,
    /// Takes all other nodes offline.
    pub no_quorum: bool,
    /// Keeps the nodes as the saved state has them.
    pub as_left: bool,
    pub faults: Vec<faults::Fault>,
    /// Clock offset in milliseconds.
    pub skew_ms: i64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            baseline: false,
            state_dir: None,
            guests: None,
            nodes: None,
            speed: 1.0,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            offline: Vec::new(),
            api_down: Vec::new(),
            no_quorum: false,
            as_left: false,
            faults: Vec::new(),
            skew_ms: 0,
        }
    }
}
