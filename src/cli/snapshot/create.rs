//! `felhom snapshot create`.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use serde_json::{Map, json};

use crate::api::GuestKind;
use crate::cli::{Ctx, complete};
use crate::fault::{Fault, Result};
use crate::guard::{Change, Item, Step};
use crate::ops::guests::{self, Guest, Selection};
use crate::ops::live::{self, Power};
use crate::ops::{lock, snapshots};
use crate::session::Session;

/// Create a snapshot of guests
#[derive(Debug, Args)]
#[command(
    override_usage = "felhom snapshot create [OPTIONS] GUEST… NAME",
    after_help = "Examples:\n  felhom snapshot create 101 before-update\n  felhom snapshot create 101 102 nightly --description 'before the update'\n  felhom snapshot create 201 with-memory --ram\n  felhom snapshot create --tag web before-update"
)]
pub struct Create {
    /// Guests (VMIDs, names, ranges), then the snapshot's name
    #[arg(value_name = "GUEST… NAME", required = true, add = ArgValueCompleter::new(complete::guests))]
    words: Vec<String>,
    #[command(flatten)]
    selection: Selection,
    /// Description of the snapshot
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Include the memory of running VMs
    #[arg(long)]
    ram: bool,
}

impl Create {
    pub fn run(mut self, ctx: &Ctx) -> Result<()> {
        let name = self.words.pop().unwrap_or_default();
        if self.words.is_empty() && !self.selection.given() {
            return Err(Fault::usage("a snapshot needs its guests and a name").with_hint("run `felhom snapshot create 101 before-update`"));
        }
        snapshots::check_name(&name)?;
        let session = ctx.session()?;
        let chosen = guests::select_usable(&session, &self.words, &self.selection)?;
        let items = live::each(&chosen, |guest| {
            let item = || Item::new("snapshot", guest.target()).extra("snapshot", name.as_str());
            self.prepare(&session, guest, &name, item()).unwrap_or_else(|fault| item().refused(fault))
        });
        let summary = match &chosen[..] {
            [guest] => format!("snapshot {} as '{name}'", guest.label()),
            _ => format!("snapshot {} guests as '{name}'", chosen.len()),
        };
        let mut change = Change::new(summary);
        change.items = items;
        super::carry_out(ctx, &session, change, &chosen, |item, _| {
            let Some(guest) = chosen.iter().find(|guest| Some(guest.vmid) == item.target.vmid) else { return Ok(Map::new()) };
            let all = snapshots::all(&session, guest)?;
            let made = all.iter().find(|s| s.name == name).ok_or_else(|| {
                Fault::other(format!("task succeeded, but '{name}' is not among the snapshots of {}", guest.label()))
                    .with_hint(format!("list its snapshots with `felhom snapshot list {}`", guest.vmid))
            })?;
            Ok(Map::from_iter([("ram".to_owned(), json!(made.vmstate)), ("parent".to_owned(), json!(made.parent))]))
        })
    }

    fn prepare(&self, session: &Session, guest: &Guest, name: &str, item: Item) -> Result<Item> {
        if guest.template {
            return Err(Fault::refused(format!("{} is a template, which has no snapshots", guest.label())));
        }
        if snapshots::reserved(guest.kind, name) {
            return Err(
                Fault::refused(format!("the host keeps the name '{name}' for itself")).with_hint("choose another name for the snapshot")
            );
        }
        let live = lock::wait(session, guest, &[])?;
        let all = snapshots::all(session, guest)?;
        if let Some(there) = all.iter().find(|s| s.name == name) {
            return Err(snapshots::taken(guest, there));
        }
        snapshots::possible(session, guest)?;
        let names: Vec<&str> = all.iter().map(|s| s.name.as_str()).collect();
        let ram = self.ram && guest.kind == GuestKind::Qemu && live.power == Power::Running;
        let item = item.fact("snapshots", names.join(",")).touches(format!("{} is {}", guest.label(), live.power.word()));
        let item = match (guest.kind, live.running()) {
            (GuestKind::Lxc, true) if self.ram => item.caution("a container's memory is not saved; its disks are as after a power failure"),
            (GuestKind::Qemu, true) if !ram => item.caution("without --ram its memory is not kept: its disks are as after a power cut"),
            _ => item,
        };
        let call = guest.place().create_snapshot(name).with_some("description", self.description.as_deref()).with_set("vmstate", ram);
        Ok(item.step(Step::call("snapshot", call)))
    }
}
