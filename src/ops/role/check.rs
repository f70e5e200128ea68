//! Which commands a token's privileges allow, and what is missing on token or user.

use std::collections::BTreeSet;

use serde::Serialize;

use super::measure::{self, Need, Scope};
use super::presets::Preset;
use super::sides::Sides;
use crate::fault::Side;
use crate::guard::plan::{Permissions, holds};
use crate::routes::{self, Grant, Verb};

/// Commands that always need an administrator.
const ADMINISTRATOR: &[&str] = &["role bootstrap", "role rotate", "role revoke"];

/// Whether a command is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Allowed {
    Yes,
    /// On some guests or storages.
    Some,
    No,
}

impl Allowed {
    pub fn word(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::Some => "some",
            Self::No => "no",
        }
    }
}

/// A missing privilege.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// Alternatives joined by `|`.
    pub privilege: String,
    pub path: String,
    pub side: Side,
}

/// A path with fewer privileges than the path above it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Narrower {
    pub path: String,
    /// No privilege at all.
    pub nothing: bool,
    pub lacks: Vec<String>,
}

/// The state of a command.
#[derive(Debug, Clone, Serialize)]
pub struct VerbState {
    pub verb: &'static str,
    pub allowed: Allowed,
    /// The objects, if not all: `guest 101`, `storage local`.
    pub on: Vec<String>,
    pub missing: Vec<Missing>,
    /// Options that need more privileges.
    pub without: Vec<String>,
}

/// Permissions of the token, with its sides if they are known.
pub struct Known<'a> {
    pub held: &'a Permissions,
    pub sides: Option<&'a Sides>,
    pub token_id: &'a str,
}

impl Known<'_> {
    /// Returns the state of all commands, for everything or for the named objects.
    pub fn verbs(&self, scope: &Scope) -> Vec<VerbState> {
        routes::verbs()
            .filter(|verb| !ADMINISTRATOR.contains(&verb.name) && !measure::root_only(verb))
            .map(|verb| self.verb(verb, scope))
            .collect()
    }

    fn verb(&self, verb: &Verb, scope: &Scope) -> VerbState {
        let needs = measure::needs(verb, scope.kind);
        let named = !scope.guests.is_empty() || !scope.storages.is_empty();
        let about = |area: &str| needs.groups.iter().flatten().any(|need| need.template.starts_with(area));
        let places = if named { singles(scope) } else { self.places(about("/vms"), about("/storage")) };
        let tried: Vec<(&Scope, Vec<Missing>)> = places.iter().map(|place| (place, self.lacking(&needs.groups, place))).collect();
        let everywhere = if named { tried.iter().all(|(_, lacking)| lacking.is_empty()) } else { tried[0].1.is_empty() };
        let without = |place: &Scope| {
            needs
                .with
                .iter()
                .filter(|(_, groups)| !self.lacking(groups, place).is_empty())
                .map(|(option, _)| option.clone())
                .collect::<Vec<_>>()
        };
        if everywhere {
            return VerbState { verb: verb.name, allowed: Allowed::Yes, on: Vec::new(), missing: Vec::new(), without: without(tried[0].0) };
        }
        let good: Vec<&Scope> = tried.iter().filter(|(_, lacking)| lacking.is_empty()).map(|(place, _)| *place).collect();
        if let Some(first) = good.first() {
            let mut on: Vec<String> = good.iter().map(|place| words(place)).collect();
            on.dedup();
            return VerbState { verb: verb.name, allowed: Allowed::Some, on, missing: Vec::new(), without: without(first) };
        }
        // The case with the fewest missing privileges is the most useful one.
        let nearest = tried.into_iter().min_by_key(|(_, lacking)| lacking.len()).map(|(_, lacking)| lacking).unwrap_or_default();
        VerbState { verb: verb.name, allowed: Allowed::No, on: Vec::new(), missing: nearest, without: Vec::new() }
    }

    /// Returns the scopes to try: everything, then each guest and storage with permissions of its own.
    fn places(&self, guests: bool, storages: bool) -> Vec<Scope> {
        let paths: BTreeSet<String> = self.held.keys().cloned().chain(self.sides.into_iter().flat_map(Sides::paths)).collect();
        let below = |area: &'static str| paths.iter().filter_map(move |path| path.strip_prefix(area));
        let vmids: Vec<u32> = below("/vms/").filter(|_| guests).filter_map(|id| id.parse().ok()).collect();
        let stores: Vec<String> = below("/storage/").filter(|_| storages).map(str::to_owned).collect();
        let mut places = vec![Scope::default()];
        for guest in std::iter::once(None).chain(vmids.into_iter().map(Some)) {
            for storage in std::iter::once(None).chain(stores.iter().cloned().map(Some)) {
                if guest.is_some() || storage.is_some() {
                    places.push(Scope { guests: guest.into_iter().collect(), storages: storage.into_iter().collect(), ..Scope::default() });
                }
            }
        }
        places
    }

    fn lacking(&self, groups: &[Vec<Need>], place: &Scope) -> Vec<Missing> {
        let grants = groups.iter().map(|group| group.iter().flat_map(|need| place.grants(need)).collect::<Vec<Grant>>());
        let mut missing: Vec<Missing> = Vec::new();
        for any in grants.filter(|any| !any.iter().any(|grant| holds(self.held, grant))) {
            let one = self.missing(&any);
            if !missing.contains(&one) {
                missing.push(one);
            }
        }
        missing
    }

    /// Describes a missing group of alternatives.
    fn missing(&self, any: &[Grant]) -> Missing {
        // A pool is only an alternative path to the guest.
        let meant = any.iter().find(|grant| !grant.path.starts_with("/pool")).or(any.first());
        let path = meant.map_or_else(String::new, |grant| grant.path.clone());
        let here = any.iter().filter(|grant| grant.path == path).map(|grant| grant.privilege.as_str());
        Missing { privilege: here.collect::<Vec<_>>().join("|"), path, side: self.sides.map_or(Side::Unknown, |sides| sides.lacking(any)) }
    }

    /// Returns the missing privileges of a preset.
    pub fn of_preset(&self, preset: &Preset, scope: &Scope) -> Vec<Missing> {
        let paths: Vec<String> = if scope.guests.is_empty() && scope.storages.is_empty() {
            if preset.narrow { self.held.keys().filter(|p| p.matches('/').count() == 2).cloned().collect() } else { vec!["/".to_owned()] }
        } else {
            let guests = scope.guests.iter().map(|vmid| format!("/vms/{vmid}"));
            guests.chain(scope.storages.iter().map(|storage| format!("/storage/{storage}"))).collect()
        };
        let grants =
            paths.iter().flat_map(|path| preset.privileges.iter().map(move |p| Grant { path: path.clone(), privilege: (*p).to_owned() }));
        grants.filter(|grant| applies(grant) && !holds(self.held, grant)).map(|grant| self.missing(&[grant])).collect()
    }

    /// Returns paths with fewer privileges than the path above, because an entry there overrides the inherited ones.
    pub fn narrower(&self) -> Vec<Narrower> {
        let mut all = Vec::new();
        for (path, own) in self.held.iter().filter(|(path, _)| path.as_str() != "/") {
            let above = path.rfind('/').map_or("/", |at| if at == 0 { "/" } else { &path[..at] });
            let names: BTreeSet<&String> = self.held.values().flat_map(|privileges| privileges.keys()).collect();
            let lacks: Vec<String> = names
                .into_iter()
                .filter(|privilege| !own.contains_key(*privilege))
                .map(|privilege| Grant { path: path.clone(), privilege: privilege.clone() })
                .filter(|grant| {
                    applies(grant) && holds(self.held, &Grant { path: format!("{above}/-").replace("//", "/"), ..grant.clone() })
                })
                .map(|grant| grant.privilege)
                .collect();
            if !lacks.is_empty() {
                all.push(Narrower { path: path.clone(), nothing: own.is_empty(), lacks });
            }
        }
        all
    }

    /// Describes what the permissions also allow.
    pub fn also_possible(&self) -> Vec<String> {
        let mut said: Vec<String> = Vec::new();
        let all: BTreeSet<String> = self.held.values().flat_map(|privileges| privileges.keys().cloned()).collect();
        for (path, privileges) in self.held {
            let set: BTreeSet<String> = privileges.keys().cloned().collect();
            // Inherited permissions are described at their origin.
            let above = self.held.get("/").filter(|_| path != "/").map(|p| p.keys().cloned().collect::<BTreeSet<_>>());
            if above.as_ref() != Some(&set) {
                said.extend(super::implied::possible(&set, std::slice::from_ref(path), &all));
            }
        }
        said
    }
}

/// Whether a privilege applies to a path: storage privileges do not apply to guests, nor VM privileges to storages.
fn applies(grant: &Grant) -> bool {
    let area = grant.path.split('/').nth(1).unwrap_or_default();
    match area {
        "vms" => grant.privilege.starts_with("VM."),
        "storage" => grant.privilege.starts_with("Datastore."),
        _ => true,
    }
}

fn singles(scope: &Scope) -> Vec<Scope> {
    let guests: Vec<Option<u32>> = if scope.guests.is_empty() { vec![None] } else { scope.guests.iter().copied().map(Some).collect() };
    let storages: Vec<Option<String>> =
        if scope.storages.is_empty() { vec![None] } else { scope.storages.iter().cloned().map(Some).collect() };
    let one = |guest: &Option<u32>, storage: &Option<String>| Scope {
        guests: guest.iter().copied().collect(),
        storages: storage.iter().cloned().collect(),
        ..scope.clone()
    };
    guests.iter().flat_map(|guest| storages.iter().map(move |storage| one(guest, storage))).collect()
}

fn words(place: &Scope) -> String {
    let guests = place.guests.iter().map(|vmid| format!("guest {vmid}"));
    guests.chain(place.storages.iter().map(|storage| format!("storage {storage}"))).collect::<Vec<_>>().join(" with ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn state(held: serde_json::Value, verb: &str, scope: &Scope) -> VerbState {
        let held: Permissions = serde_json::from_value(held).expect("a map");
        let known = Known { held: &held, sides: None, token_id: "felhom@pve!agent" };
        known.verbs(scope).into_iter().find(|state| state.verb == verb).expect("a verb")
    }

    #[test]
    fn yes_some_and_no() {
        let everywhere = state(json!({"/": {"VM.Audit": 1}}), "guest config", &Scope::default());
        assert_eq!(everywhere.allowed, Allowed::Yes);
        let one = state(json!({"/vms/101": {"VM.Audit": 1}}), "guest config", &Scope::default());
        assert_eq!((one.allowed, one.on), (Allowed::Some, vec!["guest 101".to_owned()]));
        let none = state(json!({"/vms/101": {"VM.Backup": 1}}), "guest config", &Scope::default());
        assert_eq!(none.allowed, Allowed::No);
        assert_eq!(none.missing[0].privilege, "VM.Audit");
        let named = state(json!({"/vms/101": {"VM.Audit": 1}}), "guest config", &Scope { guests: vec![102], ..Scope::default() });
        assert_eq!((named.allowed, named.missing[0].path.as_str(), named.missing[0].side), (Allowed::No, "/vms/102", Side::Unknown));
    }

    #[test]
    fn paths_with_fewer_privileges_are_listed() {
        let held: Permissions = serde_json::from_value(json!({
            "/": {"VM.Audit": 1, "VM.Backup": 1, "Datastore.Audit": 1}, "/vms": {"VM.Audit": 1, "VM.Backup": 1, "Datastore.Audit": 1},
            "/vms/102": {}, "/vms/103": {"VM.Audit": 1}, "/storage": {"Datastore.Audit": 1, "VM.Audit": 1},
        }))
        .expect("a map");
        let known = Known { held: &held, sides: None, token_id: "felhom@pve!agent" };
        let told: Vec<(String, bool, String)> = known.narrower().into_iter().map(|n| (n.path, n.nothing, n.lacks.join(","))).collect();
        let all = [("/vms/102", true, "VM.Audit,VM.Backup"), ("/vms/103", false, "VM.Backup")];
        assert_eq!(told, all.map(|(path, nothing, lacks)| (path.to_owned(), nothing, lacks.to_owned())));
    }
}
