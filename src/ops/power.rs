//! Start, stop, shut down, reboot, suspend, resume: preparing the change and verifying the guest's state.

use std::time::Duration;

use crate::api::{Call, GuestKind};
use crate::fault::{Fault, Kind, Result};
use crate::guard::tags::{self, GuardedAction};
use crate::guard::{Done, Item, Step};
use crate::ops::guests::Guest;
use crate::ops::live::{self, Live, Power};
use crate::ops::{lock, time};
use crate::session::Session;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Start,
    Stop,
    Shutdown,
    Reboot,
    Suspend,
    Resume,
}

/// Options of a power action.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// How long the guest may take to shut down.
    pub guest_timeout: Option<Duration>,
    /// Stop the guest if it does not shut down in time.
    pub then_stop: bool,
}

/// Time limit for a state change through high availability.
const HA_LIMIT: Duration = Duration::from_secs(300);
/// Time limit for a reboot: the host starts a VM again after the task has ended.
const REBOOT_LIMIT: Duration = Duration::from_secs(120);
const LIMIT: Duration = Duration::from_secs(20);

impl Action {
    /// The last segment of the call's path, also used in results.
    pub fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Shutdown => "shutdown",
            Self::Reboot => "reboot",
            Self::Suspend => "suspend",
            Self::Resume => "resume",
        }
    }

    fn guarded_action(self) -> Option<GuardedAction> {
        match self {
            Self::Stop => Some(GuardedAction::Stop),
            Self::Shutdown => Some(GuardedAction::Shutdown),
            Self::Reboot => Some(GuardedAction::Reboot),
            Self::Start | Self::Suspend | Self::Resume => None,
        }
    }

    /// Locks that do not prevent the action.
    fn passes(self) -> &'static [&'static str] {
        match self {
            Self::Start | Self::Resume => &["suspended", "mounted"],
            Self::Stop => &["mounted"],
            Self::Shutdown | Self::Reboot | Self::Suspend => &[],
        }
    }

    /// Host errors that mean the guest already is in the target state.
    fn already(self) -> &'static [&'static str] {
        match self {
            Self::Start => &["already running"],
            Self::Stop | Self::Shutdown => &["not running"],
            Self::Reboot | Self::Suspend | Self::Resume => &[],
        }
    }

    /// Whether a managed guest is controlled through HA.
    fn through_ha(self) -> bool {
        matches!(self, Self::Start | Self::Stop | Self::Shutdown)
    }

    /// Whether the guest is in the target state.
    fn reached(self, power: Power) -> bool {
        match self {
            Self::Start => power == Power::Running,
            Self::Stop | Self::Shutdown => matches!(power, Power::Stopped | Power::Suspended),
            Self::Suspend => matches!(power, Power::Paused | Power::Suspended),
            Self::Resume => power == Power::Running,
            Self::Reboot => false,
        }
    }

    /// Returns why the action is not possible in the guest's state.
    fn impossible(self, guest: &Guest, options: &Options, live: &Live) -> Option<Fault> {
        let is = |hint: String| {
            Some(Fault::refused(format!("{} is {}, so it cannot {}", guest.label(), live.power.word(), self.verb())).with_hint(hint))
        };
        let vmid = guest.vmid;
        match (self, live.power) {
            (Self::Shutdown, Power::Paused) if options.then_stop => None,
            (Self::Start | Self::Shutdown | Self::Reboot, Power::Paused) => is(format!("run `felhom guest resume {vmid}` first")),
            (Self::Reboot | Self::Suspend | Self::Resume, Power::Stopped) | (Self::Reboot, Power::Suspended) => {
                is(format!("run `felhom guest start {vmid}` first"))
            }
            _ => None,
        }
    }

    fn verb(self) -> &'static str {
        match self {
            Self::Start => "be started",
            Self::Stop => "be stopped",
            Self::Shutdown => "be shut down",
            Self::Reboot => "be rebooted",
            Self::Suspend => "be suspended",
            Self::Resume => "be resumed",
        }
    }

    fn call(self, guest: &Guest, options: &Options) -> Call<serde_json::Value> {
        guest
            .place()
            .power(self.word())
            .with_some("timeout", options.guest_timeout.map(|time| time.as_secs()))
            .with_set("forceStop", options.then_stop)
    }
}

/// A prepared action and the state before it.
pub struct Prepared {
    pub item: Item,
    pub before: Option<Live>,
}

/// Prepares the action for the guest's current state.
pub fn prepare(session: &Session, guest: &Guest, action: Action, options: &Options) -> Prepared {
    let item = Item::new(action.word(), guest.target()).already(action.already());
    match lock::wait(session, guest, action.passes()) {
        Ok(live) => Prepared { item: of(session, guest, action, options, item, &live), before: Some(live) },
        Err(fault) if fault.kind == Kind::Locked => settle_locked(session, guest, action, item, fault),
        Err(fault) => Prepared { item: unseen(session, guest, action, item, fault), before: None },
    }
}

/// A locked guest that already is in the target state is unchanged.
fn settle_locked(session: &Session, guest: &Guest, action: Action, item: Item, fault: Fault) -> Prepared {
    let live = live::read(session, guest).ok();
    let item = match &live {
        Some(live) if action.reached(live.power) => item.unchanged(),
        _ => item.refused(fault),
    };
    Prepared { item, before: live }
}

/// If the state cannot be read, the tags are unknown too.
fn unseen(session: &Session, guest: &Guest, action: Action, item: Item, fault: Fault) -> Item {
    let guarded = action
        .guarded_action()
        .and_then(|guarded_action| tags::refusal(&session.rules, &session.tags, &guest.target(), None, guarded_action));
    item.refused(guarded.filter(|_| fault.kind == Kind::Denied).unwrap_or(fault))
}

fn of(session: &Session, guest: &Guest, action: Action, options: &Options, item: Item, live: &Live) -> Item {
    let item = item.fact("status", live.power.word());
    if action.reached(live.power) {
        return item.unchanged();
    }
    if live.template || guest.template {
        return item.refused(
            Fault::refused(format!("{} is a template, which never runs", guest.label()))
                .with_hint("start a clone of it instead: `felhom guest clone`"),
        );
    }
    let guarded = action
        .guarded_action()
        .and_then(|guarded_action| tags::refusal(&session.rules, &session.tags, &guest.target(), Some(&live.tags), guarded_action));
    if let Some(fault) = guarded.or_else(|| action.impossible(guest, options, live)) {
        return item.refused(fault);
    }
    let item = match action {
        Action::Start | Action::Resume => item.touches(format!("{} is {}", guest.label(), live.power.word())),
        _ => item.touches(format!("{} is {}, up for {}", guest.label(), live.power.word(), time::span(live.uptime))),
    };
    let item = match action {
        Action::Stop => item.caution("unsaved data is lost, as on a power failure; `guest shutdown` stops it cleanly"),
        Action::Shutdown if options.then_stop => item.caution("a guest that does not shut down in time is stopped"),
        Action::Suspend if guest.kind == GuestKind::Lxc => item.caution("suspending containers is experimental, and fails on most hosts"),
        _ => item,
    };
    let item = match &live.ha {
        Some(state) if action.through_ha() => item
            .extra("ha", true)
            .caution(format!("managed by high availability (now: {state}), which carries the request out some seconds later")),
        _ => item,
    };
    item.step(Step::call(action.word(), action.call(guest, options)))
}

/// Verifies the guest's state: the task's exit status is not enough, especially with high availability.
pub fn verify(session: &Session, guest: &Guest, action: Action, before: Option<&Live>, done: &Done) -> Result<Live> {
    let ha = action.through_ha() && before.is_some_and(|live| live.ha.is_some());
    let limit = match action {
        _ if ha => session.waits.timeout.unwrap_or(HA_LIMIT),
        Action::Reboot => REBOOT_LIMIT,
        _ => LIMIT,
    };
    if ha {
        session.person.note(&format!("HA accepted the request; waiting for {}", guest.label()));
    }
    let begun = std::time::Instant::now();
    let (live, reached) = live::until(session, guest, limit, |live| match action {
        Action::Reboot => {
            let same = before.is_some_and(|was| {
                was.pid == live.pid && live.uptime >= was.uptime && live.uptime > begun.elapsed() + Duration::from_secs(5)
            });
            live.power == Power::Running && !same
        }
        _ => action.reached(live.power),
    })?;
    if reached {
        return Ok(live);
    }
    let waited = begun.elapsed().as_secs();
    let fault = if ha {
        Fault::new(
            Kind::Unfinished,
            format!("HA accepted the request, but {} is still {} after {waited} s", guest.label(), live.power.word()),
        )
        .with_hint("check HA with `felhom api get /cluster/ha/status/current`, or wait longer with --timeout")
    } else {
        Fault::other(format!("task succeeded, but {} is {} {waited} s later", guest.label(), live.power.word()))
            .with_hint(format!("check what changed it with `felhom task list --guest {}`", guest.vmid))
    };
    Err(match &done.upid {
        Some(upid) => fault.with_upid(upid),
        None => fault,
    })
}
