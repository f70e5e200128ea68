//! `felhom backup …` against the demo host.

mod archives;
mod cron;
mod jobs;
mod refused;
mod run;

use felhom::demo::state::{AclEntry, Power, Subject};
use serde_json::Value;

use crate::support::Host;

/// Grants privileges on a path to a user and one of its tokens.
pub fn grant(host: &Host, path: &str, token: &str, privileges: &[&str]) {
    let role = format!("Role{}", path.replace('/', "-"));
    let user = token.split('!').next().unwrap();
    host.with_state(|state| {
        state.access.roles.insert(role.clone(), privileges.iter().map(|p| (*p).to_owned()).collect());
        let entry = |subject| AclEntry { subject, role: role.clone(), propagate: true };
        let entries = [entry(Subject::User(user.to_owned())), entry(Subject::Token(token.to_owned()))];
        state.access.acl.entry(path.to_owned()).or_default().extend(entries);
    })
    .unwrap();
}

pub fn set(host: &Host, vmid: u32, key: &str, value: &str) {
    host.with_state(|state| state.guests.get_mut(&vmid).unwrap().config.insert(key.to_owned(), value.into())).unwrap();
}

pub fn power_on(host: &Host, vmid: u32) {
    host.with_state(|state| state.guests.get_mut(&vmid).unwrap().power = Power::Running).unwrap();
}

/// Backs up a guest and returns the volume ID.
pub fn archive(host: &Host, vmid: &str) -> String {
    let run = host.run(["backup", "run", vmid, "--storage", "local", "-o", "id"]).ok();
    run.stdout.trim().to_owned()
}

/// Returns the file name in a volume ID.
pub fn file(volid: &str) -> &str {
    volid.rsplit('/').next().unwrap()
}

/// Returns the volume IDs of all backups, latest first.
pub fn ids(host: &Host) -> Vec<String> {
    host.run(["backup", "list", "-o", "id"]).ok().lines().iter().map(|line| (*line).to_owned()).collect()
}

/// Returns a string in a result.
pub fn text<'a>(result: &'a Value, key: &str) -> &'a str {
    result[key].as_str().unwrap_or_default()
}

/// Adds a storage for backups.
pub fn add_storage(host: &Host, id: &str, kind: &str, content: &str) {
    let config = serde_json::json!({ "type": kind, "content": content, "path": format!("/mnt/{id}"), "namespace": "lab", "datastore": "store", "server": "192.0.2.20" });
    host.with_state(|state| {
        let mut storage = state.storages["local"].clone();
        storage.config = config.as_object().unwrap().clone();
        storage.volumes.clear();
        state.storages.insert(id.to_owned(), storage);
    })
    .unwrap();
}
