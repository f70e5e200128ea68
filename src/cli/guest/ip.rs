//! `felhom guest ip`.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use serde::Serialize;

use crate::cli::{Ctx, complete};
use crate::fault::{Fault, Result};
use crate::ops::{address, agent, guests};
use crate::ui::{Cell, Column, Row};

/// List the IP addresses of a running guest
///
/// Containers report their addresses to the host. VMs report them through the guest agent. Loopback and link-local addresses are left
/// out.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  felhom guest ip 101\n  felhom guest ip 201 --wait -o id")]
pub struct Ip {
    /// Guest: VMID, name or NODE/VMID
    #[arg(value_name = "GUEST", add = ArgValueCompleter::new(complete::guests))]
    guest: Option<String>,
    /// Wait for an address [default limit: 2m, see --timeout]
    #[arg(long)]
    wait: bool,
}

/// An address.
#[derive(Debug, Serialize)]
struct Address {
    context: String,
    node: String,
    vmid: u32,
    name: Option<String>,
    address: String,
}

impl Ip {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let session = ctx.session()?;
        let guest = guests::one(&session, self.guest.as_deref())?;
        address::possible(&session, &guest)?;
        agent::running(&session, &guest)?;
        let found = if self.wait { address::wait(&session, &guest) } else { address::now(&session, &guest) };
        let found = found.map_err(|fault| agent::explain(&guest, fault))?;
        if found.is_empty() {
            return Err(Fault::other(format!("{} has no address yet", guest.label())).with_hint("add --wait to wait for one"));
        }
        let row = |address| Address {
            context: session.context.clone(),
            node: guest.node.clone(),
            vmid: guest.vmid,
            name: guest.name.clone(),
            address,
        };
        ctx.out.list(&found.into_iter().map(row).collect::<Vec<_>>())
    }
}

impl Row for Address {
    fn columns() -> Vec<Column<Self>> {
        vec![
            Column::new("context", |a: &Self| Cell::text(&a.context)).hidden(),
            Column::new("node", |a: &Self| Cell::text(&a.node)).wide(),
            Column::new("vmid", |a: &Self| Cell::Int(a.vmid.into())),
            Column::new("name", |a: &Self| Cell::maybe(a.name.clone(), Cell::Text)).flex(),
            Column::new("address", |a: &Self| Cell::text(&a.address)),
        ]
    }

    fn id(&self) -> String {
        self.address.clone()
    }

    fn noun() -> &'static str {
        "addresses"
    }
}
