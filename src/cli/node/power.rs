//! `felhom node reboot`, `shutdown`.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use serde_json::Map;

use crate::cli::{Ctx, complete};
use crate::fault::Result;
use crate::guard::Change;
use crate::ops::node_power::{self, Command};
use crate::ops::nodes::pick;

/// Reboot a node and its guests
///
/// The host shuts its guests down and starts those with onboot=1 again. felhom lists the running guests before it asks.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  felhom node reboot pve1 --plan\n  felhom node reboot pve1 --confirm pve1")]
pub struct Reboot {
    /// Node [default: the only one]
    #[arg(value_name = "NODE", add = ArgValueCompleter::new(complete::nodes))]
    node: Option<String>,
}

/// Shut down a node and its guests
///
/// felhom cannot switch it on again. It lists the running guests before it asks.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  felhom node shutdown pve1 --plan\n  felhom node shutdown pve1 --confirm pve1")]
pub struct Shutdown {
    /// Node [default: the only one]
    #[arg(value_name = "NODE", add = ArgValueCompleter::new(complete::nodes))]
    node: Option<String>,
}

impl Reboot {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        run(ctx, self.node.as_deref(), Command::Reboot)
    }
}

impl Shutdown {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        run(ctx, self.node.as_deref(), Command::Shutdown)
    }
}

fn run(ctx: &Ctx, node: Option<&str>, command: Command) -> Result<()> {
    let session = ctx.session()?;
    let node = pick(&session, node)?;
    let item = node_power::prepare(&session, &node, command)?;
    ctx.carry_out(&session, Change::one(command.of(&node), item), |_, _| {
        // The host begins no task for it: that the call was taken is all that can be known now.
        session.person.note(&format!("{node} took the command; `felhom node list` shows when it is down, and up again"));
        Ok(Map::new())
    })
}
