//! Changing a guest's configuration: what each setting means for the guest, the call, and what came of it.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use crate::api::guests::PendingValue;
use crate::api::{Call, Form, GuestKind, Value, lenient};
use crate::fault::{Fault, Result};
use crate::guard::{Item, Step, redact, tags};
use crate::ops::guests::{self, Guest, split_tags};
use crate::ops::settings::{Config, Wanted, text};
use crate::ops::{lock, root_only};
use crate::routes::Risk;
use crate::secret::Secret;
use crate::session::Session;

/// The change, or why it must not be.
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

/// Why the change must not be: it would take a guard off the guest.
pub fn guarded(session: &Session, guest: &Guest, before: &Config, wanted: &Wanted) -> Option<Fault> {
    let tags_of = |text: Option<String>| split_tags(text.as_deref());
    let on = |text: Option<String>| text.is_some_and(|text| lenient::truth(&text));
    let unprotects = on(text(before, "protection")) && !on(wanted.after(before, "protection"));
    let (held, kept) = (tags_of(text(before, "tags")), tags_of(wanted.after(before, "tags")));
    tags::taken_away(&session.rules, &session.tags, &guest.target(), &held, &kept, unprotects)
}

/// What the change means for the guest, setting by setting.
pub fn impact(item: Item, guest: &Guest, before: &Config, wanted: &Wanted, running: bool) -> Item {
    wanted.keys().fold(item, |item, key| one(item, guest, before, wanted, key, running))
}

/// What one setting means for the guest.
fn one(item: Item, guest: &Guest, before: &Config, wanted: &Wanted, key: &str, running: bool) -> Item {
    let shown = |text: Option<String>| text.map_or_else(|| "(nothing)".to_owned(), |text| redact::config_value(key, &text));
    let item = item.touches(format!("{key}: {} → {}", shown(text(before, key)), shown(wanted.after(before, key))));
    let goes = wanted.delete.contains(key) && before.contains_key(key);
    let numbered = key.trim_end_matches(|c: char| c.is_ascii_digit());
    let disk = matches!(Form::of(guest.kind, key), Some(Form::Default("volume" | "file")));
    if goes && numbered == "unused" {
        let volume = shown(text(before, key));
        return item.loses(format!("the volume {volume}, with all that is on it")).risk(Risk::Irreversible).word(guest.vmid);
    }
    if goes && disk {
        return heavier(item, Risk::Disruptive).caution(format!("{key} is taken off the guest; its volume stays, as an unused one"));
    }
    if running && numbered == "net" && before.contains_key(key) {
        return heavier(item, Risk::Disruptive).caution(format!("it runs: connections through {key} may break"));
    }
    item
}

/// At least this risk.
fn heavier(item: Item, risk: Risk) -> Item {
    let most = item.risk.map_or(risk, |now| now.max(risk));
    item.risk(most)
}

fn call(guest: &Guest, before: &Config, wanted: &Wanted) -> Call<Json> {
    let place = guest.place();
    // A machine's new disk may take its time: the host makes that in a task.
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

/// What has changed, by looking again; what waits for the next start is pointed out.
pub fn after(session: &Session, guest: &Guest, before: &Config, wanted: &Wanted) -> Result<Map<String, Json>> {
    let now = guests::with_place(session, guest, |place| session.client()?.get(&place.config()))?;
    let pending = guests::with_place(session, guest, |place| session.client()?.get(&place.pending()))?;
    let waiting: BTreeMap<&str, &PendingValue> =
        pending.iter().filter(|v| v.pending.is_some() || v.delete).map(|v| (v.key.as_str(), v)).collect();
    let mut changed = Vec::new();
    let mut keys: Vec<&String> = wanted.keys().collect();
    // A disk that was taken off is an unused one now.
    keys.extend(now.keys().chain(before.keys()).filter(|key| key.starts_with("unused")));
    keys.sort();
    keys.dedup();
    for key in keys {
        let mask = |text: Option<String>| text.map(|text| redact::config_value(key, &text));
        let (old, new) = (text(before, key), text(&now, key));
        if old == new && key != "cipassword" {
            continue;
        }
        let waits = waiting.contains_key(key.as_str());
        let (old, new) = (mask(old), mask(new));
        let words = |text: &Option<String>| text.clone().unwrap_or_else(|| "(nothing)".into());
        session.person.note(&format!("{key}: {} → {}{}", words(&old), words(&new), if waits { " (waits for the next start)" } else { "" }));
        changed.push(json!({ "key": key, "old": old, "new": new, "pending": waits }));
    }
    Ok(Map::from_iter([("changed".to_owned(), Json::Array(changed))]))
}
