//! `felhom guest next-id`.

use clap::Args;
use serde_json::json;

use crate::api::{cluster, lenient};
use crate::cli::Ctx;
use crate::fault::{Fault, Result};

/// Print the next free VMID
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  felhom guest restore --from 101 --latest --vmid $(felhom guest next-id)")]
pub struct NextId {}

impl NextId {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let session = ctx.session()?;
        let answer = session.client()?.get(&cluster::next_id(None))?;
        let vmid = lenient::integer(&answer).ok_or_else(|| Fault::other(format!("the host gave no VMID but {answer}")))?;
        ctx.out.value(&json!(vmid))
    }
}
