//! Replaces a token without interruption: creates, grants, checks and stores a second one, then deletes the old one.

use std::sync::Arc;

use super::acts::{CheckToken, DeleteSecret, StoreSecret, WriteContext};
use super::keeper::Keeper;
use super::present::Present;
use super::presets::MADE;
use crate::api::access::{self, Subject};
use crate::config::secrets::{Source, Store};
use crate::fault::{Fault, Result};
use crate::guard::plan::Permissions;
use crate::guard::{Item, Person, Step, Target};
use crate::ops::time;
use crate::routes::{Grant, Risk};

/// Returns the name of the other token: `agent` ↔ `agent-b`.
pub fn other(token: &str) -> String {
    token.strip_suffix("-b").map_or_else(|| format!("{token}-b"), str::to_owned)
}

pub struct Rotation<'a> {
    pub present: &'a Present,
    pub keeper: &'a Keeper,
    pub user: &'a str,
    pub token: &'a str,
    /// Permissions of the old token, which the new one must have too.
    pub held: &'a Permissions,
    /// Unix seconds, 0 for never [default: the old token's].
    pub expire: Option<u64>,
    pub now: i64,
    pub store: Store,
    /// The source of the old secret.
    pub source: Option<Source>,
    pub person: Arc<dyn Person>,
}

pub fn item(rotation: &Rotation<'_>) -> Result<Item> {
    let Rotation { present, keeper, user, token, .. } = rotation;
    let old = format!("{user}!{token}");
    let Some(there) = present.tokens.get(*token) else {
        return Err(Fault::not_found(format!("the host has no token {old}")).with_hint("create it with `felhom role bootstrap`"));
    };
    let end = match rotation.expire {
        Some(end) => end,
        None if there.expired(rotation.now) => {
            let ended = there.expire.and_then(|at| i64::try_from(at).ok()).map(time::local).unwrap_or_default();
            return Err(Fault::usage(format!("{old} ended at {ended}, and the new token would end with it"))
                .with_hint("add --expire DATE, or --expire never"));
        }
        None => there.expire.unwrap_or(0),
    };
    let next = other(token);
    let id = format!("{user}!{next}");
    let mut item = Item::new("rotate", Target { name: Some(id.clone()), ..Target::default() })
        .risk(Risk::Disruptive)
        .extra("old_token_id", old.clone())
        .touches(format!("token {old} is deleted: others that use it lose access"));
    // A token left from an interrupted rotation gets a new secret.
    item = item.step(match present.tokens.get(&next) {
        Some(_) => Step::call("token", access::regenerate_token(user, &next)),
        None => Step::call("token", access::add_token(user, &next, MADE, end)),
    });
    item = item.step(Step::act(
        "secret",
        StoreSecret { keeper: (*keeper).clone(), store: Some(rotation.store), token_id: id.clone(), person: Arc::clone(&rotation.person) },
    ));
    if present.tokens.get(&next).is_some_and(|left| left.expire.unwrap_or(0) != end) {
        item = item.step(Step::call("settings", access::set_token(user, &next, None, Some(end))));
    }
    let subject = Subject::Token(id.clone());
    for entry in present.of(&Subject::Token(old.clone())) {
        let mut call = access::grant(&entry.path, &subject, std::slice::from_ref(&entry.roleid));
        if !entry.propagate {
            call = call.with("propagate", false);
        }
        item = item.step(Step::call("grant", call));
    }
    let wanted = rotation
        .held
        .iter()
        .flat_map(|(path, privileges)| privileges.keys().map(move |privilege| Grant { path: path.clone(), privilege: privilege.clone() }));
    item = item
        .step(Step::act("proof", CheckToken { keeper: (*keeper).clone(), token_id: id.clone(), secret: None, wanted: wanted.collect() }));
    if !keeper.fixed {
        let mut context = keeper.context.clone();
        context.token_id = Some(id);
        item = item.step(Step::act("context", WriteContext { keeper: (*keeper).clone(), context, ca_pem: None }));
    }
    item = item.step(Step::call("old", access::delete_token(user, token)));
    if let Some(source) = &rotation.source {
        item = item.step(Step::act("forget", DeleteSecret { keeper: (*keeper).clone(), source: source.clone(), token_id: old }));
    }
    Ok(item)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_names_alternate() {
        assert_eq!((other("agent").as_str(), other("agent-b").as_str()), ("agent-b", "agent"));
    }
}
