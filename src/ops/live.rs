//! A guest's current state, as its node reports it.

use std::thread;
use std::time::Duration;

use serde_json::Value as Json;

use crate::api::{GuestKind, lenient};
use crate::fault::{Fault, Kind, Result};
use crate::ops::guests::{self, Guest, split_tags};
use crate::session::{Session, stopped};

/// The power state of a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Power {
    Running,
    /// A paused VM; its memory is kept.
    Paused,
    Stopped,
    /// A VM suspended to disk.
    Suspended,
}

impl Power {
    pub fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Stopped => "stopped",
            Self::Suspended => "suspended to disk",
        }
    }
}

/// The relevant parts of `status/current`.
#[derive(Debug, Clone)]
pub struct Live {
    pub power: Power,
    /// `backup`, `snapshot`, `migrate`, …
    pub lock: Option<String>,
    pub tags: Vec<String>,
    /// Its HA state, if it is managed by HA.
    pub ha: Option<String>,
    pub template: bool,
    pub uptime: Duration,
    pub pid: Option<i64>,
}

impl Live {
    fn of(status: &Json) -> Self {
        let text = |key: &str| status.get(key).and_then(lenient::text).filter(|text| !text.is_empty());
        let number = |key: &str| status.get(key).and_then(lenient::integer);
        let lock = text("lock");
        let power = match (text("status").as_deref(), text("qmpstatus").as_deref()) {
            (_, Some("paused" | "suspended" | "prelaunch")) => Power::Paused,
            (Some("running"), _) => Power::Running,
            _ if lock.as_deref() == Some("suspended") => Power::Suspended,
            _ => Power::Stopped,
        };
        let ha = status.get("ha").filter(|ha| ha.get("managed").and_then(lenient::integer) == Some(1));
        Self {
            power,
            lock,
            tags: split_tags(text("tags").as_deref()),
            ha: ha.map(|ha| ha.get("state").and_then(lenient::text).unwrap_or_else(|| "managed".into())),
            template: number("template") == Some(1),
            uptime: Duration::from_secs(number("uptime").and_then(|s| u64::try_from(s).ok()).unwrap_or_default()),
            pid: number("pid"),
        }
    }

    pub fn running(&self) -> bool {
        matches!(self.power, Power::Running | Power::Paused)
    }
}

/// Reads a guest's state, also if it has moved to another node.
pub fn read(session: &Session, guest: &Guest) -> Result<Live> {
    guests::with_place(session, guest, |place| session.client()?.get(&place.status())).map(|status| Live::of(&status))
}

/// Number of guests to ask in parallel.
const AT_ONCE: usize = 8;

/// Calls a function for each guest in parallel; the results have the order of the guests.
pub fn each<T: Send>(guests: &[Guest], ask: impl Fn(&Guest) -> T + Sync) -> Vec<T> {
    let mut answers = Vec::with_capacity(guests.len());
    for some in guests.chunks(AT_ONCE) {
        if let [guest] = some {
            answers.push(ask(guest));
            continue;
        }
        let ask = &ask;
        answers.extend(thread::scope(|scope| {
            let threads: Vec<_> = some.iter().map(|guest| scope.spawn(move || ask(guest))).collect();
            threads.into_iter().map(|t| t.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect::<Vec<_>>()
        }));
    }
    answers
}

/// Waits until the guest reaches a state. Returns the last state, and whether the wanted one was reached in time.
pub fn until(session: &Session, guest: &Guest, limit: Duration, wanted: impl Fn(&Live) -> bool) -> Result<(Live, bool)> {
    let begun = std::time::Instant::now();
    let mut pause = Duration::from_millis(100);
    loop {
        let over = begun.elapsed() >= limit;
        let live = match read(session, guest) {
            // During a migration, the guest is briefly on no node.
            Err(fault) if !over && matches!(fault.kind, Kind::NotFound | Kind::Unreachable | Kind::NodeDown) => None,
            Err(fault) => return Err(fault),
            Ok(live) if wanted(&live) => return Ok((live, true)),
            Ok(live) if over => return Ok((live, false)),
            Ok(live) => Some(live),
        };
        drop(live);
        session
            .interrupt
            .wait(pause.min(limit.saturating_sub(begun.elapsed()).max(Duration::from_millis(20))))
            .map_err(|signal| stopped(signal, &format!("stopped waiting for {}", guest.label())))?;
        pause = (pause * 2).min(Duration::from_secs(1));
    }
}

/// Checks the kind of a guest for options that only one kind supports.
pub fn only(kind: GuestKind, guest: &Guest, what: &str) -> Result<()> {
    if guest.kind == kind {
        return Ok(());
    }
    let (wanted, is) = match kind {
        GuestKind::Lxc => ("container", "VM"),
        GuestKind::Qemu => ("VM", "container"),
    };
    Err(Fault::usage(format!("{what} needs a {wanted}; {} is a {is}", guest.label())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn status_of_a_real_host_is_parsed() {
        let vm =
            Live::of(&json!({"status": "running", "qmpstatus": "paused", "ha": {"managed": 0}, "tags": "a;b", "uptime": 7, "pid": 1501}));
        assert_eq!((vm.power, vm.ha.as_deref(), vm.tags.len(), vm.pid), (Power::Paused, None, 2, Some(1501)));
        let ct = Live::of(&json!({"status": "stopped", "lock": "backup", "ha": {"managed": 1, "state": "started"}}));
        assert_eq!((ct.power, ct.lock.as_deref(), ct.ha.as_deref()), (Power::Stopped, Some("backup"), Some("started")));
        assert_eq!(Live::of(&json!({"status": "stopped", "lock": "suspended"})).power, Power::Suspended);
    }
}
