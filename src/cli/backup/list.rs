//! `felhom backup list`.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use crate::cli::{Ctx, complete};
use crate::fault::{Fault, Result};
use crate::ops::backup::archive::{self, Filter};
use crate::ops::backup::hidden;
use crate::ops::guests;
use crate::session::Session;

/// List backups, newest first
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  felhom backup list\n  felhom backup list 101 --storage local\n  felhom backup list --filter protected=true -o id"
)]
pub struct List {
    /// Backups of this guest (it may no longer exist)
    #[arg(value_name = "GUEST", add = ArgValueCompleter::new(complete::guests))]
    guest: Option<String>,
    /// Backups on this storage
    #[arg(long, value_name = "STORAGE", add = ArgValueCompleter::new(complete::storages))]
    storage: Option<String>,
    /// Node to ask [default: any that has the storage]
    #[arg(long, value_name = "NODE", add = ArgValueCompleter::new(complete::nodes))]
    node: Option<String>,
}

impl List {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        ctx.list(|session| {
            let vmid = self.guest.as_deref().map(|text| number(session, text)).transpose()?;
            let filter = Filter { node: self.node.clone(), storage: self.storage.clone(), vmid };
            let found = archive::all(session, &filter)?;
            if let Some(storage) = self.storage.as_ref().filter(|_| found.looked.is_empty()) {
                let why = if found.unseen.is_empty() {
                    "it is not there, takes no backups, or is hidden from this token".to_owned()
                } else {
                    found.unseen.join("; ")
                };
                return Err(Fault::not_found(format!("the storage '{storage}' could not be looked into: {why}"))
                    .with_hint("list the storages for backups with `felhom storage list --content backup`"));
            }
            found.warn(session);
            if let Some(hidden) = hidden::of_list(session, &found, vmid) {
                session.person.warn(&hidden);
            }
            Ok(found.archives)
        })
    }
}

/// Returns the VMID of a guest. A guest given by VMID may be deleted: its backups remain.
pub fn number(session: &Session, text: &str) -> Result<u32> {
    match text.parse() {
        Ok(number) => Ok(number),
        Err(_) => guests::find(&guests::all(session)?, text).map(|guest| guest.vmid),
    }
}
