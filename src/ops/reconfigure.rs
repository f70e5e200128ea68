//! Changing a guest's configuration: impact of each key, the call, and checking the result.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json, json};

use crate::api::guests::PendingValue;
use crate::api::{Call, Form, GuestKind, Value, lenient, list};
use crate::fault::{Fault, Kind, Result};
use crate::guard::{Item, Step, redact, tags};
use crate::ops::guests::{self, Guest, split_tags};
use crate::ops::settings::{Config, Wanted, text};
use crate::ops::{lock, root_only};
use crate::routes::Risk;
use crate::secret::Secret;
use crate::session::Session;

/// Prepares the change, or refuses it.
pub fn prepare(session: &Session, guest: &Guest, before: &Config, wanted: &Wanted, item: Item) -> Result<Item> {
    if wanted.is_empty() {
        return Ok(item.unchanged());
    }
    if !root_only::is_root(session.who()) {
        for key in wanted.keys() {
            let value = wanted.set.get(key).map(String::as_str);
            if let Some(fault) = root_only::refusal(guest, before, key, value) {
                return Ok(item.refused(fault));
            }
        }
    }
    if let Some(fault) = guarded(session, guest, before, wanted) {
        return Ok(item.refused(fault));
    }
    let live = match lock::wait(session, guest, &[]) {
        Ok(live) => live,
        Err(fault) => return Ok(item.refused(fault)),
    };
    let item = impact(item, guest, before, wanted, live.running());
    Ok(item.step(Step::call("set", call(guest, before, wanted))))
}

/// Returns an error if the change would remove a protection from the guest.
pub fn guarded(session: &Session, guest: &Guest, before: &Config, wanted: &Wanted) -> Option<Fault> {
    let tags_of = |text: Option<String>| split_tags(text.as_deref());
    let on = |text: Option<String>| text.is_some_and(|text| lenient::parse_bool(&text));
    let unprotects = on(text(before, "protection")) && !on(wanted.after(before, "protection"));
    let (held, kept) = (tags_of(text(before, "tags")), tags_of(wanted.after(before, "tags")));
    tags::taken_away(&session.rules, &session.tags, &guest.target(), &held, &kept, unprotects)
}

/// Adds the impact of each key.
pub fn impact(item: Item, guest: &Guest, before: &Config, wanted: &Wanted, running: bool) -> Item {
    wanted.keys().fold(item, |item, key| one(item, guest, before, wanted, key, running))
}

/// Adds the impact of one key.
fn one(item: Item, guest: &Guest, before: &Config, wanted: &Wanted, key: &str, running: bool) -> Item {
    let shown = |text: Option<String>| text.map_or_else(|| "(nothing)".to_owned(), |text| redact::config_value(key, &text));
    let item = item.touches(format!("{key}: {} → {}", shown(text(before, key)), shown(wanted.after(before, key))));
    let goes = wanted.delete.contains(key) && before.contains_key(key);
    let numbered = key.trim_end_matches(|c: char| c.is_ascii_digit());
    let disk = matches!(Form::of(guest.kind, key), Some(Form::Default("volume" | "file")));
    if goes && numbered == "unused" {
        let volume = shown(text(before, key));
        return item.loses(format!("volume {volume} and its data")).risk(Risk::Irreversible).word(guest.vmid);
    }
    if goes && disk {
        return heavier(item, Risk::Disruptive).caution(format!("{key} is removed from the guest; its volume stays as unused"));
    }
    if running && numbered == "net" && before.contains_key(key) {
        return heavier(item, Risk::Disruptive).caution(format!("the guest is running: connections through {key} may break"));
    }
    item
}

/// Raises the risk to at least this level.
fn heavier(item: Item, risk: Risk) -> Item {
    let most = item.risk.map_or(risk, |now| now.max(risk));
    item.risk(most)
}

fn call(guest: &Guest, before: &Config, wanted: &Wanted) -> Call<Json> {
    let place = guest.place();
    // Creating a VM's disk may take long, so the host does it in a task.
    let slow = guest.kind == GuestKind::Qemu && wanted.set.keys().any(|key| Form::of(guest.kind, key) == Some(Form::Default("file")));
    let mut call = if slow { place.set_config_in_task() } else { place.set_config().slow() };
    for (key, value) in &wanted.set {
        let value = match key.as_str() {
            "cipassword" => Value::Secret(Secret::new(value)),
            "sshkeys" => Value::Text(percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC).to_string()),
            _ => Value::Text(value.clone()),
        };
        call = call.with(key, value);
    }
    if !wanted.delete.is_empty() {
        call = call.with("delete", wanted.delete.iter().cloned().collect::<Vec<String>>());
    }
    call.with_some("digest", text(before, "digest"))
}

/// Reads the new configuration and reports changes, including those pending until the next start. A key that is neither as requested
/// nor pending was not applied, despite the host's answer.
pub fn after(session: &Session, guest: &Guest, before: &Config, wanted: &Wanted) -> Result<Map<String, Json>> {
    let now = guests::with_place(session, guest, |place| session.client()?.get(&place.config()))?;
    let pending = guests::with_place(session, guest, |place| session.client()?.get(&place.pending()))?;
    let pending: BTreeMap<&str, &PendingValue> =
        pending.iter().filter(|v| v.pending.is_some() || v.delete).map(|v| (v.key.as_str(), v)).collect();
    let mut changed = Vec::new();
    let mut keys: Vec<&String> = wanted.keys().collect();
    // A detached disk is listed as unused.
    keys.extend(now.keys().chain(before.keys()).filter(|key| key.starts_with("unused")));
    keys.sort();
    keys.dedup();
    let mut ignored = Vec::new();
    for key in keys {
        let mask = |text: Option<String>| text.map(|text| redact::config_value(key, &text));
        let words = |text: &Option<String>| text.clone().unwrap_or_else(|| "(nothing)".into());
        let (old, new) = (text(before, key), text(&now, key));
        let is_pending = pending.contains_key(key.as_str());
        let requested = wanted.after(before, key);
        let (old, new, wish) = (mask(old.clone()), mask(new.clone()), applied(key, requested.as_deref(), old.as_deref(), new.as_deref()));
        let asked = wanted.set.contains_key(key) || wanted.delete.contains(key);
        if asked && !wish && !is_pending {
            ignored.push(format!("{key} is '{}', requested '{}'", words(&new), words(&mask(requested))));
        }
        if old == new && key != "cipassword" {
            continue;
        }
        session.person.note(&format!(
            "{key}: {} → {}{}",
            words(&old),
            words(&new),
            if is_pending { " (pending until the next start)" } else { "" }
        ));
        changed.push(json!({ "key": key, "old": old, "new": new, "pending": is_pending }));
    }
    if !ignored.is_empty() {
        return Err(Fault::new(Kind::Host, format!("the host did not apply the change: {}", ignored.join("; ")))
            .with_hint(format!("check the present values with `felhom guest config {}`", guest.vmid)));
    }
    Ok(Map::from_iter([("changed".to_owned(), Json::Array(changed))]))
}

/// Whether a key is as requested. The host normalizes values, so only clear differences count: an unchanged value, or another
/// plain value.
fn applied(key: &str, requested: Option<&str>, old: Option<&str>, new: Option<&str>) -> bool {
    let Some(requested) = requested else { return new.is_none() || old != new };
    let Some(new) = new else { return key == "cipassword" || requested.trim().is_empty() };
    if key == "cipassword" || same(requested, new) {
        return true;
    }
    let plain = !requested.contains(['=', ':', ',', '%']) && key != "sshkeys" && key != "description";
    old != Some(new) && !plain
}

/// Whether the host treats two texts as the same value.
fn same(requested: &str, actual: &str) -> bool {
    let (requested, actual) = (requested.trim(), actual.trim());
    let number = |text: &str| text.parse::<f64>().ok();
    let flag = |text: &str| match text.to_ascii_lowercase().as_str() {
        "1" | "on" | "yes" | "true" => Some(true),
        "0" | "off" | "no" | "false" => Some(false),
        _ => None,
    };
    let parts = |text: &str| list::split(text).map(str::to_lowercase).collect::<BTreeSet<_>>();
    requested.eq_ignore_ascii_case(actual)
        || number(requested).is_some_and(|n| number(actual) == Some(n))
        || flag(requested).is_some_and(|f| flag(actual) == Some(f))
        || parts(requested).is_subset(&parts(actual))
}

#[cfg(test)]
mod tests {
    #[test]
    fn only_clear_differences_count_as_not_applied() {
        let applied = |key: &str, requested: &str, old: &str, new: &str| super::applied(key, Some(requested), Some(old), Some(new));
        assert!(applied("memory", "1024", "512", "1024"));
        assert!(!applied("memory", "1024", "512", "512") && !applied("memory", "1024", "512", "768"));
        assert!(applied("onboot", "yes", "0", "1") && !applied("onboot", "yes", "0", "0"));
        assert!(applied("tags", "b,a", "x", "a;b") && !applied("tags", "b,a", "x", "x"));
        // The host adds parts, and assigns a name to a new volume.
        assert!(applied("net0", "name=eth0,bridge=vmbr1", "name=eth0,bridge=vmbr0,type=veth", "name=eth0,bridge=vmbr1,type=veth"));
        assert!(applied("mp0", "local-lvm:8,mp=/x", "", "local-lvm:vm-101-disk-1,mp=/x,size=8G"));
        assert!(!applied("net0", "name=eth0,bridge=vmbr1", "name=eth0,bridge=vmbr0", "name=eth0,bridge=vmbr0"));
        assert!(super::applied("tags", None, Some("a"), None) && !super::applied("tags", None, Some("a"), Some("a")));
    }
}
