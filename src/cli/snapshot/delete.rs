//! `felhom snapshot delete`.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use serde_json::Map;

use crate::cli::{Ctx, complete};
use crate::fault::{Fault, Result};
use crate::guard::{Change, Item, Step};
use crate::ops::guests;
use crate::ops::lock;
use crate::ops::snapshots::{self, CURRENT};

/// Delete a snapshot
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  felhom snapshot delete 101 before-update --confirm before-update")]
pub struct Delete {
    /// Guest: VMID, name or NODE/VMID
    #[arg(value_name = "GUEST", add = ArgValueCompleter::new(complete::guests))]
    guest: Option<String>,
    /// Snapshot
    #[arg(value_name = "NAME")]
    name: Option<String>,
}

impl Delete {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let session = ctx.session()?;
        let guest = guests::one(&session, self.guest.as_deref())?;
        let before = Item::new("snapshot-delete", guest.target()).extra("snapshot", self.name.clone());
        if let Err(fault) = lock::wait(&session, &guest, &[]) {
            return ctx.refuse(&session, format!("delete a snapshot of {}", guest.label()), before, fault);
        }
        let all = snapshots::all(&session, &guest)?;
        let snapshot = super::one(&session, &guest, self.name.as_deref(), &all)?;
        let name = snapshot.name.clone();
        let memory = if snapshot.vmstate { ", with its memory" } else { "" };
        let mut item = before
            .extra("snapshot", name.as_str())
            .word(&name)
            .fact("snapshots", all.iter().map(|s| s.name.as_str()).collect::<Vec<_>>().join(","))
            .loses(format!("the state of {} at {}{memory}", guest.label(), snapshots::moment(&snapshot)));
        let standing: Vec<&str> =
            all.iter().filter(|s| s.parent.as_ref() == Some(&name) && s.name != CURRENT).map(|s| s.name.as_str()).collect();
        if !standing.is_empty() {
            item = item.touches(format!("{} stand on it, and stay", standing.join(", ")));
        }
        let item = item.step(Step::call("delete", guest.place().delete_snapshot(&name)));
        let summary = format!("delete the snapshot '{name}' of {}", guest.label());
        super::carry_out(ctx, &session, Change::one(summary, item), std::slice::from_ref(&guest), |_, _| {
            if snapshots::all(&session, &guest)?.iter().any(|s| s.name == name) {
                return Err(Fault::other(format!("task succeeded, but {} still has the snapshot '{name}'", guest.label()))
                    .with_hint(format!("check its tasks with `felhom task list --guest {}`", guest.vmid)));
            }
            Ok(Map::new())
        })
    }
}
