//! `felhom guest start`, `stop`, `shutdown`, `reboot`, `suspend`, `resume`.

use std::collections::BTreeMap;
use std::time::Duration;

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use serde_json::{Map, json};

use crate::cli::{Ctx, complete, results};
use crate::fault::Result;
use crate::guard::{Change, Status, verdict};
use crate::ops::address;
use crate::ops::guests::{self, Guest, Selection};
use crate::ops::live::{self, Live};
use crate::ops::power::{self, Action, Options, Prepared};
use crate::session::Session;

/// Which guests.
#[derive(Debug, Args)]
pub struct Targets {
    /// Guests: VMIDs, names, NODE/VMID, ranges (101,105-110)
    #[arg(value_name = "GUEST", add = ArgValueCompleter::new(complete::guests))]
    guests: Vec<String>,
    #[command(flatten)]
    selection: Selection,
}

impl Targets {
    /// The guests that are meant; a person at a terminal who names none picks one.
    pub fn resolve(&self, session: &Session) -> Result<Vec<Guest>> {
        if self.guests.is_empty() && !self.selection.given() && session.person.present() {
            return guests::one(session, None).map(|guest| vec![guest]);
        }
        guests::select_usable(session, &self.guests, &self.selection)
    }
}

/// Start guests
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  felhom guest start 101\n  felhom guest start 101 db --wait-ip\n  felhom guest start --tag web --node pve1"
)]
pub struct Start {
    #[command(flatten)]
    targets: Targets,
    /// Wait for an IP address and print it
    #[arg(long)]
    wait_ip: bool,
}

/// Stop guests immediately, without a shutdown
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  felhom guest stop 101\n  felhom guest stop --pool lab --yes")]
pub struct Stop {
    #[command(flatten)]
    targets: Targets,
}

/// Shut down guests
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  felhom guest shutdown 101 --guest-timeout 90\n  felhom guest shutdown --all --then-stop --yes")]
pub struct Shutdown {
    #[command(flatten)]
    targets: Targets,
    /// Time for the shutdown (90s, 5m; without unit: seconds)
    #[arg(long, value_name = "DURATION", value_parser = crate::duration::parse)]
    guest_timeout: Option<Duration>,
    /// Stop the guest if it has not shut down by then
    #[arg(long)]
    then_stop: bool,
}

/// Reboot guests
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  felhom guest reboot 101\n  felhom guest reboot web db --guest-timeout 90 --wait-ip")]
pub struct Reboot {
    #[command(flatten)]
    targets: Targets,
    /// Time for the shutdown (90s, 5m; without unit: seconds)
    #[arg(long, value_name = "DURATION", value_parser = crate::duration::parse)]
    guest_timeout: Option<Duration>,
    /// Wait for an IP address and print it
    #[arg(long)]
    wait_ip: bool,
}

/// Suspend running guests
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  felhom guest suspend 201")]
pub struct Suspend {
    #[command(flatten)]
    targets: Targets,
}

/// Resume suspended guests
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  felhom guest resume 201 --wait-ip")]
pub struct Resume {
    #[command(flatten)]
    targets: Targets,
    /// Wait for an IP address and print it
    #[arg(long)]
    wait_ip: bool,
}

impl Start {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        run(ctx, &self.targets, Action::Start, Options::default(), self.wait_ip)
    }
}

impl Stop {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        run(ctx, &self.targets, Action::Stop, Options::default(), false)
    }
}

impl Shutdown {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        run(ctx, &self.targets, Action::Shutdown, Options { guest_timeout: self.guest_timeout, then_stop: self.then_stop }, false)
    }
}

impl Reboot {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        run(ctx, &self.targets, Action::Reboot, Options { guest_timeout: self.guest_timeout, then_stop: false }, self.wait_ip)
    }
}

impl Suspend {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        run(ctx, &self.targets, Action::Suspend, Options::default(), false)
    }
}

impl Resume {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        run(ctx, &self.targets, Action::Resume, Options::default(), self.wait_ip)
    }
}

fn run(ctx: &Ctx, targets: &Targets, action: Action, options: Options, wait_ip: bool) -> Result<()> {
    let session = ctx.session()?;
    let chosen = targets.resolve(&session)?;
    let prepared = live::each(&chosen, |guest| {
        let mut prepared = power::prepare(&session, guest, action, &options);
        if wait_ip
            && prepared.item.pending()
            && let Err(fault) = address::possible(&session, guest)
        {
            prepared.item = prepared.item.refused(fault);
        }
        prepared
    });
    let mut change = Change::new(summary(action, &chosen));
    let mut known: BTreeMap<u32, (Guest, Option<Live>)> = BTreeMap::new();
    for (guest, Prepared { item, before }) in chosen.into_iter().zip(prepared) {
        change.items.push(item);
        known.insert(guest.vmid, (guest, before));
    }
    let of = |vmid: Option<u32>| vmid.and_then(|vmid| known.get(&vmid));
    let ended = ctx.outcomes(&session, change, |item, done| {
        let Some((guest, before)) = of(item.target.vmid) else { return Ok(Map::new()) };
        power::verify(&session, guest, action, before.as_ref(), done)?;
        addresses(&session, guest, wait_ip)
    })?;
    let Some(mut outcomes) = ended else { return Ok(()) };
    // One that ran already has an address to tell, too.
    for outcome in outcomes.iter_mut().filter(|outcome| wait_ip && outcome.status == Status::Unchanged) {
        if let Some((guest, _)) = of(outcome.vmid) {
            match address::possible(&session, guest).and_then(|()| addresses(&session, guest, true)) {
                Ok(extra) => outcome.extra.extend(extra),
                Err(fault) => outcome.fail(fault),
            }
        }
    }
    results::emit(&ctx.out, &outcomes).and_then(|()| verdict(&outcomes))
}

fn addresses(session: &Session, guest: &Guest, wait_ip: bool) -> Result<Map<String, serde_json::Value>> {
    if !wait_ip {
        return Ok(Map::new());
    }
    let found = address::wait(session, guest)?;
    session.person.note(&format!("{}: {}", guest.label(), found.join(", ")));
    Ok(Map::from_iter([("ip".to_owned(), json!(found))]))
}

fn summary(action: Action, guests: &[Guest]) -> String {
    match guests {
        [guest] => format!("{} {}", action.word(), guest.label()),
        [..] if guests.len() <= 4 => {
            let names: Vec<String> = guests.iter().map(Guest::label).collect();
            format!("{} {}", action.word(), names.join(", "))
        }
        _ => format!("{} {} guests", action.word(), guests.len()),
    }
}
