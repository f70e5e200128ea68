//! `felhom api`: calls by path, with the same checks as all other commands.

mod coverage;
mod describe;
mod docs;
mod ls;
mod send;

use clap::{Args, Subcommand};

use crate::api::Method;
use crate::cli::Ctx;
use crate::fault::Result;

#[derive(Debug, Subcommand)]
pub enum Api {
    Get(Get),
    Post(Post),
    Put(Put),
    Delete(Delete),
    Ls(ls::Ls),
    Describe(describe::Describe),
    Coverage(coverage::Coverage),
}

/// The path and parameters of a call.
#[derive(Debug, Args)]
pub struct Target {
    /// API path, for example /nodes/pve1/status
    #[arg(value_name = "PATH")]
    path: String,
    /// Parameters; KEY=@FILE reads a file, KEY=@- reads stdin
    #[arg(value_name = "KEY=VALUE")]
    params: Vec<String>,
}

/// Send a GET request
///
/// Secrets in the answer are masked: passwords, tickets, token values, keys.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  felhom api get /cluster/resources type=vm\n  felhom api get /nodes/pve1/status --jq .uptime")]
pub struct Get {
    #[command(flatten)]
    target: Target,
}

/// Send a POST request and wait for its task
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  felhom api post /nodes/pve1/lxc/101/status/start\n  felhom api post /pools poolid=web --confirm /pools --plan"
)]
pub struct Post {
    #[command(flatten)]
    target: Target,
}

/// Send a PUT request
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  felhom api put /nodes/pve1/lxc/101/config description='the web server'")]
pub struct Put {
    #[command(flatten)]
    target: Target,
}

/// Send a DELETE request
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  felhom api delete /nodes/pve1/lxc/101/snapshot/before --confirm before")]
pub struct Delete {
    #[command(flatten)]
    target: Target,
}

impl Api {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        match self {
            Self::Get(verb) => send::read(ctx, &verb.target),
            Self::Post(verb) => send::write(ctx, Method::Post, &verb.target),
            Self::Put(verb) => send::write(ctx, Method::Put, &verb.target),
            Self::Delete(verb) => send::write(ctx, Method::Delete, &verb.target),
            Self::Ls(verb) => verb.run(ctx),
            Self::Describe(verb) => verb.run(ctx),
            Self::Coverage(verb) => verb.run(ctx),
        }
    }
}
