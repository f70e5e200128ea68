//! The current roles, users, tokens and ACL entries on the host.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::access::{self, Entry, Subject, Token, User};
use crate::api::{cluster, lenient};
use crate::fault::{Fault, Kind, Result};
use crate::guard::plan::{Permissions, holds};
use crate::routes::Grant;
use crate::transport::Client;

/// Roles, a user with its tokens, and the access control list.
#[derive(Debug, Clone, Default)]
pub struct Present {
    pub roles: BTreeMap<String, BTreeSet<String>>,
    pub user: Option<User>,
    /// All tokens of the user by token ID.
    pub tokens: BTreeMap<String, Token>,
    pub acl: Vec<Entry>,
    /// Whether the session sees all entries: the host omits entries that it may not change, without an error.
    pub complete: bool,
}

/// Reads the state as an administrator.
pub fn read(client: &Client, user: &str) -> Result<Present> {
    let roles = client.get(&access::roles())?.into_iter().map(|role| (role.name.clone(), role.privileges())).collect();
    let known = absent(client.get(&access::user(user)))?;
    let tokens = match known {
        Some(_) => absent(client.get(&access::tokens(user)))?.map(|list| access::token_map(&list)).unwrap_or_default(),
        None => BTreeMap::new(),
    };
    let acl = client.get(&access::acl())?;
    let complete = sees_all(&client.get(&cluster::permissions())?);
    Ok(Present { roles, user: known, tokens, acl, complete })
}

fn sees_all(held: &Permissions) -> bool {
    let passed_on = held.get("/").and_then(|here| here.get("Permissions.Modify")).and_then(lenient::integer) == Some(1);
    passed_on || holds(held, &Grant { path: "/access".into(), privilege: "Sys.Audit".into() })
}

/// Checks that a new user's realm exists: the host would create the user in any realm.
pub fn realm(client: &Client, user: &str) -> Result<()> {
    let realms: Vec<String> = client.get(&access::realms())?.into_iter().map(|realm| realm.realm).collect();
    let wanted = user.rsplit_once('@').map_or("", |(_, realm)| realm);
    if realms.iter().any(|realm| realm == wanted) {
        return Ok(());
    }
    Err(Fault::usage(format!("the host has no realm '{wanted}' for {user}")).with_hint(format!("choose from {}", realms.join(", "))))
}

/// Converts a not-found error (the host returns 500 and `no such user`) to `None`.
fn absent<T>(answer: Result<T>) -> Result<Option<T>> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(Fault { kind: Kind::NotFound, .. }) => Ok(None),
        Err(fault) => Err(fault),
    }
}

impl Present {
    /// Returns the subject's own entries on exactly this path.
    pub fn entries<'a>(&'a self, subject: &'a Subject, path: &'a str) -> impl Iterator<Item = &'a Entry> {
        self.of(subject).filter(move |entry| entry.path == path)
    }

    /// Returns the subject's own entries on all paths.
    pub fn of<'a>(&'a self, subject: &'a Subject) -> impl Iterator<Item = &'a Entry> {
        self.acl.iter().filter(move |entry| entry.kind == subject.kind() && entry.ugid == subject.id())
    }

    /// Returns the roles to grant on `path`: the role itself, and the inherited ones, because an entry on a path overrides inherited
    /// entries.
    pub fn lacking(&self, subject: &Subject, path: &str, role: &str) -> Vec<String> {
        let here: BTreeSet<&str> = self.entries(subject, path).filter(|e| e.propagate).map(|e| e.roleid.as_str()).collect();
        let mut lacking = Vec::new();
        if !here.contains(role) {
            lacking.push(role.to_owned());
        }
        if here.is_empty() && self.entries(subject, path).next().is_none() {
            lacking.extend(self.inherited(subject, path).into_iter().filter(|inherited| inherited != role));
        }
        lacking
    }

    /// Returns the roles inherited from the nearest path above with entries.
    fn inherited(&self, subject: &Subject, path: &str) -> Vec<String> {
        let mut at = path;
        while at != "/" {
            at = match at.rfind('/') {
                Some(0) | None => "/",
                Some(cut) => &at[..cut],
            };
            let roles: Vec<String> = self.entries(subject, at).filter(|e| e.propagate).map(|e| e.roleid.clone()).collect();
            if !roles.is_empty() {
                return roles;
            }
            if let Subject::User(_) = subject {
                let groups = self.user.as_ref().map(|user| user.groups.as_slice()).unwrap_or_default();
                let of_group = |e: &&Entry| e.kind == "group" && e.path == at && e.propagate && groups.contains(&e.ugid);
                let roles: Vec<String> = self.acl.iter().filter(of_group).map(|e| e.roleid.clone()).collect();
                if !roles.is_empty() {
                    return roles;
                }
            }
        }
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(path: &str, kind: &str, ugid: &str, role: &str) -> Entry {
        Entry { path: path.into(), kind: kind.into(), ugid: ugid.into(), roleid: role.into(), propagate: true }
    }

    #[test]
    fn a_grant_repeats_inherited_roles() {
        let user = Subject::User("felhom@pve".into());
        let present = Present { acl: vec![entry("/", "user", "felhom@pve", "FelhomAgent")], ..Present::default() };
        assert_eq!(present.lacking(&user, "/vms/101", "FelhomClone"), ["FelhomClone", "FelhomAgent"]);
        assert_eq!(present.lacking(&user, "/", "FelhomAgent"), Vec::<String>::new());
        let token = Subject::Token("felhom@pve!agent".into());
        assert_eq!(present.lacking(&token, "/vms/101", "FelhomClone"), ["FelhomClone"]);
    }
}
