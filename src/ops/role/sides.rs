//! Which side of a privilege-separated token lacks something: the token, its user, or both.

use std::collections::{BTreeMap, BTreeSet};

use super::by_hand::Roles;
use super::present::Present;
use crate::api::access::{self, Entry, Subject};
use crate::api::cluster;
use crate::fault::{Kind, Result, Side};
use crate::guard::plan::{Held, holds};
use crate::routes::Grant;
use crate::transport::Client;

/// What each side may do by itself.
#[derive(Debug, Clone)]
pub struct Sides {
    user: Held,
    token: Own,
    /// A token that is not separated has what its user has.
    separated: bool,
    /// The whole list, for what a new entry would put aside.
    present: Present,
    mentioned: BTreeSet<String>,
    /// The entries with `NoAccess` among these.
    shut: Vec<Entry>,
}

/// A token's own entries in the access control list, with what their roles hold.
#[derive(Debug, Clone, Default)]
struct Own {
    entries: Vec<Entry>,
    roles: Roles,
    /// The pool of a guest, by its path.
    pools: BTreeMap<String, String>,
}

/// How the two sides' grants stand to each other, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Case {
    /// Neither side has anything.
    NoGrant,
    TokenOnly,
    UserOnly,
    Both,
    /// Both have something, and the user has less.
    UserNarrower,
    /// Both have something, and the token has less.
    TokenNarrower,
    Unknown,
}

impl Case {
    pub fn words(self) -> &'static str {
        match self {
            Self::NoGrant => "nothing is granted, neither to the token nor to its user",
            Self::TokenOnly => "granted to the token only: its user has nothing, so neither has the token",
            Self::UserOnly => "granted to the user only: a privilege-separated token needs the same grant of its own",
            Self::Both => "granted to the token and to its user",
            Self::UserNarrower => "granted to both, but the user has less than the token: the token can do no more than its user",
            Self::TokenNarrower => "granted to both, the token has less than its user",
            Self::Unknown => "which side lacks it cannot be known by this token; `--admin root@pam` decides",
        }
    }
}

/// Asks; `None` where the one who asks may not know. The host lets a token see its user's side only with Sys.Audit on /access.
pub fn learn(client: &Client, token_id: &str) -> Result<Option<Sides>> {
    let Some((user, token)) = token_id.split_once('!') else { return Ok(None) };
    let mut user_held = match client.get(&access::permissions_of(user)) {
        Ok(held) => held,
        Err(fault) if matches!(fault.kind, Kind::Denied | Kind::NotFound) => return Ok(None),
        Err(fault) => return Err(fault),
    };
    // Who may ask for that sees the whole list as well.
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
    let shut = about.into_iter().filter(|e| e.roleid == "NoAccess").collect();
    let present = Present { acl, ..Present::default() };
    Ok(Some(Sides { user: user_held, token: Own { entries, roles, pools }, separated, present, mentioned, shut }))
}

impl Sides {
    /// Asks for this one path: the list of all leaves a path out on which somebody has nothing, and it would seem to inherit.
    pub fn look_at(&mut self, client: &Client, token_id: &str, path: &str) {
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

    /// Who lacks all of these alternatives.
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

    /// The host's roles, with what they hold.
    pub fn roles(&self) -> &Roles {
        &self.token.roles
    }

    /// The paths on which the list has an entry of the token, its user or one of its user's groups.
    pub fn mentioned(&self) -> &BTreeSet<String> {
        &self.mentioned
    }

    /// The commands that take `NoAccess` away from a path, where that stands in the way.
    pub fn shut(&self, path: &str) -> Vec<String> {
        let above = |e: &&Entry| e.path == path || e.propagate && (e.path == "/" || path.starts_with(&format!("{}/", e.path)));
        let line = |e: &Entry| format!("pveum acl delete {} --{}s '{}' --roles NoAccess", e.path, e.kind, e.ugid);
        self.shut.iter().filter(above).map(line).collect()
    }

    /// The roles to name when this one is granted on a path by hand: with those that come from above, which the new entry would
    /// put aside.
    pub fn roles_with(&self, subject: &Subject, path: &str, role: &str) -> Vec<String> {
        let mut roles = self.present.lacking(subject, path, role);
        if !roles.iter().any(|one| one == role) {
            roles.insert(0, role.to_owned());
        }
        roles
    }

    /// The paths on which either side has something of its own.
    pub fn paths(&self) -> BTreeSet<String> {
        self.user.keys().cloned().chain(self.token.entries.iter().map(|e| e.path.clone())).collect()
    }

    /// The case, looked at over these paths.
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

impl Own {
    /// What the token's own entries give on a path: each level replaces what the levels above gave; a pool adds to its guests.
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
            token: Own { entries, roles, pools: BTreeMap::new() },
            separated: true,
            present: Present::default(),
            mentioned: BTreeSet::new(),
            shut: Vec::new(),
        }
    }

    fn grant(privilege: &str) -> Vec<Grant> {
        vec![Grant { path: "/vms/101".into(), privilege: privilege.into() }]
    }

    #[test]
    fn the_cases_are_told_apart_by_name() {
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
            // Something on / that the user lacks makes the last one narrower on both sides: look below only.
            if case != Case::TokenNarrower {
                assert_eq!(sides.case(), case);
            }
            assert_eq!(sides.lacking(&grant("VM.Backup")), side, "{case:?}");
        }
        let both = sides(json!({"/vms/101": {"VM.Audit": 1}}), &[("/vms/101", "Thin")]);
        assert_eq!(both.case(), Case::Both);
    }
}
