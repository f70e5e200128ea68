//! `felhom guest disk`, also as `felhom guest mountpoint`.

mod add;
mod attach;
mod delete;
mod detach;
mod list;
mod relocate;
mod resize;

use clap::Subcommand;

use crate::cli::Ctx;
use crate::fault::Result;
use crate::guard::{Change, Item};
use crate::ops::guests::{self, Guest};
use crate::ops::reconfigure;
use crate::ops::settings::{Config, Wanted, text};
use crate::session::Session;

#[derive(Debug, Subcommand)]
pub enum Disk {
    List(list::List),
    Add(add::Add),
    Resize(resize::Resize),
    Move(relocate::Move),
    Detach(detach::Detach),
    Attach(attach::Attach),
    Delete(delete::Delete),
}

impl Disk {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        match self {
            Self::List(verb) => verb.run(ctx),
            Self::Add(verb) => verb.run(ctx),
            Self::Resize(verb) => verb.run(ctx),
            Self::Move(verb) => verb.run(ctx),
            Self::Detach(verb) => verb.run(ctx),
            Self::Attach(verb) => verb.run(ctx),
            Self::Delete(verb) => verb.run(ctx),
        }
    }
}

/// Deletes a key of the guest's configuration and verifies that it is gone.
fn drop_key(ctx: &Ctx, session: &Session, guest: &Guest, before: &Config, item: Item, summary: String, key: &str) -> Result<()> {
    let wanted = Wanted { delete: [key.to_owned()].into(), ..Wanted::default() };
    let item = item.fact("digest", text(before, "digest").unwrap_or_default());
    let item = reconfigure::prepare(session, guest, before, &wanted, item)?;
    ctx.carry_out(session, Change::one(summary, item), |_, _| reconfigure::after(session, guest, before, &wanted))
}

fn config(session: &Session, guest: &Guest) -> Result<Config> {
    guests::with_place(session, guest, |place| session.client()?.get(&place.config()))
}
