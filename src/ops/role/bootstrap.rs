//! Creates or completes role, user, token, grants and context, and checks the result.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::acts::{self, CheckToken, StoreSecret, WriteContext};
use super::implied;
use super::keeper::{Keeper, is_refused};
use super::present::Present;
use super::presets::MADE;
use crate::api::access::{self, Subject, Token};
use crate::config::Context;
use crate::config::secrets::{Source, Store};
use crate::fault::{Fault, Result};
use crate::guard::plan::Permissions;
use crate::guard::{Item, Person, Step, Target};
use crate::routes::{Grant, Risk};
use crate::secret::Secret;

/// A role with the paths to grant it on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleWanted {
    pub name: String,
    pub privileges: BTreeSet<String>,
    pub paths: BTreeSet<String>,
}

/// The wanted state.
#[derive(Debug, Clone)]
pub struct Wanted {
    pub roles: Vec<RoleWanted>,
    /// `felhom@pve`
    pub user: String,
    /// `agent`
    pub token: String,
    /// Unix seconds, 0 for never.
    pub expire: Option<u64>,
    pub preset: Option<String>,
}

impl Wanted {
    pub fn token_id(&self) -> String {
        format!("{}!{}", self.user, self.token)
    }

    /// Returns the wanted privileges with their paths.
    pub fn grants(&self) -> BTreeSet<Grant> {
        let of = |role: &RoleWanted| -> Vec<Grant> {
            let on = |path: &String| role.privileges.iter().map(|p| Grant { path: path.clone(), privilege: p.clone() }).collect::<Vec<_>>();
            role.paths.iter().flat_map(on).collect()
        };
        self.roles.iter().flat_map(of).collect()
    }

    pub fn privileges(&self) -> BTreeSet<String> {
        self.roles.iter().flat_map(|role| role.privileges.iter().cloned()).collect()
    }

    pub fn paths(&self) -> BTreeSet<String> {
        self.roles.iter().flat_map(|role| role.paths.iter().cloned()).collect()
    }

    pub fn also_possible(&self) -> Vec<String> {
        let (mut said, all): (Vec<String>, _) = (Vec::new(), self.privileges());
        for role in &self.roles {
            let paths: Vec<String> = role.paths.iter().cloned().collect();
            said.extend(implied::possible(&role.privileges, &paths, &all));
        }
        said.dedup();
        said
    }
}

/// Whether the token's secret is known here.
#[derive(Debug, Clone)]
pub enum StoredSecret {
    /// Stored here, and the host accepts it; with its current permissions.
    Works(Source, Secret, Box<Permissions>),
    /// Stored here, but the token has expired.
    Untried(Source, Secret),
    /// Stored elsewhere, since it was only printed.
    Elsewhere,
    Lost,
}

/// Tries the stored secret.
pub fn kept(keeper: &Keeper, token: Option<&Token>, token_id: &str, prints: bool, now: i64) -> Result<StoredSecret> {
    let Some(token) = token else { return Ok(StoredSecret::Lost) };
    let Some((source, secret)) = keeper.stored(token_id) else {
        // With --store print, the secret is stored elsewhere; otherwise a new one is needed.
        return Ok(if prints { StoredSecret::Elsewhere } else { StoredSecret::Lost });
    };
    match keeper.held(token_id, &secret) {
        Ok(held) => Ok(StoredSecret::Works(source, secret, Box::new(held))),
        Err(fault) if is_refused(&fault) && token.expired(now) => Ok(StoredSecret::Untried(source, secret)),
        Err(fault) if is_refused(&fault) => Ok(StoredSecret::Lost),
        Err(fault) => Err(fault),
    }
}

/// The input of the change.
pub struct Input<'a> {
    pub wanted: &'a Wanted,
    pub present: &'a Present,
    pub kept: &'a StoredSecret,
    pub keeper: &'a Keeper,
    /// Without a store, the secret is printed.
    pub store: Option<Store>,
    /// The context to write, if it belongs to the configuration.
    pub context: Option<Context>,
    /// The cluster's CA, if it should be pinned.
    pub ca_pem: Option<String>,
    pub person: Arc<dyn Person>,
    pub now: i64,
}

/// Returns the item with the steps that are needed, and a description of each.
pub fn item(input: &Input<'_>) -> Result<(Item, Vec<String>)> {
    let id = input.wanted.token_id();
    let mut build = Build {
        item: Item::new("bootstrap", Target { name: Some(id.clone()), ..Target::default() }),
        changed: Vec::new(),
        risk: Risk::Safe,
    };
    roles(input, &mut build);
    user(input, &mut build)?;
    let fresh = token(input, &mut build);
    if fresh {
        let keep =
            StoreSecret { keeper: input.keeper.clone(), store: input.store, token_id: id.clone(), person: Arc::clone(&input.person) };
        let place = input.store.map_or("printed once", Store::word);
        build.step(Step::act("secret", keep), format!("secret of {id}: {place}"));
    }
    grants(input, &mut build);
    let secret = match input.kept {
        StoredSecret::Works(_, secret, _) | StoredSecret::Untried(_, secret) => Some(secret.clone()),
        StoredSecret::Elsewhere | StoredSecret::Lost => None,
    };
    let lacks = match input.kept {
        StoredSecret::Works(_, _, held) => !acts::missing(held, &input.wanted.grants()).is_empty(),
        _ => false,
    };
    if (fresh || secret.is_some()) && (lacks || !build.changed.is_empty()) {
        let prove = CheckToken { keeper: input.keeper.clone(), token_id: id, secret, wanted: input.wanted.grants() };
        build.item = build.item.step(Step::act("proof", prove));
    }
    context(input, fresh, &mut build);
    for line in input.wanted.also_possible() {
        build.item = build.item.caution(format!("this also allows to {line}"));
    }
    let Build { item, changed, risk } = build;
    let item = if item.steps.is_empty() { item.unchanged() } else { item.risk(risk) };
    Ok((item, changed))
}

struct Build {
    item: Item,
    changed: Vec<String>,
    risk: Risk,
}

impl Build {
    fn step(&mut self, step: Step, changed: impl Into<String>) {
        let item = std::mem::replace(&mut self.item, Item::new("bootstrap", Target::default()));
        self.item = item.step(step);
        self.changed.push(changed.into());
    }

    /// Adds a step that may affect others.
    fn disruptive_step(&mut self, step: Step, changed: impl Into<String>, touches: impl Into<String>) {
        self.step(step, changed);
        self.item.impact.touches.push(touches.into());
        self.risk = Risk::Disruptive;
    }
}

fn roles(input: &Input<'_>, build: &mut Build) {
    for role in &input.wanted.roles {
        match input.present.roles.get(&role.name) {
            None => build.step(Step::call("role", access::add_role(&role.name, &role.privileges)), format!("role {}", role.name)),
            Some(there) if *there == role.privileges => {}
            Some(there) => {
                let diff = diff(there, &role.privileges);
                build.disruptive_step(
                    Step::call("role", access::set_role(&role.name, &role.privileges)),
                    format!("role {}: {diff}", role.name),
                    format!("role {}, for all who have it: {diff}", role.name),
                );
            }
        }
    }
}

/// `+VM.Clone -VM.Backup`
fn diff(there: &BTreeSet<String>, wanted: &BTreeSet<String>) -> String {
    let plus = wanted.difference(there).map(|p| format!("+{p}"));
    let minus = there.difference(wanted).map(|p| format!("-{p}"));
    plus.chain(minus).collect::<Vec<_>>().join(" ")
}

fn user(input: &Input<'_>, build: &mut Build) -> Result<()> {
    let user = &input.wanted.user;
    match &input.present.user {
        None => build.step(Step::call("user", access::add_user(user, MADE)), format!("user {user}")),
        Some(there) if !there.enable => {
            return Err(Fault::refused(format!("the user {user} is disabled: none of its tokens can log in"))
                .with_hint(format!("enable it with `pveum user modify {user} --enable 1` on the host")));
        }
        Some(there) if there.expire.is_some_and(|at| at > 0 && i64::try_from(at).is_ok_and(|at| at <= input.now)) => {
            return Err(Fault::refused(format!("the user {user} has expired: none of its tokens can log in"))
                .with_hint(format!("remove its expiry with `pveum user modify {user} --expire 0` on the host")));
        }
        Some(_) => {}
    }
    Ok(())
}

/// Adds the token steps. Returns whether the token gets a new secret.
fn token(input: &Input<'_>, build: &mut Build) -> bool {
    let Wanted { user, token, expire, .. } = input.wanted;
    let id = input.wanted.token_id();
    let Some(there) = input.present.tokens.get(token) else {
        build.step(Step::call("token", access::add_token(user, token, MADE, expire.unwrap_or(0))), format!("token {id}"));
        return true;
    };
    let until = expire.or_else(|| there.expired(input.now).then_some(0)).filter(|wanted| there.expire.unwrap_or(0) != *wanted);
    if !there.privsep || until.is_some() {
        let privsep = (!there.privsep).then_some(true);
        let what = match (privsep, until) {
            (Some(_), _) => "privilege separation enabled",
            (None, Some(0)) => "no longer expires",
            (None, _) => "new expiry date",
        };
        build.disruptive_step(
            Step::call("settings", access::set_token(user, token, privsep, until)),
            format!("token {id}: {what}"),
            format!("token {id}: {what}"),
        );
    }
    if !matches!(input.kept, StoredSecret::Lost) {
        return false;
    }
    let step = Step::call("token", access::regenerate_token(user, token));
    let changed = format!("token {id}: new secret");
    // A token without grants is left from an interrupted run: nobody can be using it.
    if there.privsep && input.present.of(&Subject::Token(id.clone())).next().is_none() {
        build.step(step, changed);
    } else {
        build.disruptive_step(step, changed, format!("token {id} gets a new secret, because the current one is not stored here: others that use it lose access (--token-name creates another token)"));
    }
    true
}

fn grants(input: &Input<'_>, build: &mut Build) {
    let subjects = [Subject::User(input.wanted.user.clone()), Subject::Token(input.wanted.token_id())];
    for subject in subjects {
        for role in &input.wanted.roles {
            for path in &role.paths {
                let lacking = input.present.lacking(&subject, path, &role.name);
                if !lacking.is_empty() {
                    let changed = format!("{} on {path} for {}", lacking.join(" and "), subject.id());
                    build.step(Step::call("grant", access::grant(path, &subject, &lacking)), changed);
                }
            }
        }
    }
}

fn context(input: &Input<'_>, fresh: bool, build: &mut Build) {
    let Some(mut context) = input.context.clone() else { return };
    context.token_id = Some(input.wanted.token_id());
    // A --allow role is granted in addition to the preset.
    context.preset = input.wanted.preset.clone().or(context.preset);
    context.secret = match input.kept {
        _ if fresh => None,
        StoredSecret::Works(source, ..) | StoredSecret::Untried(source, _) => Some(source.clone()),
        StoredSecret::Elsewhere | StoredSecret::Lost => None,
    };
    let written = input.keeper.written();
    if !fresh && input.ca_pem.is_none() && written.as_ref() == Some(&context) {
        return;
    }
    let (name, id) = (context.name.clone(), input.wanted.token_id());
    let write = WriteContext { keeper: input.keeper.clone(), context, ca_pem: input.ca_pem.clone() };
    let step = Step::act("context", write);
    match written.and_then(|before| before.token_id).filter(|before| *before != id) {
        None => build.step(step, format!("context {name}")),
        // The permissions of this machine change, possibly to fewer.
        Some(before) => build.disruptive_step(
            step,
            format!("context {name}: {id} replaces {before}"),
            format!("context {name}, which currently uses {before} (--host HOST -c NAME creates a separate one)"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_role_is_shown_as_a_diff() {
        let set = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<BTreeSet<_>>();
        assert_eq!(diff(&set(&["VM.Audit", "VM.Backup"]), &set(&["VM.Audit", "VM.Clone"])), "+VM.Clone -VM.Backup");
    }
}
