//! Locked guests: the task behind a lock, and waiting for its end.

use std::time::{Duration, Instant};

use crate::api::tasks::{self, Filter};
use crate::fault::{Fault, Kind, Result};
use crate::ops::guests::Guest;
use crate::ops::live::{self, Live};
use crate::session::{Session, stopped};

/// Returns the error for a locked guest, with the lock and, if visible, its task.
pub fn fault(session: &Session, guest: &Guest, lock: &str) -> Fault {
    let holder = holder(session, guest);
    let by = holder.as_ref().map_or_else(String::new, |(who, _)| format!(" by {who}"));
    let locked = Fault::refused_as(Kind::Locked, format!("{} is locked ({lock}){by}", guest.label()));
    match holder {
        Some((_, upid)) => {
            locked.with_hint(format!("add --wait-lock 10m to wait; `felhom task log -f {upid}` follows the task")).with_upid(upid)
        }
        None => locked.with_hint(format!(
            "run `{}` as root on {} to remove a stale lock, or wait with --wait-lock 10m",
            unlock(guest),
            guest.node
        )),
    }
}

/// Describes a stale lock of a failed task, with the command that removes it.
pub fn stale_lock(session: &Session, guest: &Guest) -> Option<String> {
    let lock = live::read(session, guest).ok()?.lock?;
    if holder(session, guest).is_some() {
        return None;
    }
    Some(format!("{} is still locked ({lock}); remove the stale lock with `{}` as root on {}", guest.label(), unlock(guest), guest.node))
}

fn unlock(guest: &Guest) -> String {
    format!("{} unlock {}", if guest.kind.short() == "CT" { "pct" } else { "qm" }, guest.vmid)
}

/// Returns a description and the ID of the guest's running task.
fn holder(session: &Session, guest: &Guest) -> Option<(String, String)> {
    let filter = Filter { vmid: Some(guest.vmid), running: true, limit: 5, ..Filter::default() };
    let tasks = session.client().ok()?.get(&tasks::list(&guest.node, &filter)).ok()?;
    let task = tasks.into_iter().next()?;
    Some((format!("{} of {}", task.upid.kind, task.upid.user), task.upid.to_string()))
}

/// Returns the unlocked guest's state, waiting up to `--wait-lock`. Locks in `passes` are ignored.
pub fn wait(session: &Session, guest: &Guest, passes: &[&str]) -> Result<Live> {
    let free = |live: &Live| live.lock.as_deref().is_none_or(|lock| passes.contains(&lock));
    let live = live::read(session, guest)?;
    let Some(lock) = live.lock.clone().filter(|_| !free(&live)) else { return Ok(live) };
    let why = fault(session, guest, &lock);
    let Some(limit) = session.waits.lock.filter(|_| !session.rules.plan) else { return Err(why) };
    session.person.note(&format!("{}; waiting up to {} s for it", why.message, limit.as_secs()));
    let begun = Instant::now();
    while begun.elapsed() < limit {
        let pause = Duration::from_secs(1).min(limit.saturating_sub(begun.elapsed()));
        session.interrupt.wait(pause).map_err(|signal| stopped(signal, &format!("stopped waiting for the lock of {}", guest.label())))?;
        let live = live::read(session, guest)?;
        if free(&live) {
            return Ok(live);
        }
    }
    Err(Fault { message: format!("{} after {} s of waiting", why.message, begun.elapsed().as_secs()), ..why })
}
