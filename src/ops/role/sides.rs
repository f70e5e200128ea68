//! Which side of a privilege-separated token lacks a privilege: the token, its user, or both.

use std::collections::{BTreeMap, BTreeSet};

use super::by_hand::Roles;
use super::present::Present;
use crate::api::access::{self, Entry, Subject};
use crate::api::cluster;
use crate::fault::{Kind, Result, Side};
use crate::guard::plan::{Permissions, holds};
use crate::routes::Grant;
use crate::transport::Client;

/// Permissions of each side.
#[derive(Debug, Clone)]
pub struct Sides {
    user: Permissions,
    token: TokenEntries,
    /// Without privilege separation, a token has its user's permissions.
    separated: bool,
    /// The access control list, to find entries that a new one would override.
    present: Present,
    mentioned: BTreeSet<String>,
    /// The entries with `NoAccess`.
    no_access: Vec<Entry>,
}

/// A token's own ACL entries, with the privileges of their roles.
#[derive(Debug, Clone, Default)]
struct TokenEntries {
    entries: Vec<Entry>,
    roles: Roles,
    /// The pool of each guest, by the guest's path.
    pools: BTreeMap<String, String>,
}

/// How the grants of token and user relate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Case {
    /// Neither side has a grant.
    NoGrant,
    TokenOnly,
    UserOnly,
    Both,
    /// Both have grants; the user has less.
    UserNarrower,
    /// Both have grants; the token has less.
    TokenNarrower,
    Unknown,
}

impl Case {
    pub fn words(self) -> &'static str {
        match self {
            Self::NoGrant => "nothing is granted to the token or its user",
            Self::TokenOnly => "granted to the token only: without its user's grant it has no effect",
            Self::UserOnly => "granted to the user only: a privilege-separated token needs its own grant",
            Self::Both => "granted to the token and to its user",
            Self::UserNarrower => "granted to both, but the user has less, which limits the token",
            Self::TokenNarrower => "granted to both, but the token has less",
            Self::Unknown => "the token cannot see which side lacks it; use `--admin root@pam`",
        }
    }
}

/// Reads both sides, or returns `None` if the session may not: a token needs Sys.Audit on /access to see its user's side.
pub fn read(client: &Client, token_id: &str) -> Result<Option<Sides>> {
    let Some((user, token)) = token_id.split_once('!') else { return Ok(None) };
    let mut user_held = match client.get(&access::permissions_of(user)) {
        Ok(held) => held,
        Err(fault) if matches!(fault.kind, Kind::Denied | Kind::NotFound) => return Ok(None),
        Err(fault) => return Err(fault),
    };
    // This privilege also shows the whole access control list.
    let acl = client.get(&access::acl())?;
    let entries = acl.iter().filter(|e| e.kind == "token" && e.ugid == token_id).cloned().collect();
    let roles = client.get(&access::roles())?.into_iter().map(|role| (role.name.clone(), role.privileges())).collect();
    let resources = client.get(&cluster::resources()).unwrap_or_default();
    let pools = resources.into_iter().filter_map(|r| Some((format!("/vms/{}", r.vmid?), r.pool?))).collect();
    let known = client.get(&access::user(user)).ok();
    let separated = known.as_ref().and_then(|user| user.tokens.as_ref()?.get(token)).is_none_or(|token| token.privsep);
    let groups = known.map(|user| user.groups).unwrap_or_default();
    let about = |e: &&Entry| match e.kind.as_str() {
        "token" => e.ugid == token_id,
        "user" => e.ugid == user,
        _ => groups.contains(&e.ugid),
    };
    let about: Vec<Entry> = acl.iter().filter(about).cloned().collect();
    let mentioned: BTreeSet<String> = about.iter().map(|e| e.path.clone()).collect();
    for path in mentioned.iter().filter(|path| !user_held.contains_key(*path)).cloned().collect::<Vec<_>>() {
        let here = client.get(&access::permissions_on(user, &path))?.remove(&path).unwrap_or_default();
        user_held.insert(path, here);
    }
    let no_access = about.into_iter().filter(|e| e.roleid == "NoAccess").collect();
    let present = Present { acl, ..Present::default() };
    Ok(Some(Sides { user: user_held, token: TokenEntries { entries, roles, pools }, separated, present, mentioned, no_access }))
}

impl Sides {
    /// Reads the user's permissions on one path. The list of all paths omits paths without permissions, which would seem inherited.
    pub fn read_path(&mut self, client: &Client, token_id: &str, path: &str) {
        let user = token_id.split('!').next().unwrap_or_default();
        if let Ok(mut held) = client.get(&access::permissions_on(user, path)) {
            self.user.insert(path.to_owned(), held.remove(path).unwrap_or_default());
        }
    }

    fn user_has(&self, grant: &Grant) -> bool {
        holds(&self.user, grant)
    }

    fn token_has(&self, grant: &Grant) -> bool {
        !self.separated || self.token.privileges(&grant.path).contains(&grant.privilege)
    }

    /// Returns the side that lacks all of these alternatives.
    pub fn lacking(&self, any: &[Grant]) -> Side {
        let user = any.iter().any(|grant| self.user_has(grant));
        let token = any.iter().any(|grant| self.token_has(grant));
        match (user, token) {
            (false, false) => Side::Both,
            (false, true) => Side::User,
            (true, false) => Side::Token,
            // Both have one of them, but not the same one.
            (true, true) => match any {
                [_] => Side::Unknown,
                _ => Side::Both,
            },
        }
    }

    /// Returns the host's roles with their privileges.
    pub fn roles(&self) -> &Roles {
        &self.token.roles
    }

    /// Returns the paths with an entry of the token, its user or the user's groups.
    pub fn mentioned(&self) -> &BTreeSet<String> {
        &self.mentioned
    }

    /// Returns the commands that remove `NoAccess` from a path.
    pub fn no_access(&self, path: &str) -> Vec<String> {
        let above = |e: &&Entry| e.path == path || e.propagate && (e.path == "/" || path.starts_with(&format!("{}/", e.path)));
        let line = |e: &Entry| format!("pveum acl delete {} --{}s '{}' --roles NoAccess", e.path, e.kind, e.ugid);
        self.no_access.iter().filter(above).map(line).collect()
    }

    /// Returns the roles to grant on a path: this one with the inherited ones, which a new entry would override.
    pub fn roles_with(&self, subject: &Subject, path: &str, role: &str) -> Vec<String> {
        let mut roles = self.present.lacking(subject, path, role);
        if !roles.iter().any(|one| one == role) {
            roles.insert(0, role.to_owned());
        }
        roles
    }

    /// Returns the paths with permissions of either side.
    pub fn paths(&self) -> BTreeSet<String> {
        self.user.keys().cloned().chain(self.token.entries.iter().map(|e| e.path.clone())).collect()
    }

    /// Returns the case over all paths.
    pub fn case(&self) -> Case {
        let paths = self.paths();
        let users: BTreeSet<(String, String)> =
            self.user.iter().flat_map(|(path, held)| held.keys().map(move |privilege| (path.clone(), privilege.clone()))).collect();
        let tokens: BTreeSet<(String, String)> =
            paths.iter().flat_map(|path| self.token.privileges(path).into_iter().map(move |privilege| (path.clone(), privilege))).collect();
        if !self.separated {
            return if users.is_empty() { Case::NoGrant } else { Case::Both };
        }
        match (users.is_empty(), tokens.is_empty()) {
            (true, true) => Case::NoGrant,
            (true, false) => Case::TokenOnly,
            (false, true) => Case::UserOnly,
            (false, false) if !tokens.is_subset(&users) => Case::UserNarrower,
            (false, false) if !users.is_subset(&tokens) => Case::TokenNarrower,
            (false, false) => Case::Both,
        }
    }
}

impl TokenEntries {
    /// Returns the token's privileges on a path: entries override those of levels above; a pool adds to its guests.
    fn privileges(&self, path: &str) -> BTreeSet<String> {
        let mut roles = self.walk(path);
        if !roles.contains("NoAccess")
            && let Some(pool) = self.pools.get(path)
        {
            roles.extend(self.walk(&format!("/pool/{pool}")));
        }
        if roles.contains("NoAccess") {
            return BTreeSet::new();
        }
        roles.iter().filter_map(|role| self.roles.get(*role)).flatten().cloned().collect()
    }

    fn walk(&self, path: &str) -> BTreeSet<&str> {
        let mut roles = BTreeSet::new();
        let cuts = path.match_indices('/').skip(1).map(|(at, _)| &path[..at]);
        for level in std::iter::once("/").chain(cuts).chain((path != "/").then_some(path)) {
            let here: BTreeSet<&str> =
                self.entries.iter().filter(|e| e.path == level && (level == path || e.propagate)).map(|e| e.roleid.as_str()).collect();
            if !here.is_empty() {
                roles = here;
            }
        }
        roles
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sides(user: serde_json::Value, token: &[(&str, &str)]) -> Sides {
        let entries = token
            .iter()
            .map(|(path, role)| Entry {
                path: (*path).into(),
                kind: "token".into(),
                ugid: "felhom@pve!rig".into(),
                roleid: (*role).into(),
                propagate: true,
            })
            .collect();
        let set = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<BTreeSet<_>>();
        let roles = [("Wide".to_owned(), set(&["VM.Audit", "VM.Backup"])), ("Thin".to_owned(), set(&["VM.Audit"]))].into();
        Sides {
            user: serde_json::from_value(user).expect("a map"),
            token: TokenEntries { entries, roles, pools: BTreeMap::new() },
            separated: true,
            present: Present::default(),
            mentioned: BTreeSet::new(),
            no_access: Vec::new(),
        }
    }

    fn grant(privilege: &str) -> Vec<Grant> {
        vec![Grant { path: "/vms/101".into(), privilege: privilege.into() }]
    }

    #[test]
    fn the_cases_are_distinguished() {
        let wide = json!({"/vms/101": {"VM.Audit": 1, "VM.Backup": 1}});
        let thin = json!({"/vms/101": {"VM.Audit": 1}});
        for (user, token, case, side) in [
            (json!({}), &[][..], Case::NoGrant, Side::Both),
            (json!({}), &[("/vms/101", "Wide")][..], Case::TokenOnly, Side::User),
            (wide.clone(), &[][..], Case::UserOnly, Side::Token),
            (thin, &[("/vms/101", "Wide")][..], Case::UserNarrower, Side::User),
            (wide, &[("/", "Wide"), ("/vms/101", "Thin")][..], Case::TokenNarrower, Side::Token),
        ] {
            let sides = sides(user, token);
            // On /, the last case is narrower on both sides, so only the guest is checked.
            if case != Case::TokenNarrower {
                assert_eq!(sides.case(), case);
            }
            assert_eq!(sides.lacking(&grant("VM.Backup")), side, "{case:?}");
        }
        let both = sides(json!({"/vms/101": {"VM.Audit": 1}}), &[("/vms/101", "Thin")]);
        assert_eq!(both.case(), Case::Both);
    }
}
