//! `felhom sdn apply`.

use clap::Args;

use crate::cli::Ctx;
use crate::fault::Result;
use crate::guard::Change;
use crate::ops::sdn;

/// Apply pending SDN changes on all nodes
///
/// Before it asks it lists what is new, changed and gone, and names the running guests that hang on it. Afterwards it checks the
/// zones of every node: one that is not available, or a node that is offline, is a failure.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  felhom sdn apply --plan\n  felhom sdn apply --yes")]
pub struct Apply {}

impl Apply {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let session = ctx.session()?;
        let item = sdn::prepare(&session)?;
        ctx.carry_out(&session, Change::one("apply the software-defined networks", item), |_, done| sdn::verify(&session, done))
    }
}
