//! Second factors and the capabilities in the answer to a login.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::acl::permissions;
use super::who::{Who, is_enabled};
use super::{password, ticket, totp};
use crate::demo::state::{Factor, State};

/// Checks the first factor: the password of an enabled user, or a ticket of that user.
pub fn first_factor(state: &State, user: &str, password: &str, now: i64) -> bool {
    if !is_enabled(state, user, now) {
        return false;
    }
    let known = state.access.users.get(user).and_then(|u| u.password.as_deref());
    known.is_some_and(|kept| password::password_matches(kept, password)) || is_own_ticket(state, user, password, now)
}

/// Whether the password is a ticket, which renews without a second factor.
pub fn is_own_ticket(state: &State, user: &str, text: &str, now: i64) -> bool {
    ticket::verify_ticket(state, text, now).as_deref() == Some(user)
}

/// Returns the challenge of a user with a second factor; `None` for others.
pub fn challenge(state: &State, user: &str, now: i64) -> Option<String> {
    let factors: Vec<&Factor> = state.access.tfa.get(user)?.iter().filter(|f| f.enable).collect();
    if factors.is_empty() {
        return None;
    }
    let mut parts = Vec::new();
    if factors.iter().any(|f| f.kind == "totp") {
        parts.push("\"totp\"%3Atrue".to_owned());
    }
    if let Some(recovery) = factors.iter().find(|f| f.kind == "recovery") {
        let left = recovery.keys.iter().enumerate().filter(|(_, k)| k.is_some()).map(|(i, _)| i.to_string());
        parts.push(format!("\"recovery\"%3A[{}]", left.collect::<Vec<_>>().join(",")));
    }
    Some(ticket::assemble_challenge(state, user, &format!("{{{}}}", parts.join(",")), now))
}

/// Checks `totp:123456` or `recovery:xxxx-…` with its challenge. A code is valid once.
pub fn second_factor(state: &mut State, user: &str, challenge: &str, answer: &str, now: i64) -> bool {
    if !ticket::verify_challenge(state, user, challenge, now) {
        return false;
    }
    let Some((kind, code)) = answer.split_once(':') else { return false };
    let factors = state.access.tfa.get_mut(user).into_iter().flatten().filter(|f| f.enable && f.kind == kind);
    for factor in factors {
        match kind {
            "totp" => {
                if let Some(step) = totp::matching_step(&factor.secret, code, now).filter(|s| *s > factor.last_step) {
                    factor.last_step = step;
                    return true;
                }
            }
            "recovery" => {
                if let Some(key) = factor.keys.iter_mut().find(|k| k.as_deref() == Some(code)) {
                    *key = None;
                    return true;
                }
            }
            _ => {}
        }
    }
    false
}

/// Returns the caller's privileges by area, for user interfaces.
pub fn capabilities(state: &State, user: &str) -> Value {
    let who = Who::user(user);
    let mut areas: BTreeMap<&str, BTreeSet<String>> =
        ["access", "dc", "mapping", "nodes", "sdn", "storage", "vms"].map(|area| (area, BTreeSet::new())).into();
    let fixed = ["/", "/nodes", "/access/groups", "/vms", "/storage", "/sdn", "/mapping"].map(str::to_owned);
    let paths: BTreeSet<String> = fixed.into_iter().chain(state.access.acl.keys().cloned()).collect();
    for path in &paths {
        let top = path.split('/').nth(1).filter(|t| !t.is_empty()).unwrap_or("dc");
        for privilege in permissions(state, &who, path).into_keys() {
            for (area, wanted) in &mut areas {
                if (top == *area || top == "pool" && matches!(*area, "vms" | "storage")) && belongs(area, &privilege) {
                    wanted.insert(privilege.clone());
                }
            }
        }
    }
    let areas = areas.into_iter().map(|(area, all)| (area.to_owned(), all.into_iter().map(|p| (p, json!(1))).collect()));
    Value::Object(areas.collect())
}

fn belongs(area: &str, privilege: &str) -> bool {
    let starts = |prefixes: &[&str]| prefixes.iter().any(|p| privilege.starts_with(p));
    let modify = privilege == "Permissions.Modify";
    match area {
        "vms" => modify || starts(&["VM."]),
        "access" => modify || starts(&["User.", "Group."]),
        "storage" => modify || starts(&["Datastore."]),
        "nodes" => modify || starts(&["Sys."]),
        "sdn" => modify || starts(&["SDN."]),
        "mapping" => modify || starts(&["Mapping."]),
        _ => starts(&["SDN."]) || matches!(privilege, "Sys.Audit" | "Sys.Modify"),
    }
}
