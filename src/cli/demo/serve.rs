//! `felhom demo serve`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde_json::{Map, Value as Json, json};

use crate::cli::Ctx;
use crate::demo::{self, Host};
use crate::fault::Result;

use super::here;

/// What a demo host is to be like.
#[derive(Debug, Clone, Args)]
pub struct Shape {
    /// Number of guests
    #[arg(long, value_name = "N")]
    guests: Option<usize>,
    /// Number of nodes
    #[arg(long, value_name = "N")]
    nodes: Option<usize>,
    /// Speed-up factor for tasks
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0)]
    speed: f64,
    /// Nodes that are offline
    #[arg(long, value_name = "NODE", value_delimiter = ',')]
    offline: Vec<String>,
    /// Nodes whose API does not answer
    #[arg(long, value_name = "NODE", value_delimiter = ',')]
    api_down: Vec<String>,
    /// All nodes but the first are offline
    #[arg(long)]
    no_quorum: bool,
    /// Fault to inject, for example 'POST */vzdump lost x1'
    #[arg(long, value_name = "FAULT")]
    fault: Vec<demo::faults::Fault>,
    /// Clock error of the host in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 0, allow_negative_numbers = true)]
    skew_ms: i64,
}

impl Shape {
    pub fn options(&self, state_dir: Option<PathBuf>) -> demo::Options {
        demo::Options {
            state_dir,
            guests: self.guests,
            nodes: self.nodes,
            speed: self.speed,
            offline: self.offline.clone(),
            api_down: self.api_down.clone(),
            no_quorum: self.no_quorum,
            faults: self.fault.clone(),
            skew_ms: self.skew_ms,
            ..demo::Options::default()
        }
    }
}

/// Serve the demo host for other clients
///
/// Prints one line of JSON (endpoint, fingerprint, ca_file, password of root@pam, tokens), then serves until it is stopped.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  felhom demo serve\n  felhom demo serve --baseline --listen 127.0.0.1:8006")]
pub struct Serve {
    /// Address to listen on; port 0 picks a free port
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Start from the recorded baseline, in memory only
    #[arg(long)]
    baseline: bool,
    #[command(flatten)]
    shape: Shape,
}

impl Serve {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let state_dir = (!self.baseline).then(|| here::dir(ctx));
        let options = demo::Options { baseline: self.baseline, listen: self.listen, ..self.shape.options(state_dir) };
        let host = Host::start(&options)?;
        let tokens: Map<String, Json> = host.tokens().into_iter().map(|(id, secret)| (id, json!(secret.reveal()))).collect();
        let first = json!({
            "endpoint": host.endpoint(),
            "fingerprint": host.fingerprint(),
            "ca_file": host.ca_file(),
            "password": host.password().reveal(),
            "tokens": tokens,
        });
        ctx.out.text(&format!("{first}\n"))?;
        while ctx.around.interrupt.wait(Duration::from_secs(3600)).is_ok() {}
        Ok(())
    }
}
