//! Candidates.

use std::ffi::OsStr;

use clap_complete::engine::CompletionCandidate;
use serde_json::Value as Json;

use crate::api::cluster::{self, Resource};
use crate::api::{Call, Place, lenient, nodes as api_nodes, storage, tasks};
use crate::config::{Config, Env, Paths};
use crate::transport::Client;
use crate::ui::clean;

use super::ask::live;
use super::line::{self, Line};

/// Maximum number of candidates.
const MOST: usize = 500;

/// Contexts in the configuration, without a request.
pub fn contexts(current: &OsStr) -> Vec<CompletionCandidate> {
    let Some(current) = current.to_str() else { return Vec::new() };
    let config = Paths::from_env(&Env::system()).and_then(|paths| Config::load(&paths));
    let names = config.map(|config| config.contexts.into_values().collect::<Vec<_>>()).unwrap_or_default();
    let reached = |context: &crate::config::Context| context.endpoints.first().map(|endpoint| endpoint.url.to_string());
    names.iter().filter_map(|context| offer(current, &context.name, reached(context).as_deref())).collect()
}

/// Guests: by VMID, by name if the word begins with a letter, only those of a node if it is given.
pub fn guests(current: &OsStr) -> Vec<CompletionCandidate> {
    let Some(current) = current.to_str() else { return Vec::new() };
    let found = live(&line::current(), |client| client.get_once(&cluster::guests()).ok()).unwrap_or_default();
    guest_candidates(current, &found)
}

fn guest_candidates(current: &str, found: &[Resource]) -> Vec<CompletionCandidate> {
    // Several in one word: `101,102,`.
    let (before, begun) = current.rsplit_once(',').map_or(("", current), |(before, rest)| (&current[..=before.len()], rest));
    let by_number = begun.is_empty() || begun.starts_with(|c: char| c.is_ascii_digit());
    let mut found: Vec<(u32, &Resource)> = found.iter().filter_map(|guest| Some((guest.vmid?, guest))).collect();
    found.sort_by_key(|(vmid, _)| *vmid);
    let word = |(vmid, guest): (u32, &Resource)| {
        let name = guest.name.clone().unwrap_or_default();
        if begun.contains('/') {
            offer(current, &format!("{before}{}/{vmid}", guest.node), Some(&name))
        } else if by_number {
            offer(current, &format!("{before}{vmid}"), Some(&name))
        } else {
            offer(current, &format!("{before}{name}"), Some(&vmid.to_string()))
        }
    };
    found.into_iter().filter_map(word).take(MOST).collect()
}

pub fn nodes(current: &OsStr) -> Vec<CompletionCandidate> {
    simple(current, |client, _| Some(client.get_once(&api_nodes::list()).ok()?.into_iter().map(|n| (n.node, n.status)).collect()))
}

pub fn storages(current: &OsStr) -> Vec<CompletionCandidate> {
    simple(current, |client, _| {
        let resources = client.get_once(&cluster::resources()).ok()?;
        Some(resources.into_iter().filter_map(|r| Some((r.storage.filter(|_| r.kind == "storage")?, String::new()))).collect())
    })
}

/// Snapshots of the guest on the line.
pub fn snapshots(current: &OsStr) -> Vec<CompletionCandidate> {
    simple(current, |client, line| {
        let place = place(client, line.guest.as_deref()?)?;
        let found = client.get_once(&place.snapshots()).ok()?;
        let named = found.into_iter().map(|s| (s.name, s.description.unwrap_or_default()));
        // The current state is not a snapshot.
        Some(named.filter(|(name, _)| name != "current").collect())
    })
}

/// Backups, newest first; only those of the guest on the line.
pub fn archives(current: &OsStr) -> Vec<CompletionCandidate> {
    simple(current, |client, line| {
        let guest = line.guest.as_deref().and_then(|text| place(client, text)).map(|place| place.vmid);
        let mut found = Vec::new();
        let mut seen: Vec<String> = Vec::new();
        for node in client.get_once(&api_nodes::list()).ok()?.into_iter().filter(api_nodes::Node::online) {
            for store in client.get_once(&storage::list(&node.node)).ok()?.into_iter().filter(|s| s.active && s.allows("backup")) {
                // A shared storage lists the same backups on every node.
                let key = if store.shared { store.storage.clone() } else { format!("{}/{}", node.node, store.storage) };
                if !seen.contains(&key) {
                    let content = storage::content(&node.node, &store.storage).with("content", "backup").with_some("vmid", guest);
                    found.extend(client.get_once(&content).ok()?);
                    seen.push(key);
                }
            }
        }
        found.sort_by_key(|volume| std::cmp::Reverse(volume.ctime));
        Some(found.into_iter().map(|volume| (volume.volid, volume.notes.unwrap_or_default())).collect())
    })
}

/// Tasks of the cluster, newest first.
pub fn upids(current: &OsStr) -> Vec<CompletionCandidate> {
    simple(current, |client, _| {
        let mut found = client.get_once(&tasks::recent()).ok()?;
        found.sort_by_key(|task| std::cmp::Reverse(task.starttime));
        Some(
            found
                .into_iter()
                .map(|task| (task.upid.to_string(), format!("{} {}", task.kind, task.status.unwrap_or_else(|| "running".into()))))
                .collect(),
        )
    })
}

/// Values of this key in a list of the host, with their comments.
pub(super) fn listed(current: &OsStr, path: &'static [&'static str], key: &'static str) -> Vec<CompletionCandidate> {
    simple(current, move |client, _| {
        let found: Vec<Json> = client.get_once(&Call::get(path.iter().map(ToString::to_string).collect())).ok()?;
        let text = |item: &Json, key: &str| item.get(key).and_then(lenient::text);
        Some(found.iter().filter_map(|item| Some((text(item, key)?, text(item, "comment").unwrap_or_default()))).collect())
    })
}

fn place(client: &Client, text: &str) -> Option<Place> {
    let found = client.get_once(&cluster::guests()).ok()?;
    let word = text.rsplit('/').next().unwrap_or(text);
    let guest = found.into_iter().find(|g| g.vmid.is_some_and(|vmid| vmid.to_string() == word) || g.name.as_deref() == Some(word))?;
    Some(Place { kind: guest.guest_kind()?, vmid: guest.vmid?, node: guest.node })
}

/// Candidates with descriptions.
type Named = Vec<(String, String)>;

fn simple(current: &OsStr, ask: impl FnOnce(&Client, &Line) -> Option<Named> + Send + 'static) -> Vec<CompletionCandidate> {
    let Some(current) = current.to_str() else { return Vec::new() };
    let line = line::current();
    let found = live(&line.clone(), move |client| ask(client, &line)).unwrap_or_default();
    let mut offered: Vec<String> = Vec::new();
    let once = found.into_iter().filter(|(name, _)| {
        let new = !offered.contains(name);
        offered.push(name.clone());
        new
    });
    once.filter_map(|(name, about)| offer(current, &name, Some(&about))).take(MOST).collect()
}

/// Returns a candidate that continues the word and is safe in a shell: a name may come from a guest's configuration.
fn offer(current: &str, name: &str, about: Option<&str>) -> Option<CompletionCandidate> {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '/' | '@' | '!' | '+' | ',' | '%');
    if !name.starts_with(current) || !name.chars().all(plain) || name.starts_with(['-', '!', '%', '+']) {
        return None;
    }
    let about = about.map(|text| clean::line(text).chars().take(60).collect::<String>()).filter(|text| !text.trim().is_empty());
    Some(CompletionCandidate::new(name).help(about.map(Into::into)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn values(candidates: &[CompletionCandidate]) -> Vec<String> {
        candidates.iter().map(|c| c.get_value().to_string_lossy().into_owned()).collect()
    }

    fn some() -> Vec<Resource> {
        let guests = json!([
            {"type": "lxc", "vmid": 101, "name": "web", "node": "pve1"},
            {"type": "qemu", "vmid": 201, "name": "win", "node": "pve2"},
            {"type": "lxc", "vmid": 110, "name": "w$(reboot)", "node": "pve1"},
        ]);
        serde_json::from_value(guests).expect("guests")
    }

    #[test]
    fn guests_by_number_name_and_node() {
        assert_eq!(values(&guest_candidates("", &some())), ["101", "110", "201"]);
        assert_eq!(values(&guest_candidates("1", &some())), ["101", "110"]);
        assert_eq!(values(&guest_candidates("w", &some())), ["web", "win"], "a name that a shell would run is not offered");
        assert_eq!(values(&guest_candidates("pve1/", &some())), ["pve1/101", "pve1/110"]);
        assert_eq!(values(&guest_candidates("101,w", &some())), ["101,web", "101,win"]);
    }

    #[test]
    fn hostile_names_are_not_offered() {
        for bad in ["a b", "a;b", "$(x)", "`x`", "a\nb", "a\u{1b}[2J", "-rf", "a'b", "a|b", "~root", "a*", "a&", "!x"] {
            assert!(offer("", bad, None).is_none(), "{bad:?}");
        }
        let about = offer("", "fine", Some("two\nlines \u{1b}[31m")).expect("a good name");
        assert_eq!(about.get_help().map(ToString::to_string).as_deref(), Some("two␤lines "));
    }
}
