//! After the restore: is the guest what the archive says, and if it went wrong, what is left on the host?

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

/// Compares the restored guest's configuration with the archive's.
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
        wrong.push(format!("it has {} network cards, the archive {}", is.len(), was.len()));
    } else if decision.fresh && was.intersection(&is).next().is_some() {
        wrong.push("it has the archive's MACs, not fresh ones".to_owned());
    } else if !decision.fresh && was != is {
        wrong.push("it has not the archive's MACs".to_owned());
    }
    wrong
}

/// `nesting=1,keyctl=1` and `keyctl=1,nesting=1` are the same.
fn sorted(text: Option<&str>) -> BTreeSet<&str> {
    text.unwrap_or_default().split(',').map(str::trim).filter(|part| !part.is_empty() && *part != "0").collect()
}

/// Who runs now with a MAC or an address of the restored guest: looked at again before it is started.
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
            found.push(format!("{} {runs} with the same MAC", other.label()));
        }
        if let Some(address) = theirs.addresses.intersection(&mine.addresses).next() {
            found.push(format!("{} {runs} with its address {address}", other.label()));
        }
    }
    Ok(found)
}

/// Puts into a failed outcome what is left on the host, and how it goes away.
pub fn explain(session: &Session, known: &Known, outcome: &mut Outcome) {
    let Some(mut fault) = outcome.fault.clone() else { return };
    let begun = outcome.upid.is_some() || fault.kind == Kind::Unknown;
    // A guest that is there and only not as it should be is not a rest to be removed.
    if !begun || fault.is_refusal() || matches!(fault.kind, Kind::Other | Kind::TaskWarnings) {
        return;
    }
    if fault.kind == Kind::TaskFailed && crate::api::answer::known(&fault.message) == Some(Kind::Denied) {
        fault.kind = Kind::Denied;
    }
    let left = guests::all(session).ok().and_then(|all| all.into_iter().find(|guest| guest.vmid == known.vmid));
    match left {
        None => fault.message = format!("{}; nothing of {} is left on the host", fault.message, known.vmid),
        Some(guest) if known.existing.is_some() => {
            fault.message =
                format!("{}; {} is there, and its disks may be gone: look at it before it is started", fault.message, guest.label());
        }
        Some(guest) => {
            let short = guest.kind.short();
            let lock = guest.lock.as_ref().map_or_else(String::new, |lock| format!(", locked ({lock})"));
            fault.message = format!("{}; {short} {} is on {}{lock}, unfinished", fault.message, guest.vmid, guest.node);
            let tool = if short == "CT" { "pct" } else { "qm" };
            let remove = format!("felhom guest delete {0} --confirm {0}", guest.vmid);
            let goes_on = matches!(fault.kind, Kind::Interrupted | Kind::Terminated | Kind::Unfinished);
            fault.hint = Some(match (&guest.lock, goes_on, &outcome.upid) {
                (_, true, Some(upid)) => {
                    format!("`felhom task wait '{upid}'` follows it; `felhom task stop '{upid}'`, then `{remove}` takes it away")
                }
                (Some(_), ..) => format!("root runs `{tool} unlock {}` on {}, then `{remove}` takes it away", guest.vmid, guest.node),
                (None, ..) => format!("`{remove}` takes it away"),
            });
        }
    }
    outcome.fail(fault);
}

/// For the preview: what was decided, a line each.
pub fn lines(known: &Known, decision: &Decision) -> Vec<String> {
    let mut lines = vec![change::summary(known), decision.because.clone()];
    let stores: Vec<&str> = decision.layout.needs.keys().map(String::as_str).collect();
    lines.push(format!("volumes on {}", stores.join(", ")));
    lines.extend(decision.not_in_archive.iter().map(|what| format!("not in the archive: {what}")));
    let binds = decide::binds(known);
    if !binds.is_empty() {
        lines.push(format!("left out: {}", binds.iter().map(Part::label).collect::<Vec<_>>().join(", ")));
    }
    lines
}
