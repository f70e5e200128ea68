//! `felhom snapshot rollback`.

use std::time::Duration;

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use serde_json::{Map, json};

use crate::cli::{Ctx, complete};
use crate::fault::{Fault, Result};
use crate::guard::tags::{self, GuardedAction};
use crate::guard::{Change, Item, Step};
use crate::ops::guests::{self, Guest};
use crate::ops::live::{self, Power};
use crate::ops::lock;
use crate::ops::snapshots::{self, CURRENT};
use crate::session::Session;

/// Roll a guest back to a snapshot
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  felhom snapshot rollback 101 before-update --plan\n  felhom snapshot rollback 101 before-update --start --confirm before-update"
)]
pub struct Rollback {
    /// Guest: VMID, name or NODE/VMID
    #[arg(value_name = "GUEST", add = ArgValueCompleter::new(complete::guests))]
    guest: Option<String>,
    /// Snapshot
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// Start the guest afterwards
    #[arg(long)]
    start: bool,
}

impl Rollback {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let session = ctx.session()?;
        let guest = guests::one(&session, self.guest.as_deref())?;
        let before = Item::new("rollback", guest.target()).extra("snapshot", self.name.clone());
        let live = match lock::wait(&session, &guest, &[]) {
            Ok(live) => live,
            Err(fault) => return ctx.refuse(&session, format!("roll {} back", guest.label()), before, fault),
        };
        let all = snapshots::all(&session, &guest)?;
        let snapshot = super::one(&session, &guest, self.name.as_deref(), &all)?;
        let name = snapshot.name.clone();
        let item = before.extra("snapshot", name.as_str()).word(&name);
        if let Some(fault) = tags::refusal(&session.rules, &session.tags, &guest.target(), Some(&live.tags), GuardedAction::Rollback) {
            return ctx.refuse(&session, format!("roll {} back", guest.label()), item, fault);
        }
        let mut item = item
            .fact("status", live.power.word())
            .fact("snapshots", all.iter().map(|s| s.name.as_str()).collect::<Vec<_>>().join(","))
            .loses(format!("everything that {} wrote since {}", guest.label(), snapshots::moment(&snapshot)));
        for change in config_changes(&session, &guest, &name)? {
            item = item.touches(format!("its configuration: {change}"));
        }
        let newer: Vec<&str> =
            all.iter().filter(|s| s.name != CURRENT && s.snaptime > snapshot.snaptime).map(|s| s.name.as_str()).collect();
        if !newer.is_empty() {
            item = item.caution(format!("{} came later; ZFS goes back to its newest snapshot alone, and refuses", newer.join(", ")));
        }
        if live.running() {
            item = item.caution(if snapshot.vmstate {
                "it runs: it is stopped hard, and goes on from the memory of the snapshot".to_owned()
            } else if self.start {
                "it runs: it is stopped hard, and started again".to_owned()
            } else {
                "it runs: it is stopped hard, and stays so (--start starts it again)".to_owned()
            });
        }
        if live.ha.is_some() {
            item = item.caution("managed by high availability, which may start it again by itself");
        }
        let call = guest.place().rollback(&name).with_set("start", self.start);
        let item = item.step(Step::call("rollback", call));
        let runs = self.start || snapshot.vmstate;
        let summary = format!("roll {} back to '{name}' of {}", guest.label(), snapshots::moment(&snapshot));
        super::carry_out(ctx, &session, Change::one(summary, item), std::slice::from_ref(&guest), |_, _| {
            let after = snapshots::all(&session, &guest)?;
            let on = after.iter().find(|s| s.name == CURRENT).and_then(|s| s.parent.as_deref());
            if on != Some(name.as_str()) {
                return Err(Fault::other(format!(
                    "task succeeded, but {} is not at '{name}' ({})",
                    guest.label(),
                    on.unwrap_or("on no snapshot")
                ))
                .with_hint(format!("check its present snapshot with `felhom snapshot list {}`", guest.vmid)));
            }
            let (now, there) = live::until(&session, &guest, Duration::from_secs(20), |now| !runs || now.power == Power::Running)?;
            if !there {
                return Err(Fault::other(format!("{} is back at '{name}', but it is {} now", guest.label(), now.power.word()))
                    .with_hint(format!("start it with `felhom guest start {}`", guest.vmid)));
            }
            if live.running() && !now.running() {
                session.person.note(&format!("{} ran before and is stopped now: `felhom guest start {}`", guest.label(), guest.vmid));
            }
            Ok(Map::from_iter([
                ("snapshot_at".to_owned(), json!(snapshot.snaptime.and_then(|t| i64::try_from(t).ok()).map(crate::ui::units::rfc3339))),
                ("started".to_owned(), json!(now.running())),
            ]))
        })
    }
}

fn config_changes(session: &Session, guest: &Guest, name: &str) -> Result<Vec<String>> {
    let now = guests::with_place(session, guest, |place| session.client()?.get(&place.current_config()))?;
    let then = guests::with_place(session, guest, |place| session.client()?.get(&place.snapshot_config(name)))?;
    Ok(snapshots::config_changes(&now, &then))
}
