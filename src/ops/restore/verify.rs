//! After a restore: compares the guest with the backup, or reports what a failed restore left behind.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json, json};

use crate::api::lenient;
use crate::fault::{Fault, Kind, Result};
use crate::guard::{Done, Outcome};
use crate::ops::backup::Part;
use crate::ops::guests::{self, Guest};
use crate::ops::restore::change;
use crate::ops::restore::decide::{self, Decision};
use crate::ops::restore::identity;
use crate::ops::restore::read::Known;
use crate::ops::restore::volumes;
use crate::session::Session;

/// Compares the restored guest's configuration with the backup's.
pub fn verify(session: &Session, known: &Known, decision: &Decision, done: &Done) -> Result<Map<String, Json>> {
    let config = session.client()?.get(&change::place(known).config())?;
    let wrong = differences(known, decision, &config);
    if !wrong.is_empty() {
        let fault = Fault::other(format!("restored, but it differs from the backup: {}", wrong.join("; ")));
        return Err(match &done.upid {
            Some(upid) => fault.with_upid(upid),
            None => fault,
        });
    }
    let value = |key: &str| config.get(key).and_then(lenient::text);
    let now = identity::of(known.kind, &config);
    Ok(Map::from_iter([
        ("macs".to_owned(), json!(now.macs)),
        ("hostname".to_owned(), json!(now.name)),
        ("features".to_owned(), json!(value("features"))),
        ("unprivileged".to_owned(), json!(value("unprivileged").as_deref() == Some("1"))),
    ]))
}

fn differences(known: &Known, decision: &Decision, config: &Map<String, Json>) -> Vec<String> {
    let archived = &known.archived.values;
    let mut wrong = Vec::new();
    for key in ["features", "unprivileged"] {
        let (was, is) = (archived.get(key).and_then(lenient::text), config.get(key).and_then(lenient::text));
        if sorted(was.as_deref()) != sorted(is.as_deref()) {
            wrong.push(format!("{key} is {}, was {}", is.as_deref().unwrap_or("unset"), was.as_deref().unwrap_or("unset")));
        }
    }
    for part in volumes::parts(known).iter().filter(|part| !part.is_foreign()) {
        if !config.contains_key(&part.key) {
            wrong.push(format!("{} is missing", part.label()));
        }
    }
    let now = identity::of(known.kind, config);
    let (was, is): (BTreeSet<&String>, BTreeSet<&String>) = (known.identity.macs.iter().collect(), now.macs.iter().collect());
    if was.len() != is.len() {
        wrong.push(format!("it has {} network devices, the backup {}", is.len(), was.len()));
    } else if decision.fresh && was.intersection(&is).next().is_some() {
        wrong.push("it has the backup's MAC addresses instead of new ones".to_owned());
    } else if !decision.fresh && was != is {
        wrong.push("its MAC addresses differ from the backup's".to_owned());
    }
    wrong
}

/// Returns a property string's parts as a set, since their order does not matter.
fn sorted(text: Option<&str>) -> BTreeSet<&str> {
    text.unwrap_or_default().split(',').map(str::trim).filter(|part| !part.is_empty() && *part != "0").collect()
}

/// Returns the running guests with a MAC or IP address of the restored guest, checked again before the start.
pub fn in_use(session: &Session, guest: &Guest) -> Result<Vec<String>> {
    let running = guests::running(session, None)?;
    let mine = session.client()?.get(&guest.place().config())?;
    let mine = identity::of(guest.kind, &mine);
    let mut found = Vec::new();
    for other in running.iter().filter(|other| other.vmid != guest.vmid) {
        let runs = other.runs().unwrap_or("runs");
        let Ok(config) = guests::with_place(session, other, |place| session.client()?.get(&place.config())) else { continue };
        let theirs = identity::of(other.kind, &config);
        if theirs.macs.iter().any(|mac| mine.macs.contains(mac)) {
            found.push(format!("{} {runs} with the same MAC address", other.label()));
        }
        if let Some(address) = theirs.addresses.intersection(&mine.addresses).next() {
            found.push(format!("{} {runs} with the IP address {address}", other.label()));
        }
    }
    Ok(found)
}

/// Adds to a failed outcome what is left on the host and how to remove it.
pub fn explain(session: &Session, known: &Known, outcome: &mut Outcome) {
    let Some(mut fault) = outcome.fault.clone() else { return };
    let begun = outcome.upid.is_some() || fault.kind == Kind::Unknown;
    // A complete guest that only differs from the backup is not left over.
    if !begun || fault.is_refusal() || matches!(fault.kind, Kind::Other | Kind::TaskWarnings) {
        return;
    }
    if fault.kind == Kind::TaskFailed && crate::api::answer::kind_of_text(&fault.message) == Some(Kind::Denied) {
        fault.kind = Kind::Denied;
    }
    let left = guests::all(session).ok().and_then(|all| all.into_iter().find(|guest| guest.vmid == known.vmid));
    match left {
        None => fault.message = format!("{}; nothing is left of {} on the host", fault.message, known.vmid),
        Some(guest) if known.existing.is_some() => {
            fault.message =
                format!("{}; {} still exists, but its disks may be lost: check it before starting it", fault.message, guest.label());
        }
        Some(guest) => {
            let short = guest.kind.short();
            let lock = guest.lock.as_ref().map_or_else(String::new, |lock| format!(", locked ({lock})"));
            fault.message = format!("{}; {short} {} is left incomplete on {}{lock}", fault.message, guest.vmid, guest.node);
            let tool = if short == "CT" { "pct" } else { "qm" };
            let remove = format!("felhom guest delete {0} --confirm {0}", guest.vmid);
            let goes_on = matches!(fault.kind, Kind::Interrupted | Kind::Terminated | Kind::Unfinished);
            fault.hint = Some(match (&guest.lock, goes_on, &outcome.upid) {
                (_, true, Some(upid)) => {
                    format!("run `felhom task wait '{upid}'` to follow it, or `felhom task stop '{upid}'` and `{remove}` to remove it")
                }
                (Some(_), ..) => format!("run `{tool} unlock {}` as root on {}, then `{remove}`", guest.vmid, guest.node),
                (None, ..) => format!("run `{remove}` to remove it"),
            });
        }
    }
    outcome.fail(fault);
}

/// Returns the decisions for the preview, one per line.
pub fn lines(known: &Known, decision: &Decision) -> Vec<String> {
    let mut lines = vec![change::summary(known), decision.because.clone()];
    let stores: Vec<&str> = decision.layout.needs.keys().map(String::as_str).collect();
    lines.push(format!("volumes on {}", stores.join(", ")));
    lines.extend(decision.not_in_archive.iter().map(|what| format!("not in the backup: {what}")));
    let binds = decide::binds(known);
    if !binds.is_empty() {
        lines.push(format!("skipped: {}", binds.iter().map(Part::label).collect::<Vec<_>>().join(", ")));
    }
    lines
}
