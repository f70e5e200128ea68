//! What tasks for many guests did: they end with OK although a guest did not start, stop or move.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::api::{Request, Value, list, tasks};
use crate::fault::{Fault, Kind, Result};
use crate::guard::Done;
use crate::ops::guests::{self, Guest};
use crate::ops::live::{self, Power};
use crate::session::{Session, stopped};

/// How long the HA manager may take for what the task only requested.
const HA_LIMIT: Duration = Duration::from_secs(120);

/// What the call is to bring its guests to.
enum Goal {
    Running,
    Stopped,
    Suspended,
    On(String),
    BackedUp,
}

impl Goal {
    fn of(request: &Request) -> Option<Self> {
        let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
        let word = match path[..] {
            ["nodes", _, word] => word.strip_suffix("all").or((word == "vzdump").then_some(word))?,
            ["cluster", "bulk-action", "guest", word] => word,
            _ => return None,
        };
        match word {
            "start" => Some(Self::Running),
            "stop" | "shutdown" => Some(Self::Stopped),
            "suspend" => Some(Self::Suspended),
            "migrate" => Some(Self::On(request.param("target").map(Value::shown)?)),
            "vzdump" => Some(Self::BackedUp),
            _ => None,
        }
    }

    /// What the guest is instead, after the time that the HA manager may take.
    fn missed(&self, session: &Session, guest: &Guest) -> Option<String> {
        let limit = if guest.ha_state.is_some() { HA_LIMIT } else { Duration::ZERO };
        let reached = |power: Power| match self {
            Self::Running => power == Power::Running,
            Self::Stopped => matches!(power, Power::Stopped | Power::Suspended),
            Self::Suspended => matches!(power, Power::Paused | Power::Suspended),
            Self::On(_) | Self::BackedUp => true,
        };
        let seen = match self {
            Self::On(node) => on_node(session, guest, node, limit).map(|at| (at != *node).then(|| format!("on {at}"))),
            _ => live::until(session, guest, limit, |live| reached(live.power))
                .map(|(live, there)| (!there).then(|| live.power.word().to_owned())),
        };
        match seen {
            Ok(is) => is.map(|is| format!("{} is {is}", guest.label())),
            Err(fault) => Some(format!("{} cannot be checked: {}", guest.label(), fault.message)),
        }
    }
}

/// The node that the guest is on once it is on `node`, or when the time is over.
pub fn on_node(session: &Session, guest: &Guest, node: &str, limit: Duration) -> Result<String> {
    let begun = Instant::now();
    loop {
        let all = guests::all(session)?;
        let at = all.into_iter().find(|other| other.vmid == guest.vmid).map(|guest| guest.node).unwrap_or_default();
        if at == node || begun.elapsed() >= limit {
            return Ok(at);
        }
        session
            .interrupt
            .wait(Duration::from_secs(1))
            .map_err(|signal| stopped(signal, &format!("stopped looking at {}", guest.label())))?;
    }
}

/// Checks each guest that the call names, or that its task's log names.
pub fn verify(session: &Session, request: &Request, done: &Done) -> Result<()> {
    let (Some(goal), Some(upid)) = (Goal::of(request), &done.upid) else { return Ok(()) };
    let lines = session.client()?.get(&tasks::log(upid, 0, 0))?;
    let lines: Vec<&str> = lines.iter().map(|line| line.t.as_str()).collect();
    let wrong: Vec<String> = if let Goal::BackedUp = goal {
        elsewhere(&lines).into_iter().map(|vmid| format!("{vmid} is on another node")).collect()
    } else {
        let named: BTreeSet<u32> =
            request.params.iter().filter(|(name, _)| name == "vms").flat_map(|(_, value)| numbers(&value.shown())).collect();
        let meant = if named.is_empty() { lines.iter().filter_map(|line| about(line)).collect() } else { named };
        let all = guests::all(session)?;
        let (there, gone): (Vec<u32>, Vec<u32>) = meant.into_iter().partition(|vmid| all.iter().any(|guest| guest.vmid == *vmid));
        let there: Vec<Guest> = all.into_iter().filter(|guest| there.contains(&guest.vmid)).collect();
        let missing = gone.into_iter().map(|vmid| format!("{vmid} does not exist, or is not visible"));
        live::each(&there, |guest| goal.missed(session, guest)).into_iter().flatten().chain(missing).collect()
    };
    if wrong.is_empty() {
        return Ok(());
    }
    let fault = Fault::new(Kind::TaskFailed, format!("{request}: the task ended with OK, but not for all guests: {}", wrong.join("; ")));
    Err(fault.with_upid(upid))
}

fn numbers(text: &str) -> Vec<u32> {
    list::split(text).filter_map(|vmid| vmid.parse().ok()).collect()
}

/// The guest that a line of the log is about: `Starting CT 102`, `WARN: Skipping VM 201, not running.`
fn about(line: &str) -> Option<u32> {
    let rest = line.split_once("CT ").or_else(|| line.split_once("VM "))?.1;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// The guests that a backup leaves out because they are on other nodes.
fn elsewhere(lines: &[&str]) -> Vec<u32> {
    lines.iter().filter_map(|line| line.strip_prefix("INFO: skip external VMs: ")).flat_map(numbers).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_log_name_guests() {
        let lines = ["Starting guests: 102", "Starting CT 102 failed: x", "Stopping VM 201 (timeout = 180 seconds)", "TASK OK"];
        assert_eq!(lines.iter().filter_map(|line| about(line)).collect::<Vec<_>>(), [102, 201]);
        assert_eq!(elsewhere(&["INFO: skip external VMs: 103, 104"]), [103, 104]);
    }
}
