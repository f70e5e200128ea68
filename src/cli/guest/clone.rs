//! `felhom guest clone`.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use crate::cli::{Ctx, complete};
use crate::fault::Result;
use crate::ops::clone::{self, Options};
use crate::ops::{guests, nodes};

/// Clone a guest
///
/// The clone gets new MAC addresses. A running container is cloned from a snapshot. Clones of templates are linked unless --full is given.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  felhom guest clone 900 --hostname web2\n  felhom guest clone 9000 --vmid 210 --hostname k3s-3 --full --storage local-lvm\n  felhom guest clone 101 --snapshot before-update --plan"
)]
pub struct Clone {
    /// Guest: VMID, name or NODE/VMID
    #[arg(value_name = "GUEST", add = ArgValueCompleter::new(complete::guests))]
    guest: Option<String>,
    /// VMID of the clone [default: next free]
    #[arg(long, value_name = "VMID")]
    vmid: Option<u32>,
    /// Hostname or name of the clone
    #[arg(long, value_name = "NAME", visible_alias = "name")]
    hostname: Option<String>,
    /// Target node; requires shared storage
    #[arg(long, value_name = "NODE", add = ArgValueCompleter::new(complete::nodes))]
    node: Option<String>,
    /// Target storage of a full clone [default: the original's]
    #[arg(long, value_name = "STORAGE", add = ArgValueCompleter::new(complete::storages), conflicts_with = "linked")]
    storage: Option<String>,
    /// Clone this snapshot of the guest
    #[arg(long, value_name = "NAME")]
    snapshot: Option<String>,
    /// Create a full clone, even of a template
    #[arg(long, conflicts_with = "linked")]
    full: bool,
    /// Create a linked clone of a template
    #[arg(long)]
    linked: bool,
    /// Add the clone to this pool
    #[arg(long, value_name = "POOL")]
    pool: Option<String>,
    /// Bandwidth limit in KiB/s
    #[arg(long, value_name = "KIB")]
    bwlimit: Option<u64>,
}

impl Clone {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let session = ctx.session()?;
        let guest = guests::one(&session, self.guest.as_deref())?;
        let node = self.node.as_deref().map(|node| nodes::pick(&session, Some(node))).transpose()?;
        let full = match (self.full || self.storage.is_some(), self.linked) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            _ => None,
        };
        let options = Options {
            vmid: self.vmid,
            hostname: self.hostname,
            node,
            storage: self.storage,
            snapshot: self.snapshot,
            full,
            pool: self.pool,
            bwlimit: self.bwlimit,
        };
        let (change, place) = clone::prepare(&session, &guest, &options)?;
        ctx.carry_out(&session, change, |_, _| clone::verify(&session, &place))
    }
}
