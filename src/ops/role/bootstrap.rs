//! From nothing, or from anything half-done, to a token that can do what it is for, proved and kept.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::acts::{self, KeepSecret, Prove, WriteContext};
use super::implied;
use super::keeper::{Keeper, is_refused};
use super::present::Present;
use super::presets::MADE;
use crate::api::access::{self, Subject, Token};
use crate::config::Context;
use crate::config::secrets::{Source, Store};
use crate::fault::{Fault, Result};
use crate::guard::plan::Held;
use crate::guard::{Item, Person, Step, Target};
use crate::routes::{Grant, Risk};
use crate::secret::Secret;

/// A role, and the paths that it is granted on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleWanted {
    pub name: String,
    pub privileges: BTreeSet<String>,
    pub paths: BTreeSet<String>,
}

/// What shall be there.
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

    /// Every privilege on every path that it is wanted on.
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

/// Whether the token's secret is at hand.
#[derive(Debug, Clone)]
pub enum Kept {
    /// It is, and it opens the host; what the token may do now.
    Works(Source, Secret, Box<Held>),
    /// It is, but the host refuses the token for another reason: it has expired.
    Untried(Source, Secret),
    /// Somebody else has it: it was only shown.
    Elsewhere,
    Lost,
}

/// Tries the secret that is kept here.
pub fn kept(keeper: &Keeper, token: Option<&Token>, token_id: &str, prints: bool, now: i64) -> Result<Kept> {
    let Some(token) = token else { return Ok(Kept::Lost) };
    let Some((source, secret)) = keeper.stored(token_id) else {
        // Who wants it shown keeps it elsewhere; only a store asks for a new one.
        return Ok(if prints { Kept::Elsewhere } else { Kept::Lost });
    };
    match keeper.held(token_id, &secret) {
        Ok(held) => Ok(Kept::Works(source, secret, Box::new(held))),
        Err(fault) if is_refused(&fault) && token.expired(now) => Ok(Kept::Untried(source, secret)),
        Err(fault) if is_refused(&fault) => Ok(Kept::Lost),
        Err(fault) => Err(fault),
    }
}

/// Everything that the change is made of.
pub struct Making<'a> {
    pub wanted: &'a Wanted,
    pub present: &'a Present,
    pub kept: &'a Kept,
    pub keeper: &'a Keeper,
    /// Without a store the secret is shown.
    pub store: Option<Store>,
    /// The context as it shall stand in the configuration; none where it does not belong there.
    pub context: Option<Context>,
    /// The cluster's CA, where it is to be pinned.
    pub ca_pem: Option<String>,
    pub person: Arc<dyn Person>,
    pub now: i64,
}

/// The item with every step that is still needed, and what each of them changes, in words.
pub fn item(making: &Making<'_>) -> Result<(Item, Vec<String>)> {
    let id = making.wanted.token_id();
    let mut build = Build {
        item: Item::new("bootstrap", Target { name: Some(id.clone()), ..Target::default() }),
        changed: Vec::new(),
        risk: Risk::Safe,
    };
    roles(making, &mut build);
    user(making, &mut build)?;
    let fresh = token(making, &mut build);
    if fresh {
        let keep =
            KeepSecret { keeper: making.keeper.clone(), store: making.store, token_id: id.clone(), person: Arc::clone(&making.person) };
        let place = making.store.map_or("shown once", Store::word);
        build.step(Step::act("secret", keep), format!("secret of {id}: {place}"));
    }
    grants(making, &mut build);
    let secret = match making.kept {
        Kept::Works(_, secret, _) | Kept::Untried(_, secret) => Some(secret.clone()),
        Kept::Elsewhere | Kept::Lost => None,
    };
    let lacks = match making.kept {
        Kept::Works(_, _, held) => !acts::missing(held, &making.wanted.grants()).is_empty(),
        _ => false,
    };
    if (fresh || secret.is_some()) && (lacks || !build.changed.is_empty()) {
        let prove = Prove { keeper: making.keeper.clone(), token_id: id, secret, wanted: making.wanted.grants() };
        build.item = build.item.step(Step::act("proof", prove));
    }
    context(making, fresh, &mut build);
    for line in making.wanted.also_possible() {
        build.item = build.item.caution(format!("this also makes possible: {line}"));
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

    /// A step that takes something from somebody.
    fn grave(&mut self, step: Step, changed: impl Into<String>, touches: impl Into<String>) {
        self.step(step, changed);
        self.item.impact.touches.push(touches.into());
        self.risk = Risk::Disruptive;
    }
}

fn roles(making: &Making<'_>, build: &mut Build) {
    for role in &making.wanted.roles {
        match making.present.roles.get(&role.name) {
            None => build.step(Step::call("role", access::add_role(&role.name, &role.privileges)), format!("role {}", role.name)),
            Some(there) if *there == role.privileges => {}
            Some(there) => {
                let diff = diff(there, &role.privileges);
                build.grave(
                    Step::call("role", access::set_role(&role.name, &role.privileges)),
                    format!("role {}: {diff}", role.name),
                    format!("the role {}, for everybody who has it: {diff}", role.name),
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

fn user(making: &Making<'_>, build: &mut Build) -> Result<()> {
    let user = &making.wanted.user;
    match &making.present.user {
        None => build.step(Step::call("user", access::add_user(user, MADE)), format!("user {user}")),
        Some(there) if !there.enable => {
            return Err(Fault::refused(format!("the user {user} is disabled: none of its tokens can log in"))
                .with_hint(format!("enable it with `pveum user modify {user} --enable 1` on the host")));
        }
        Some(there) if there.expire.is_some_and(|at| at > 0 && i64::try_from(at).is_ok_and(|at| at <= making.now)) => {
            return Err(Fault::refused(format!("the user {user} has expired: none of its tokens can log in"))
                .with_hint(format!("remove its expiry with `pveum user modify {user} --expire 0` on the host")));
        }
        Some(_) => {}
    }
    Ok(())
}

/// Whether the token gets a new secret.
fn token(making: &Making<'_>, build: &mut Build) -> bool {
    let Wanted { user, token, expire, .. } = making.wanted;
    let id = making.wanted.token_id();
    let Some(there) = making.present.tokens.get(token) else {
        build.step(Step::call("token", access::add_token(user, token, MADE, expire.unwrap_or(0))), format!("token {id}"));
        return true;
    };
    let until = expire.or_else(|| there.expired(making.now).then_some(0)).filter(|wanted| there.expire.unwrap_or(0) != *wanted);
    if !there.privsep || until.is_some() {
        let privsep = (!there.privsep).then_some(true);
        let what = match (privsep, until) {
            (Some(_), _) => "separated from its user",
            (None, Some(0)) => "no longer expires",
            (None, _) => "expires at another time",
        };
        build.grave(
            Step::call("settings", access::set_token(user, token, privsep, until)),
            format!("token {id}: {what}"),
            format!("the token {id}: {what}"),
        );
    }
    if !matches!(making.kept, Kept::Lost) {
        return false;
    }
    let step = Step::call("token", access::regenerate_token(user, token));
    let changed = format!("token {id}: a new secret");
    // A token without rights of its own is left from a run that broke off: nobody can be using it.
    if there.privsep && making.present.of(&Subject::Token(id.clone())).next().is_none() {
        build.step(step, changed);
    } else {
        build.grave(step, changed, format!("the token {id} gets a new secret, because this machine does not have its present one: whoever uses that is locked out (another --token-name leaves it alone)"));
    }
    true
}

fn grants(making: &Making<'_>, build: &mut Build) {
    let subjects = [Subject::User(making.wanted.user.clone()), Subject::Token(making.wanted.token_id())];
    for subject in subjects {
        for role in &making.wanted.roles {
            for path in &role.paths {
                let lacking = making.present.lacking(&subject, path, &role.name);
                if !lacking.is_empty() {
                    let changed = format!("{} on {path} for {}", lacking.join(" and "), subject.id());
                    build.step(Step::call("grant", access::grant(path, &subject, &lacking)), changed);
                }
            }
        }
    }
}

fn context(making: &Making<'_>, fresh: bool, build: &mut Build) {
    let Some(mut context) = making.context.clone() else { return };
    context.token_id = Some(making.wanted.token_id());
    // A role made to measure comes on top of what the token was made for.
    context.preset = making.wanted.preset.clone().or(context.preset);
    context.secret = match making.kept {
        _ if fresh => None,
        Kept::Works(source, ..) | Kept::Untried(source, _) => Some(source.clone()),
        Kept::Elsewhere | Kept::Lost => None,
    };
    let written = making.keeper.written();
    if !fresh && making.ca_pem.is_none() && written.as_ref() == Some(&context) {
        return;
    }
    let (name, id) = (context.name.clone(), making.wanted.token_id());
    let write = WriteContext { keeper: making.keeper.clone(), context, ca_pem: making.ca_pem.clone() };
    let step = Step::act("context", write);
    match written.and_then(|before| before.token_id).filter(|before| *before != id) {
        None => build.step(step, format!("context {name}")),
        // What this machine may do changes with it, perhaps to a fraction.
        Some(before) => build.grave(
            step,
            format!("context {name}: {id} takes the place of {before}"),
            format!("the context {name}, which uses {before} until now (--host HOST -c NAME makes one of its own instead)"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_differing_role_is_shown_as_what_comes_and_goes() {
        let set = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<BTreeSet<_>>();
        assert_eq!(diff(&set(&["VM.Audit", "VM.Backup"]), &set(&["VM.Audit", "VM.Clone"])), "+VM.Clone -VM.Backup");
    }
}
