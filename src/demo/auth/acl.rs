//! Privileges on a path, from the access control list: propagation, groups, pools, and the intersection for tokens.

use std::collections::BTreeMap;

use super::roles;
use super::who::Who;
use crate::demo::api::Refusal;
use crate::demo::state::{State, Subject};

/// Privileges, each with whether it propagates.
pub type Privileges = BTreeMap<String, bool>;

/// Role names, each with whether it propagates.
type Roles = BTreeMap<String, bool>;

/// Requires all `privileges` on `path`; the 403 names the first missing one.
pub fn check(state: &State, who: &Who, path: &str, privileges: &[&str]) -> Result<(), Refusal> {
    if who.is_root() {
        return Ok(());
    }
    let have = permissions(state, who, path);
    match privileges.iter().find(|p| !have.contains_key(**p)) {
        None => Ok(()),
        Some(missing) => Err(Refusal::denied(path, missing)),
    }
}

/// Requires one of `privileges` on `path`; the 403 names all of them.
pub fn check_any(state: &State, who: &Who, path: &str, privileges: &[&str]) -> Result<(), Refusal> {
    if who.is_root() {
        return Ok(());
    }
    let have = permissions(state, who, path);
    if privileges.iter().any(|p| have.contains_key(*p)) {
        return Ok(());
    }
    Err(Refusal::denied(path, &privileges.join("|")))
}

/// Checks the same privileges on many guests. Only guests with their own ACL entries or a pool need the full check.
#[derive(Debug)]
pub struct OnGuests<'a> {
    state: &'a State,
    who: &'a Who,
    privileges: &'a [&'a str],
    usual: bool,
}

impl<'a> OnGuests<'a> {
    pub fn new(state: &'a State, who: &'a Who, privileges: &'a [&'a str]) -> Self {
        // VMID 0 does not exist, so this is the result for a guest without entries of its own.
        Self { state, who, privileges, usual: check(state, who, "/vms/0", privileges).is_ok() }
    }

    pub fn may(&self, vmid: u32) -> bool {
        if self.who.is_root() || self.state.access.acl.len() + self.state.pools.len() == 0 {
            return self.usual;
        }
        let path = format!("/vms/{vmid}");
        if self.state.pool_of(vmid).is_none() && !self.state.access.acl.contains_key(&path) {
            return self.usual;
        }
        check(self.state, self.who, &path, self.privileges).is_ok()
    }
}

/// Returns the privileges on a path. A token with privilege separation has those that both it and its user have.
pub fn permissions(state: &State, who: &Who, path: &str) -> Privileges {
    if who.user == "root@pam" && who.token.is_none() {
        return crate::api::privileges::ALL.iter().map(|p| ((*p).to_owned(), true)).collect();
    }
    let Some(token) = &who.token else { return of_subject(state, &Subject::User(who.user.clone()), path) };
    let Some(info) = state.access.users.get(&who.user).and_then(|u| u.tokens.get(token)) else { return Privileges::new() };
    let user = permissions(state, &Who::user(who.user.clone()), path);
    if !info.privsep {
        return user;
    }
    let own = of_subject(state, &Subject::Token(who.name()), path);
    own.into_iter().filter_map(|(p, propagate)| user.get(&p).map(|theirs| (p, propagate && *theirs))).collect()
}

/// Returns the paths with their privileges, as `GET /access/permissions` lists them.
pub fn effective(state: &State, who: &Who, only: Option<&str>) -> BTreeMap<String, Privileges> {
    let mut paths: Vec<String> = match only {
        Some(path) => vec![path.to_owned()],
        None => ["/", "/access", "/access/groups", "/nodes", "/pool", "/sdn", "/storage", "/vms"].map(str::to_owned).to_vec(),
    };
    if only.is_none() {
        paths.extend(state.access.acl.keys().cloned());
        for pool in state.pools.values() {
            paths.extend(pool.guests.iter().map(|id| format!("/vms/{id}")));
            paths.extend(pool.storages.iter().map(|id| format!("/storage/{id}")));
        }
    }
    paths.into_iter().map(|p| (permissions(state, who, &p), p)).filter(|(have, _)| !have.is_empty()).map(|(have, p)| (p, have)).collect()
}

fn of_subject(state: &State, subject: &Subject, path: &str) -> Privileges {
    let mut roles = walk(state, subject, path);
    if !roles.contains_key("NoAccess")
        && let Some(pool) = pool_of(state, path)
    {
        let inherited = walk(state, subject, &format!("/pool/{pool}"));
        if inherited.contains_key("NoAccess") {
            roles = Roles::from([("NoAccess".to_owned(), false)]);
        } else {
            for role in inherited.into_keys() {
                roles.entry(role).or_insert(false);
            }
        }
    }
    let mut have = Privileges::new();
    for (role, propagate) in &roles {
        for privilege in roles::privileges(&state.access, role) {
            let known = have.entry(privilege).or_insert(false);
            *known = *known || *propagate;
        }
    }
    have
}

fn pool_of<'a>(state: &'a State, path: &str) -> Option<&'a str> {
    if state.pools.is_empty() {
        return None;
    }
    if let Some(id) = path.strip_prefix("/vms/") {
        return state.pool_of(id.parse().ok()?);
    }
    let id = path.strip_prefix("/storage/")?;
    state.pools.iter().find(|(_, p)| p.storages.contains(id)).map(|(name, _)| name.as_str())
}

/// Returns the roles on a path. Each level overrides those above, and a user's entry overrides the groups'.
fn walk(state: &State, subject: &Subject, path: &str) -> Roles {
    let mut roles = Roles::new();
    for (level, is_final) in levels(path) {
        let Some(entries) = state.access.acl.get(level) else { continue };
        let applying = |matches: &dyn Fn(&Subject) -> bool| -> Roles {
            entries.iter().filter(|e| matches(&e.subject) && (is_final || e.propagate)).map(|e| (e.role.clone(), e.propagate)).collect()
        };
        let mut found = applying(&|s| s == subject);
        if found.is_empty()
            && let Subject::User(name) = subject
        {
            let groups = state.access.users.get(name).map(|u| &u.groups);
            found = applying(&|s| matches!(s, Subject::Group(g) if groups.is_some_and(|all| all.contains(g))));
        }
        if !found.is_empty() {
            roles = found;
        }
    }
    match roles.get("NoAccess") {
        Some(propagate) => Roles::from([("NoAccess".to_owned(), *propagate)]),
        None => roles,
    }
}

/// Returns `/`, `/vms`, `/vms/101`, each with whether it is the path itself.
fn levels(path: &str) -> impl Iterator<Item = (&str, bool)> {
    let root = std::iter::once(("/", path == "/"));
    let below = path.match_indices('/').skip(1).map(|(at, _)| (&path[..at], false));
    let own = (path != "/").then_some((path, true));
    root.chain(below).chain(own)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::state::{AclEntry, Group, Pool, Token, User};

    fn entry(subject: Subject, role: &str, propagate: bool) -> AclEntry {
        AclEntry { subject, role: role.into(), propagate }
    }

    /// A state with `ann@pve`, her token `t` and her group `ops`.
    fn state(acl: &[(&str, AclEntry)]) -> State {
        let mut state = State::default();
        let mut ann = User { groups: ["ops".to_owned()].into(), ..User::default() };
        ann.tokens.insert("t".into(), Token { secret: String::new(), privsep: true, expire: 0, comment: None });
        ann.tokens.insert("full".into(), Token { secret: String::new(), privsep: false, expire: 0, comment: None });
        state.access.users.insert("ann@pve".into(), ann);
        state.access.groups.insert("ops".into(), Group::default());
        for (path, entry) in acl {
            state.access.acl.entry((*path).to_owned()).or_default().push(entry.clone());
        }
        state
    }

    fn ann() -> Subject {
        Subject::User("ann@pve".into())
    }

    fn may(state: &State, who: &str, path: &str, privilege: &str) -> bool {
        check(state, &Who::parse(who), path, &[privilege]).is_ok()
    }

    #[test]
    fn a_role_reaches_below_only_when_it_propagates() {
        let state = state(&[("/vms", entry(ann(), "PVEVMUser", true)), ("/nodes", entry(ann(), "PVEAuditor", false))]);
        assert!(may(&state, "ann@pve", "/vms/101", "VM.Backup"));
        assert!(may(&state, "ann@pve", "/nodes", "Sys.Audit"));
        assert!(!may(&state, "ann@pve", "/nodes/pve1", "Sys.Audit"));
        assert!(!may(&state, "ann@pve", "/", "VM.Backup"));
    }

    #[test]
    fn deeper_levels_override_higher_ones_and_users_override_groups() {
        let ops = Subject::Group("ops".into());
        let state = state(&[
            ("/", entry(ops.clone(), "PVEAdmin", true)),
            ("/vms/101", entry(ops, "PVEVMAdmin", true)),
            ("/vms/101", entry(ann(), "PVEAuditor", true)),
            ("/vms/102", entry(ann(), "NoAccess", true)),
        ]);
        assert!(may(&state, "ann@pve", "/vms/100", "VM.Allocate"));
        assert!(may(&state, "ann@pve", "/vms/101", "VM.Audit"));
        assert!(!may(&state, "ann@pve", "/vms/101", "VM.Allocate"));
        assert!(!may(&state, "ann@pve", "/vms/102", "VM.Audit"));
    }

    #[test]
    fn a_separated_token_has_the_intersection() {
        let token = Subject::Token("ann@pve!t".into());
        let mut state = state(&[("/vms/101", entry(token, "PVEVMAdmin", true))]);
        assert!(!may(&state, "ann@pve!t", "/vms/101", "VM.Audit"));
        state.access.acl.entry("/vms/101".into()).or_default().push(entry(ann(), "PVEVMUser", true));
        assert!(may(&state, "ann@pve!t", "/vms/101", "VM.Audit"));
        assert!(!may(&state, "ann@pve!t", "/vms/101", "VM.Allocate"));
        assert!(may(&state, "ann@pve!full", "/vms/101", "VM.Backup"));
        assert!(!may(&state, "ann@pve!nosuch", "/vms/101", "VM.Audit"));
    }

    #[test]
    fn a_pool_grants_privileges_on_its_members() {
        let mut state = state(&[("/pool/prod", entry(ann(), "PVEVMUser", true))]);
        state.pools.insert("prod".into(), Pool { guests: [101].into(), ..Pool::default() });
        assert!(may(&state, "ann@pve", "/vms/101", "VM.PowerMgmt"));
        assert!(!may(&state, "ann@pve", "/vms/102", "VM.PowerMgmt"));
    }

    #[test]
    fn checks_of_many_guests_equal_single_checks() {
        let mut state = state(&[
            ("/vms", entry(ann(), "PVEVMUser", true)),
            ("/vms/102", entry(ann(), "NoAccess", true)),
            ("/pool/prod", entry(ann(), "NoAccess", true)),
        ]);
        state.pools.insert("prod".into(), Pool { guests: [103].into(), ..Pool::default() });
        for who in ["ann@pve", "ann@pve!t", "ann@pve!full", "root@pam"] {
            let who = Who::parse(who);
            let many = OnGuests::new(&state, &who, &["VM.Audit"]);
            for vmid in 101..105 {
                assert_eq!(many.may(vmid), check(&state, &who, &format!("/vms/{vmid}"), &["VM.Audit"]).is_ok(), "{who:?} {vmid}");
            }
        }
    }

    #[test]
    fn a_denial_names_path_and_privileges() {
        let state = state(&[]);
        let who = Who::user("ann@pve");
        let refusal = check_any(&state, &who, "/storage/local", &["Datastore.Audit", "Datastore.AllocateSpace"]).unwrap_err();
        assert_eq!(refusal.message, "Permission check failed (/storage/local, Datastore.Audit|Datastore.AllocateSpace)");
        assert!(check(&state, &Who::user("root@pam"), "/", &["Sys.Modify"]).is_ok());
    }
}
