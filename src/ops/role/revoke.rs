//! Deletes what bootstrap created, in this order: grants, token, user, role.

use super::acts::{DeleteSecret, WriteContext};
use super::keeper::Keeper;
use super::present::Present;
use super::presets::MADE;
use crate::api::access::{self, Entry, Subject};
use crate::config::secrets::Source;
use crate::guard::{Item, Step, Target};

/// Why a user or role is kept if its other uses are not visible.
const UNSEEN: &str = "other uses are only visible with Sys.Audit on /access";

pub struct Revocation<'a> {
    pub present: &'a Present,
    pub keeper: &'a Keeper,
    pub user: &'a str,
    pub token: &'a str,
    pub source: Option<Source>,
}

/// Returns the item, and what is kept with the reason.
pub fn item(revocation: &Revocation<'_>) -> (Item, Vec<String>) {
    let Revocation { present, keeper, user, token, .. } = revocation;
    let id = format!("{user}!{token}");
    let mut item = Item::new("revoke", Target { name: Some(id.clone()), ..Target::default() }).word(&id);
    let mut stays = Vec::new();
    let gone = withdrawn(present, user, &id);
    for entry in &gone {
        let subject = if entry.kind == "token" { Subject::Token(entry.ugid.clone()) } else { Subject::User(entry.ugid.clone()) };
        item = item
            .step(Step::call("withdraw", access::revoke(&entry.path, &subject, &entry.roleid)))
            .loses(format!("{} on {} for {}", entry.roleid, entry.path, entry.ugid));
    }
    let mut token_goes = false;
    match present.tokens.get(*token) {
        Some(there) if there.comment.as_deref() == Some(MADE) => {
            token_goes = true;
            item = item.step(Step::call("token", access::delete_token(user, token))).loses(format!("token {id} and its secret"));
        }
        Some(_) => stays.push(format!("token {id}: not created by bootstrap")),
        None => {}
    }
    let others = present.tokens.keys().filter(|name| name.as_str() != *token).count();
    let rest = present.of(&Subject::User((*user).to_owned())).filter(|entry| !gone.contains(entry)).count();
    match &present.user {
        Some(there) if there.comment.as_deref() != Some(MADE) => stays.push(format!("user {user}: not created by bootstrap")),
        Some(_) if others > 0 => stays.push(format!("user {user}: has other tokens")),
        Some(_) if !present.complete => stays.push(format!("user {user}: {UNSEEN}")),
        Some(_) if rest > 0 => stays.push(format!("user {user}: has other permissions")),
        Some(_) if token_goes || present.tokens.is_empty() => {
            item = item.step(Step::call("user", access::delete_user(user))).loses(format!("user {user}"));
        }
        _ => {}
    }
    for role in roles(&gone) {
        let used = present.acl.iter().any(|entry| entry.roleid == role && !gone.contains(entry));
        if !present.complete {
            stays.push(format!("role {role}: {UNSEEN}"));
        } else if used {
            stays.push(format!("role {role}: used by others"));
        } else if present.roles.contains_key(&role) {
            item = item.step(Step::call("role", access::delete_role(&role))).loses(format!("role {role}"));
        }
    }
    if let Some(source) = revocation.source.clone().filter(|_| token_goes) {
        item = item.step(Step::act("forget", DeleteSecret { keeper: (*keeper).clone(), source, token_id: id }));
    }
    if token_goes && !keeper.fixed && keeper.written().is_some() {
        let mut context = keeper.context.clone();
        (context.token_id, context.secret, context.preset) = (None, None, None);
        item = item.step(Step::act("context", WriteContext { keeper: (*keeper).clone(), context, ca_pem: None }));
    }
    let item = if item.steps.is_empty() { item.unchanged() } else { item };
    (item, stays)
}

/// Returns the token's entries, and its user's entries with felhom's roles that no other token needs.
fn withdrawn(present: &Present, user: &str, id: &str) -> Vec<Entry> {
    let ours = |entry: &&Entry| entry.roleid.starts_with("Felhom");
    let others = |entry: &Entry| {
        let mine = format!("{user}!");
        present.acl.iter().any(|other| {
            other.kind == "token"
                && other.ugid.starts_with(&mine)
                && other.ugid != id
                && other.path == entry.path
                && other.roleid == entry.roleid
        })
    };
    let tokens = present.of(&Subject::Token(id.to_owned())).cloned().collect::<Vec<_>>();
    let users = present.of(&Subject::User(user.to_owned())).filter(ours).filter(|entry| !others(entry)).cloned().collect::<Vec<_>>();
    tokens.into_iter().chain(users).collect()
}

fn roles(gone: &[Entry]) -> Vec<String> {
    let mut roles: Vec<String> = gone.iter().map(|entry| entry.roleid.clone()).filter(|role| role.starts_with("Felhom")).collect();
    roles.sort();
    roles.dedup();
    roles
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(path: &str, kind: &str, ugid: &str, role: &str) -> Entry {
        Entry { path: path.into(), kind: kind.into(), ugid: ugid.into(), roleid: role.into(), propagate: true }
    }

    #[test]
    fn entries_of_other_tokens_stay() {
        let present = Present {
            acl: vec![
                entry("/", "user", "felhom@pve", "FelhomAgent"),
                entry("/", "token", "felhom@pve!agent", "FelhomAgent"),
                entry("/", "token", "felhom@pve!other", "FelhomAgent"),
                entry("/vms/101", "user", "felhom@pve", "PVEAuditor"),
            ],
            ..Present::default()
        };
        let gone = withdrawn(&present, "felhom@pve", "felhom@pve!agent");
        assert_eq!(gone, [entry("/", "token", "felhom@pve!agent", "FelhomAgent")]);
    }
}
