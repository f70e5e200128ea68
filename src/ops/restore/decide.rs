//! Decisions about a restore, from known facts only.

use crate::fault::{Fault, Result};
use crate::ops::backup::scope::Part;
use crate::ops::restore::read::{IdentityMode, Known, Other, Request};
use crate::ops::restore::trust;
use crate::ops::restore::volumes::{self, Layout};
use crate::units;

/// The decisions.
#[derive(Debug, Clone, Default)]
pub struct Decision {
    pub layout: Layout,
    /// Whether the guest gets new MAC addresses.
    pub fresh: bool,
    /// The new name, if it differs from the backup's.
    pub hostname: Option<String>,
    pub not_in_archive: Vec<String>,
    /// Commands for root on the node after the restore, one per bind mount.
    pub by_root: Vec<String>,
    pub root_level: Vec<String>,
    /// What two guests would share; needs a confirmation.
    pub shared: Vec<String>,
    pub warnings: Vec<String>,
    /// Running guests with the same MAC or static IP address.
    pub in_use: Vec<String>,
    /// Why the MAC addresses are new or kept.
    pub because: String,
}

/// Returns the bind mounts in the backup, which no token can restore.
pub fn binds(known: &Known) -> Vec<Part> {
    volumes::parts(known).into_iter().filter(Part::is_foreign).collect()
}

/// Decides; with `without_binds`, bind mounts are skipped.
pub fn decide(known: &Known, request: &Request, without_binds: bool) -> Result<Decision> {
    let mut decision = Decision { root_level: trust::root_level(known.kind, &known.archived.values), ..Decision::default() };
    identity(known, request, &mut decision);
    name(known, request, &mut decision);
    addresses(known, &mut decision);
    trusted(known, request)?;
    let binds = binds(known);
    if !binds.is_empty() && !without_binds {
        let names: Vec<String> = binds.iter().map(Part::label).collect();
        return Err(Fault::refused(format!("the archive has bind mounts, which no token can restore: {}", names.join(", ")))
            .with_hint("add --without-binds to restore everything else; the commands that add them again are printed"));
    }
    decision.layout = volumes::layout(known, request.storage.as_deref(), !binds.is_empty())?;
    decision.warnings.extend(volumes::space(known, &decision.layout)?);
    for part in volumes::parts(known).iter().filter(|part| !part.included) {
        let size = part.size_bytes.map_or_else(String::new, |size| format!(", {}", units::bytes(size)));
        decision.not_in_archive.push(format!("{}: {}{size}", part.label(), part.reason.short()));
    }
    for bind in &binds {
        let value = known.archived.values.get(&bind.key).and_then(serde_json::Value::as_str).unwrap_or_default();
        decision.by_root.push(format!("pct set {} -{} {}", known.vmid, bind.key, quoted(value)));
    }
    if !known.archived.raw.is_empty() {
        decision.warnings.push(format!("a restore by a token drops raw settings: {}", known.archived.raw.join("; ")));
    }
    if known.unreadable > 0 {
        decision.warnings.push(format!("{} guests could not be read; they may use the same MAC or IP addresses", known.unreadable));
    }
    if let Some(fault) = trust::denial(&trust::missing(known, request, &decision.layout, decision.hostname.is_some())) {
        return Err(fault);
    }
    if request.start && !decision.in_use.is_empty() {
        return Err(Fault::refused(format!("refusing to start the restored guest: {}", decision.in_use.join("; ")))
            .with_hint("omit --start and change its network first, or stop the other guest"));
    }
    Ok(decision)
}

fn labels<'a>(others: impl Iterator<Item = &'a Other>) -> String {
    let names: Vec<&str> = others.map(|other| other.label.as_str()).collect();
    match &names[..] {
        [some @ .., _] if some.len() >= 3 => format!("{} and {} more", names[..3].join(", "), names.len() - 3),
        _ => names.join(", "),
    }
}

fn identity(known: &Known, request: &Request, decision: &mut Decision) {
    let has_one = |other: &&Other| other.identity.macs.iter().any(|mac| known.identity.macs.contains(mac));
    let holders: Vec<&Other> = known.others.iter().filter(has_one).collect();
    let names = labels(holders.iter().copied());
    decision.fresh = match request.identity {
        IdentityMode::Fresh => true,
        IdentityMode::Keep => false,
        IdentityMode::Auto => !holders.is_empty(),
    };
    decision.because = match (decision.fresh, holders.is_empty()) {
        (true, false) => format!("new MAC addresses, because {names} uses the backup's"),
        (true, true) => "new MAC addresses, as requested".to_owned(),
        (false, true) => "MAC addresses of the backup, which no other guest uses".to_owned(),
        (false, false) => format!("MAC addresses of the backup, as requested, although {names} uses them too"),
    };
    if !decision.fresh && !holders.is_empty() {
        decision.shared.push(format!("MAC address with {names}"));
        let running = holders.iter().filter_map(|other| Some(format!("{} {} with the same MAC", other.label, other.runs?)));
        decision.in_use.extend(running);
    }
}

fn name(known: &Known, request: &Request, decision: &mut Decision) {
    let taken = |name: &str| known.others.iter().find(|other| other.identity.name.as_deref() == Some(name));
    if let Some(name) = &request.hostname {
        if let Some(other) = taken(name) {
            decision.warnings.push(format!("the name '{name}' is also used by {}", other.label));
        }
        decision.hostname = Some(name.clone());
        return;
    }
    let Some(name) = &known.identity.name else { return };
    let Some(other) = taken(name) else { return };
    if !decision.fresh {
        decision.warnings.push(format!("the name '{name}' is also used by {}", other.label));
        return;
    }
    let stem: String = name.chars().take(40).collect();
    let first = format!("{stem}-restored");
    let chosen = if taken(&first).is_some() { format!("{first}-{}", known.vmid) } else { first };
    decision.warnings.push(format!("the name '{name}' is used by {}; the restored guest is called {chosen}", other.label));
    decision.hostname = Some(chosen);
}

fn addresses(known: &Known, decision: &mut Decision) {
    for address in &known.identity.addresses {
        let holders: Vec<&Other> = known.others.iter().filter(|other| other.identity.addresses.contains(address)).collect();
        if holders.is_empty() {
            continue;
        }
        let names = labels(holders.iter().copied());
        decision.warnings.push(format!("the static IP address {address} is also used by {names}; change one before both run"));
        let running = holders.iter().filter_map(|other| Some(format!("{} {} with the IP address {address}", other.label, other.runs?)));
        decision.in_use.extend(running);
    }
}

/// Checks settings that affect the host: they need --trust-archive, unless the source guest has the same ones.
fn trusted(known: &Known, request: &Request) -> Result<()> {
    let strange = trust::untrusted(known);
    if strange.is_empty() || request.trust_archive {
        return Ok(());
    }
    let than = if known.source.is_some() { "and the guest itself has not" } else { "and there is no such guest to compare with" };
    Err(Fault::refused(format!("the archive has settings that reach the host itself, {than}: {}", strange.join(", ")))
        .with_hint("add --trust-archive if you know who created this backup"))
}

/// Quotes a string for a shell.
fn quoted(text: &str) -> String {
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_./:@,=%+".contains(&b));
    if plain { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
