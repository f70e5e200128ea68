//! `felhom demo`: any command against the embedded host.

mod here;
pub(super) use here::as_left;
#[cfg(feature = "fence")]
pub(super) use here::fence_connection;
mod serve;
mod tour;

use std::ffi::OsString;

use clap::{Args, Subcommand};

use crate::cli::Ctx;
use crate::demo;
use crate::fault::{Fault, Result};

/// Run any command against a simulated Proxmox host
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = false,
    after_help = "Examples:\n  felhom demo guest list\n  felhom demo backup run 101 --storage nas\n  felhom demo backup list\n  felhom demo reset"
)]
pub struct Demo {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Serve the demo host for other clients
    Serve(serve::Serve),
    Tour(tour::Tour),
    Reset(Reset),
    State(State),
    /// Any felhom command, run against the demo host
    #[command(external_subcommand)]
    Command(Vec<OsString>),
}

/// Reset the demo host
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  felhom demo reset\n  felhom demo reset --guests 200 --nodes 3")]
struct Reset {
    #[command(flatten)]
    shape: serve::Shape,
}

/// Show what the demo host contains
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  felhom demo state -o json")]
struct State {}

impl Demo {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let dir = here::dir(ctx);
        match self.what {
            What::Serve(verb) => verb.run(ctx),
            What::Tour(verb) => verb.run(ctx),
            What::Reset(verb) => {
                if ctx.planned_here()? {
                    return ctx.out.text(&format!("then the demo host in {} is laid out anew\nnothing was changed\n", dir.display()));
                }
                demo::reset(&dir, &verb.shape.options(Some(dir.clone())))?;
                // The fence's pretended host lies beside it, and is laid out anew when it is next asked.
                let _ = std::fs::remove_dir_all(demo::mounts::host_root(&dir));
                ctx.out.note("the demo host begins again");
                Ok(())
            }
            What::State(_) => ctx.out.value(&demo::summary(&dir)?),
            What::Command(words) => {
                let code = here::run(ctx, words)?;
                if code == 0 { Ok(()) } else { Err(Fault { exit: Some(code), shown: true, ..Fault::other("the command failed") }) }
            }
        }
    }
}
