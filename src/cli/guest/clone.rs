//! `felhom guest clone`.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use crate::cli::{Ctx, complete};
use crate::fault::Result;
use crate::ops::clone::{self, Wish};
use crate::ops::{guests, nodes};

/// Copy a guest under another VMID
///
/// The copy gets MACs of its own. A container that runs is copied from a snapshot; a template gives linked clones unless --full is said.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  felhom guest clone 900 --hostname web2\n  felhom guest clone 9000 --vmid 210 --hostname k3s-3 --full --storage local-lvm\n  felhom guest clone 101 --snapshot before-update --plan"
)]
pub struct Clone {
    /// A VMID, a name, or NODE/VMID
    #[arg(value_name = "GUEST", add = ArgValueCompleter::new(complete::guests))]
    guest: Option<String>,
    /// The copy's VMID; the next free one without it
    #[arg(long, value_name = "VMID")]
    vmid: Option<u32>,
    /// The copy's host name
    #[arg(long, value_name = "NAME", visible_alias = "name")]
    hostname: Option<String>,
    /// The node of the copy, where the volumes lie on shared storage
    #[arg(long, value_name = "NODE", add = ArgValueCompleter::new(complete::nodes))]
    node: Option<String>,
    /// The storage of a whole copy; that of the original without it
    #[arg(long, value_name = "STORAGE", add = ArgValueCompleter::new(complete::storages), conflicts_with = "linked")]
    storage: Option<String>,
    /// Copy the guest as it was at this snapshot
    #[arg(long, value_name = "NAME")]
    snapshot: Option<String>,
    /// Copy every volume whole, a template's too
    #[arg(long, conflicts_with = "linked")]
    full: bool,
    /// Let the copy stand on the template's volumes
    #[arg(long)]
    linked: bool,
    /// Put the copy into this pool
    #[arg(long, value_name = "POOL")]
    pool: Option<String>,
    /// At most this many KiB a second
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
        let wish = Wish {
            vmid: self.vmid,
            hostname: self.hostname,
            node,
            storage: self.storage,
            snapshot: self.snapshot,
            full,
            pool: self.pool,
            bwlimit: self.bwlimit,
        };
        let (change, place) = clone::prepare(&session, &guest, &wish)?;
        ctx.carry_out(&session, change, |_, _| clone::verify(&session, &place))
    }
}
