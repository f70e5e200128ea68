//! `felhom snapshot`.

mod create;
mod delete;
mod list;
mod rollback;

use clap::Subcommand;

use crate::api::guests::Snapshot as Listed;
use serde_json::{Map, Value as Json};

use crate::cli::{Ctx, results};
use crate::fault::{Fault, Result};
use crate::guard::{Change, Done, Item, verdict};
use crate::ops::guests::Guest;
use crate::ops::lock;
use crate::ops::snapshots::{self, CURRENT};
use crate::session::Session;

#[derive(Debug, Subcommand)]
pub enum Snapshot {
    Create(create::Create),
    List(list::List),
    Rollback(rollback::Rollback),
    Delete(delete::Delete),
}

impl Snapshot {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        match self {
            Self::Create(verb) => verb.run(ctx),
            Self::List(verb) => verb.run(ctx),
            Self::Rollback(verb) => verb.run(ctx),
            Self::Delete(verb) => verb.run(ctx),
        }
    }
}

/// The snapshot that a command is about; a person at a terminal who names none picks one.
fn one(session: &Session, guest: &Guest, name: Option<&str>, all: &[Listed]) -> Result<Listed> {
    if let Some(name) = name {
        return snapshots::find(all, guest, name).cloned();
    }
    if !session.person.present() {
        return Err(Fault::usage("missing SNAPSHOT").with_hint(format!("list them with `felhom snapshot list {}`", guest.vmid)));
    }
    let mut offered: Vec<&Listed> = all.iter().filter(|s| s.name != CURRENT).collect();
    offered.sort_by_key(|s| std::cmp::Reverse(s.snaptime));
    if offered.is_empty() {
        return Err(Fault::not_found(format!("{} has no snapshots", guest.label())));
    }
    let options: Vec<String> = offered
        .iter()
        .map(|s| format!("{:<20} {}  {}", s.name, snapshots::moment(s), s.description.as_deref().unwrap_or_default().trim()))
        .collect();
    match session.person.choose("Which snapshot?", &options)? {
        Some(index) => Ok(offered[index].clone()),
        None => Err(Fault::refused("no snapshot was picked")),
    }
}

/// Carries a change out. A snapshot that fails may leave its guest locked, which is said with the way out.
fn carry_out(
    ctx: &Ctx,
    session: &Session,
    change: Change,
    guests: &[Guest],
    finish: impl Fn(&Item, &Done) -> Result<Map<String, Json>> + Sync,
) -> Result<()> {
    let Some(outcomes) = ctx.outcomes(session, change, finish)? else { return Ok(()) };
    for outcome in outcomes.iter().filter(|outcome| !outcome.good() && outcome.exitstatus.is_some()) {
        let guest = guests.iter().find(|guest| Some(guest.vmid) == outcome.vmid);
        if let Some(text) = guest.and_then(|guest| lock::stale_lock(session, guest)) {
            session.person.warn(&text);
        }
    }
    results::emit(&ctx.out, &outcomes).and_then(|()| verdict(&outcomes))
}
