//! `felhom role bootstrap`.

use std::collections::BTreeSet;

use clap::{Args, ValueEnum};
use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::admin::{Admin, Trust};
use super::pinning::{Pinning, located, pin, pinned_already};
use super::subject::{self, Via};
use crate::api::access;
use crate::cli::Ctx;
use crate::config::secrets::Store;
use crate::config::{Context, Transport};
use crate::fault::{Fault, Kind, Result};
use crate::guard::plan::Permissions;
use crate::guard::{Change, verdict};
use crate::ops::guests;
use crate::ops::role::acts;
use crate::ops::role::bootstrap::{Input, RoleWanted, StoredSecret, Wanted, item, kept};
use crate::ops::role::keeper::Keeper;
use crate::ops::role::measure::{self, Measured, Scope};
use crate::ops::role::present::{self, Present};
use crate::ops::role::presets::{PRESETS, preset};
use crate::session::Session;
use crate::ui::{Cell, Format, Record, units};

/// Create a least-privilege token and a context that uses it
///
/// Logs in once as an administrator, pins the host's certificate, creates role, user and token, grants the role to both, tests the token and stores its secret. A second run repairs what is missing and changes nothing else. --plan shows the API calls, --plan=pveum the commands for root on the node.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  felhom role bootstrap --host 192.0.2.10\n  felhom role bootstrap --host pve1.lan --ca-file pve-root-ca.pem --admin-token root@pam!setup --admin-secret file:/root/setup.secret\n  felhom role bootstrap --host pve1.lan -c web101 --preset self-backup --guest 101 --storage backup --token-name web101\n  felhom role bootstrap --allow 'backup run','snapshot *' --guest 101 --storage local\n  felhom role bootstrap --host pve1 --plan=pveum"
)]
pub struct Bootstrap {
    /// Proxmox host [default: the current context's]
    #[arg(long, value_name = "HOST[:PORT]")]
    host: Option<String>,
    /// How the administrator connects
    #[arg(long, value_name = "TRANSPORT", default_value = "https")]
    via: Via,
    /// Predefined role: agent, self-backup, auditor [default: agent]
    #[arg(long, value_name = "NAME", value_parser = clap::builder::PossibleValuesParser::new(PRESETS.iter().map(|p| p.name)), conflicts_with = "allow")]
    preset: Option<String>,
    /// Grant only what these commands need
    ///
    /// Grant only what these commands need ('snapshot *' for all commands of a noun), or single privileges (VM.Backup)
    #[arg(long, value_name = "COMMAND", value_delimiter = ',')]
    allow: Vec<String>,
    /// Owner of the token [default: felhom@pve]
    #[arg(long, value_name = "USER@REALM")]
    user: Option<String>,
    /// Name of the token [default: agent]
    #[arg(long, value_name = "NAME")]
    token_name: Option<String>,
    /// Path to grant on [default: /]
    #[arg(long, value_name = "PATH", value_parser = subject::acl_path)]
    path: Vec<String>,
    /// Guest to grant on
    #[arg(long, value_name = "GUEST", value_delimiter = ',')]
    guest: Vec<String>,
    /// Storage to grant on
    #[arg(long, value_name = "STORAGE", value_delimiter = ',')]
    storage: Vec<String>,
    /// Expiry date, or `never` [default: never]
    #[arg(long, value_name = "DATE")]
    expire: Option<String>,
    /// Secret store: keyring, file, print [default: keyring]
    #[arg(long, value_name = "STORE")]
    store: Option<Place>,
    #[command(flatten)]
    admin: Admin,
    #[command(flatten)]
    trust: Trust,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Place {
    /// Desktop keyring
    Keyring,
    /// File that only you can read
    File,
    /// Not kept: printed once
    Print,
}

#[derive(Debug, Serialize)]
struct Shown {
    role: String,
    /// All of them, where the verbs needed more than one.
    roles: Vec<String>,
    user: String,
    token_id: String,
    paths: BTreeSet<String>,
    privileges: BTreeSet<String>,
    granted: Granted,
    effective: Vec<String>,
    missing: Vec<String>,
    also_possible: Vec<String>,
    context: String,
    trust: &'static str,
    secret_stored: Option<String>,
    changed: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Granted {
    user: BTreeSet<String>,
    token: BTreeSet<String>,
}

/// The administrator's session, the trusted context, and a CA that was given for it.
type Entered = (Session, Context, Option<String>);

/// What is known before anything is changed.
struct Ready {
    session: Session,
    present: Present,
    kept: StoredSecret,
    keeper: Keeper,
    /// The context as it shall stand in the configuration.
    later: Context,
    ca_pem: Option<String>,
    trust: &'static str,
}

impl Bootstrap {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let context = subject::context(ctx, self.host.as_deref())?;
        let (user, token) = self.names(&context)?;
        let now = units::now();
        let expire = self.expire.as_deref().map(|text| subject::end(text, now)).transpose()?;
        // A plan is also for somebody who gives felhom no password: then nothing is assumed to be there.
        let blind = ctx.global.plan.is_some() && !self.admin.given(ctx) && self.via == Via::Https;
        let (ready, wanted) = if blind {
            subject::administered(ctx, &context, self.via)?;
            ctx.out.note("no administrator was named: this is the plan for a host where nothing of it is there yet");
            let wanted = self.wanted(&user, &token, expire, None)?;
            (self.unasked(ctx, context), wanted)
        } else {
            let entered = self.enter(ctx, &context)?;
            let wanted = self.wanted(&user, &token, expire, Some(&entered.0))?;
            (self.ask(ctx, entered, &wanted, now)?, wanted)
        };
        let store = match self.store {
            Some(Place::Print) => None,
            _ if matches!(ready.kept, StoredSecret::Lost) && ready.session.rules.carries_out() => Some(self.probed(ctx, &ready.keeper)?),
            _ if matches!(ready.kept, StoredSecret::Lost) => Some(ready.keeper.store(self.wished())),
            _ => self.wished(),
        };
        let target = (!ready.keeper.fixed).then(|| ready.later.clone());
        let input = Input {
            wanted: &wanted,
            present: &ready.present,
            kept: &ready.kept,
            keeper: &ready.keeper,
            store,
            context: target,
            ca_pem: ready.ca_pem.clone(),
            person: ctx.person(),
            now,
        };
        let (item, changed) = item(&input)?;
        let settled = !item.pending();
        let change = Change::one(format!("make {} with the role {} on {}", wanted.token_id(), wanted.roles[0].name, places(&wanted)), item);
        let Some(outcomes) = ctx.outcomes(&ready.session, change, |_, done| {
            let mut extra = Map::new();
            extra.insert("held".into(), done.outputs.get("proof").cloned().unwrap_or_default());
            extra.insert("source".into(), done.outputs.get("secret").and_then(|kept| kept.get("source")).cloned().unwrap_or_default());
            Ok(extra)
        })?
        else {
            return Ok(());
        };
        verdict(&outcomes).map_err(|fault| fault_after(fault, &wanted))?;
        let extra = outcomes.into_iter().next().map(|outcome| outcome.extra).unwrap_or_default();
        let held = self.effective(&ready, &wanted, extra.get("held"))?;
        let shown = shown(&ready, &wanted, &held, changed, extra.get("source").and_then(Json::as_str));
        if settled && shown.missing.is_empty() && matches!(ctx.out.format(), Format::Table) {
            return ctx.out.text("nothing to do\n");
        }
        ctx.out.one(&shown)?;
        let Some(first) = shown.missing.first() else { return Ok(()) };
        Err(Fault::new(Kind::Denied, format!("everything is granted, but {} still lacks {first}", shown.token_id))
            .with_hint("check with `felhom role check --admin root@pam`: an entry on a path below, or NoAccess, may override it"))
    }

    /// The user and the token, as asked for, as the context has them, or the usual ones.
    fn names(&self, context: &Context) -> Result<(String, String)> {
        let known = context.token_id.as_deref().and_then(|id| id.split_once('!'));
        let user = self.user.clone().or_else(|| known.map(|(user, _)| user.to_owned())).unwrap_or_else(|| "felhom@pve".into());
        let token = self.token_name.clone().or_else(|| known.map(|(_, token)| token.to_owned())).unwrap_or_else(|| "agent".into());
        subject::check_names(&user, &token)?;
        if user == "root@pam" {
            return Err(Fault::usage("root@pam may do everything, and so could a token of it that is not separated")
                .with_hint("leave --user out: felhom@pve is made for this"));
        }
        Ok((user, token))
    }

    /// Trust, then the administrator's login.
    fn enter(&self, ctx: &Ctx, context: &Context) -> Result<Entered> {
        let administered = subject::administered(ctx, context, self.via)?;
        if administered.transport != Transport::Https {
            return Ok((ctx.open(administered), context.clone(), None));
        }
        let (trusted, ca_pem) = self.trust.settle(ctx, &administered)?;
        Ok((self.admin.session(ctx, &trusted)?, trusted, ca_pem))
    }

    fn ask(&self, ctx: &Ctx, (session, context, given): Entered, wanted: &Wanted, at: i64) -> Result<Ready> {
        let via = self.via;
        let client = session.client()?;
        let context = if via == Via::Https { context } else { located(client, context)? };
        let Pinning { now: context, mut later, mut ca_pem, word: trust } = pin(client, context, given, via, &session.interrupt)?;
        let present = present::read(client, &wanted.user)?;
        if present.user.is_none() {
            present::realm(client, &wanted.user)?;
        }
        let keeper = subject::keeper(ctx, context);
        if let Some(file) = ca_pem.as_ref().and_then(|pem| pinned_already(&keeper, pem)) {
            (later.ca_file, ca_pem) = (Some(file), None);
        }
        let prints = self.store == Some(Place::Print);
        let kept = kept(&keeper, present.tokens.get(&wanted.token), &wanted.token_id(), prints, at)?;
        Ok(Ready { session, present, kept, keeper, later, ca_pem, trust })
    }

    fn unasked(&self, ctx: &Ctx, context: Context) -> Ready {
        let keeper = subject::keeper(ctx, context.clone());
        let session = ctx.without_api(&context, self.admin.name());
        Ready { session, present: Present::default(), kept: StoredSecret::Lost, keeper, later: context, ca_pem: None, trust: "unknown" }
    }

    fn wished(&self) -> Option<Store> {
        match self.store {
            Some(Place::Keyring) => Some(Store::Keyring),
            Some(Place::File) => Some(Store::File),
            Some(Place::Print) | None => None,
        }
    }

    fn probed(&self, ctx: &Ctx, keeper: &Keeper) -> Result<Store> {
        let person = ctx.person();
        match keeper.probed(self.wished()) {
            // What is asked of a person is told to a script.
            Err(fault) if self.store.is_none() && person.present() => {
                let question = format!("{fault}. Keep the secret in a file that only you can read?");
                if person.yes(&question)? { keeper.probed(Some(Store::File)) } else { Err(fault) }
            }
            settled => settled,
        }
    }

    fn wanted(&self, user: &str, token: &str, expire: Option<u64>, session: Option<&Session>) -> Result<Wanted> {
        let scope = self.scope(session)?;
        let own: BTreeSet<String> = if self.path.is_empty() {
            let guests = scope.guests.iter().map(|vmid| format!("/vms/{vmid}"));
            guests.chain(scope.storages.iter().map(|storage| format!("/storage/{storage}"))).collect()
        } else {
            self.path.iter().cloned().collect()
        };
        let base = Wanted { roles: Vec::new(), user: user.to_owned(), token: token.to_owned(), expire, preset: None };
        if self.allow.is_empty() {
            let Some(preset) = preset(self.preset.as_deref().unwrap_or("agent")) else { return Err(Fault::usage("no such preset")) };
            if preset.narrow && own.is_empty() {
                return Err(Fault::usage(format!("the preset {} is for one guest and one storage", preset.name))
                    .with_hint("add --guest 101 --storage backup, or --path"));
            }
            let paths = if own.is_empty() { ["/".to_owned()].into() } else { own };
            let role = RoleWanted { name: preset.role.to_owned(), privileges: preset.set(), paths };
            return Ok(Wanted { roles: vec![role], preset: Some(preset.name.to_owned()), ..base });
        }
        let (privileges, patterns): (Vec<&String>, Vec<&String>) = self.allow.iter().partition(|word| measure::is_privilege(word));
        let mut verbs = Vec::new();
        for pattern in patterns {
            verbs.extend(measure::verbs(pattern)?);
        }
        let name = measure::role_name(&self.allow);
        let mut measured = measure::measure(&verbs, &scope);
        if !privileges.is_empty() {
            let paths = if own.is_empty() { ["/".to_owned()].into() } else { own.clone() };
            measured.push(Measured { privileges: privileges.into_iter().cloned().collect(), paths, main: verbs.is_empty() });
        }
        if measured.is_empty() {
            return Err(Fault::usage(format!("{} needs no privilege: any valid token may do it", self.allow.join(", "))));
        }
        let roles = measured.into_iter().map(|one| {
            let name = if one.main { name.clone() } else { format!("{name}{}", suffix(&one.paths)) };
            let paths = if self.path.is_empty() { one.paths } else { own.clone() };
            RoleWanted { name, privileges: one.privileges, paths }
        });
        Ok(Wanted { roles: roles.collect(), ..base })
    }

    /// Guests by number need nobody; by name the host is asked.
    fn scope(&self, session: Option<&Session>) -> Result<Scope> {
        let mut scope = Scope { storages: self.storage.clone(), ..Scope::default() };
        for word in &self.guest {
            match (word.parse::<u32>(), session) {
                (Ok(vmid), _) => scope.guests.push(vmid),
                (Err(_), Some(session)) => scope.guests.push(guests::find(&guests::all(session)?, word)?.vmid),
                (Err(_), None) => return Err(Fault::usage(format!("--guest {word}: a plan without a login needs the VMID"))),
            }
        }
        Ok(scope)
    }

    /// What the token may do in the end: as it proved, as it was before, or as the administrator sees it.
    fn effective(&self, ready: &Ready, wanted: &Wanted, proved: Option<&Json>) -> Result<Permissions> {
        if let Some(held) = proved.filter(|held| !held.is_null()) {
            return serde_json::from_value(held.clone()).map_err(|error| Fault::other(format!("the proof cannot be read: {error}")));
        }
        match &ready.kept {
            StoredSecret::Works(_, _, held) => Ok((**held).clone()),
            _ => ready.session.client()?.get(&access::permissions_of(&wanted.token_id())),
        }
    }
}

/// `Nodes` for `/nodes`, `Root` for `/`: names the roles that are not for guests and storages.
fn suffix(paths: &BTreeSet<String>) -> String {
    let first = paths.iter().next().map_or("", String::as_str).trim_matches('/');
    if first.is_empty() {
        return "Root".into();
    }
    measure::role_name(&[first.to_owned()]).replacen("Felhom", "", 1)
}

fn places(wanted: &Wanted) -> String {
    wanted.paths().into_iter().collect::<Vec<_>>().join(", ")
}

fn fault_after(fault: Fault, wanted: &Wanted) -> Fault {
    let hint = fault.hint().to_owned();
    fault.with_hint(format!("{hint}; run the command again when that is mended: it goes on with what is missing of {}", wanted.token_id()))
}

fn shown(ready: &Ready, wanted: &Wanted, held: &Permissions, changed: Vec<String>, fresh: Option<&str>) -> Shown {
    let missing: Vec<_> = acts::missing(held, &wanted.grants());
    let lost: BTreeSet<&str> = missing.iter().map(|grant| grant.privilege.as_str()).collect();
    let stored = match &ready.kept {
        StoredSecret::Works(source, ..) | StoredSecret::Untried(source, _) => Some(source.to_string()),
        StoredSecret::Elsewhere | StoredSecret::Lost => fresh.map(str::to_owned),
    };
    Shown {
        role: wanted.roles[0].name.clone(),
        roles: wanted.roles.iter().map(|role| role.name.clone()).collect(),
        user: wanted.user.clone(),
        token_id: wanted.token_id(),
        paths: wanted.paths(),
        privileges: wanted.privileges(),
        granted: Granted { user: wanted.paths(), token: wanted.paths() },
        effective: wanted.privileges().into_iter().filter(|privilege| !lost.contains(privilege.as_str())).collect(),
        missing: missing.iter().map(acts::text).collect(),
        also_possible: wanted.also_possible(),
        context: ready.keeper.context.name.clone(),
        trust: ready.trust,
        secret_stored: stored,
        changed,
    }
}

impl Record for Shown {
    fn fields(&self) -> Vec<(&'static str, Cell)> {
        let all = |set: &BTreeSet<String>| Cell::List(set.iter().cloned().collect());
        vec![
            ("token_id", Cell::text(&self.token_id)),
            ("role", Cell::text(self.roles.join(", "))),
            ("paths", all(&self.paths)),
            ("privileges", all(&self.privileges)),
            ("missing", Cell::List(self.missing.clone())),
            ("context", Cell::text(&self.context)),
            (
                "trust",
                Cell::text(match self.trust {
                    "ca" => "the cluster's CA is pinned",
                    "fingerprint" => "this certificate alone is pinned",
                    "system" => "this machine's CAs are trusted",
                    "insecure" => "nothing is verified",
                    other => other,
                }),
            ),
            ("secret_stored", Cell::maybe(self.secret_stored.clone(), Cell::Text)),
            ("changed", Cell::text(self.changed.join("\n"))),
            ("also_possible", Cell::text(self.also_possible.join("\n"))),
        ]
    }

    fn id(&self) -> String {
        self.token_id.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_beside_the_main_one_are_named_by_their_place() {
        assert_eq!(suffix(&["/".to_owned()].into()), "Root");
        assert_eq!(suffix(&["/sdn/zones".to_owned()].into()), "SdnZones");
    }
}
