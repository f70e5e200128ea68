//! Synchronizing LDAP and Active Directory realms.

use crate::demo::api::{Answer, Refusal, Req, Route};
use crate::demo::state::{Map, State, text};
use crate::demo::tasks::{Effect, TaskSpec};

pub(super) const ROUTES: &[Route] = &[("POST", "/access/domains/{realm}/sync", sync)];

/// Accounts of the directory, all in the group `staff`.
const DIRECTORY: [&str; 3] = ["anna", "bela", "csilla"];
const GROUP: &str = "staff";

/// Returns an option of the request, or of the realm's `sync-defaults-options`.
fn option(req: &Req<'_>, realm: &Map, key: &str) -> Option<String> {
    let defaults = text(realm, "sync-defaults-options").split(',').filter_map(|part| part.split_once('='));
    let default = defaults.filter(|(name, _)| *name == key).map(|(_, value)| value.to_owned()).next();
    req.params.get(key).map(str::to_owned).or(default)
}

/// Returns users of the realm that are missing in the directory.
fn vanished(state: &State, realm: &str) -> Vec<String> {
    let users =
        state.access.users.keys().filter(|user| user.strip_suffix(&format!("@{realm}")).is_some_and(|name| !DIRECTORY.contains(&name)));
    users.cloned().collect()
}

fn sync(req: &mut Req<'_>) -> Answer {
    let realm = req.params.text("realm").to_owned();
    let Some(config) = req.state.access.realms.get(&realm) else { return Err(Refusal::param("realm", "Realm does not exist.")) };
    let kind = text(config, "type");
    if !matches!(kind, "ldap" | "ad") {
        return Err(Refusal::die(format!("Cannot sync realm type '{kind}'! Only LDAP/AD realms can be synced.")));
    }
    let Some(scope) = option(req, config, "scope") else {
        return Err(Refusal::param("scope", "Not passed as parameter and not defined in realm default sync options."));
    };
    let what = if scope == "both" { "users and groups" } else { &scope };
    let (enable, dry_run) = (option(req, config, "enable-new").as_deref() != Some("0"), req.params.flag("dry-run"));
    let removes = option(req, config, "remove-vanished").is_some_and(|parts| parts.split(';').any(|part| part == "entry"));
    let (task, start) = if dry_run { ("auth-realm-sync-test", "(dry test run) ") } else { ("auth-realm-sync", "") };
    let mut spec = TaskSpec::new(task, realm.clone()).log(format!("{start}starting sync for realm {realm}")).takes(1.0);
    spec = spec.log(format!("got data from server, updating {what}"));
    let (mut users, mut gone, mut groups) = (Vec::new(), Vec::new(), Vec::new());
    if scope != "groups" {
        spec = spec.log("syncing users");
        for name in DIRECTORY {
            let id = format!("{name}@{realm}");
            let verb = if req.state.access.users.contains_key(&id) { "updating" } else { "adding" };
            spec = spec.log(format!("{verb} user '{id}'"));
            users.push(id);
        }
        gone = if removes { vanished(req.state, &realm) } else { Vec::new() };
        spec = gone.iter().fold(spec, |spec, user| spec.log(format!("deleting user '{user}'")));
    }
    if scope != "users" {
        let group = format!("{GROUP}-{realm}");
        spec = spec.log("syncing groups").log(format!("adding group '{group}'"));
        groups.push(group);
    }
    if dry_run {
        return req.start(spec.log("").log("NOTE: Dry test run, changes were NOT written to the configuration.").ok());
    }
    let spec = spec.then(Effect::SyncRealm { users, gone, groups, enable });
    let line = format!("successfully updated {what} configuration");
    req.start(spec.log(line).ok())
}
