//! Guests that are locked: by whom, and waiting until they are not.

use std::time::{Duration, Instant};

use crate::api::tasks::{self, Filter};
use crate::fault::{Fault, Kind, Result};
use crate::ops::guests::Guest;
use crate::ops::live::{self, Live};
use crate::session::{Session, stopped};

/// The refusal to change a locked guest: which lock, and which task holds it as far as that can be seen.
pub fn fault(session: &Session, guest: &Guest, lock: &str) -> Fault {
    let holder = holder(session, guest);
    let by = holder.as_ref().map_or_else(String::new, |(who, _)| format!(" by {who}"));
    let locked = Fault::refused_as(Kind::Locked, format!("{} is locked ({lock}){by}", guest.label()));
    match holder {
        Some((_, upid)) => {
            locked.with_hint(format!("wait for it with --wait-lock 10m; `felhom task log -f {upid}` follows it")).with_upid(upid)
        }
        None => locked.with_hint(format!(
            "run `{}` as root on {} to remove a stale lock, or wait with --wait-lock 10m",
            unlock(guest),
            guest.node
        )),
    }
}

/// A lock that a failed task has left on its guest, in words, with the way out.
pub fn left_behind(session: &Session, guest: &Guest) -> Option<String> {
    let lock = live::read(session, guest).ok()?.lock?;
    if holder(session, guest).is_some() {
        return None;
    }
    Some(format!("{} is still locked ({lock}); remove the stale lock with `{}` as root on {}", guest.label(), unlock(guest), guest.node))
}

fn unlock(guest: &Guest) -> String {
    format!("{} unlock {}", if guest.kind.short() == "CT" { "pct" } else { "qm" }, guest.vmid)
}

/// The running task of a guest, in words, with its id.
fn holder(session: &Session, guest: &Guest) -> Option<(String, String)> {
    let filter = Filter { vmid: Some(guest.vmid), running: true, limit: 5, ..Filter::default() };
    let tasks = session.client().ok()?.get(&tasks::list(&guest.node, &filter)).ok()?;
    let task = tasks.into_iter().next()?;
    Some((format!("{} of {}", task.upid.kind, task.upid.user), task.upid.to_string()))
}

/// The guest as it is, unlocked: waits as long as `--wait-lock` says. `passes` are locks that do not stand in the way.
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
