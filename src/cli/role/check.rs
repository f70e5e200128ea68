//! `felhom role check`.

use std::collections::BTreeSet;

use clap::Args;
use serde::Serialize;
use serde_json::json;

use super::admin::Admin;
use super::subject::{self, Via};
use crate::api::{access, cluster};
use crate::cli::Ctx;
use crate::fault::{Fault, Kind, Result, Side};
use crate::guard::plan::Permissions;
use crate::ops::denial::{About, grant_line, on_path};
use crate::ops::guests;
use crate::ops::role::by_hand::{ByHand, Roles, by_hand};
use crate::ops::role::check::{Allowed, Known, Missing, Narrower, VerbState};
use crate::ops::role::measure::Scope;
use crate::ops::role::presets::{PRESETS, preset};
use crate::ops::role::sides::{self, Case, Sides};
use crate::routes::Grant;
use crate::ui::{Cell, Column, Format, Row, Tone};

/// Check which commands the token's privileges allow
///
/// A privilege-separated token has a privilege only if both the token and its user have it. The host shows which of the two lacks it only with Sys.Audit on /access; --admin asks as an administrator. Ends with exit code 4 if a privilege of the preset is missing.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  felhom role check\n  felhom role check --guest 101 --storage backup\n  felhom role check --admin root@pam\n  felhom role check --via ssh\n  felhom role check -o json --jq '.verbs[] | select(.allowed!=\"yes\") | .verb'"
)]
pub struct Check {
    /// Guest to check
    #[arg(long, value_name = "GUEST", value_delimiter = ',')]
    guest: Vec<String>,
    /// Storage to check
    #[arg(long, value_name = "STORAGE", value_delimiter = ',')]
    storage: Vec<String>,
    /// Preset to compare with [default: the context's]
    #[arg(long, value_name = "NAME", value_parser = clap::builder::PossibleValuesParser::new(PRESETS.iter().map(|p| p.name)))]
    preset: Option<String>,
    /// How the administrator connects
    #[arg(long, value_name = "TRANSPORT", default_value = "https")]
    via: Via,
    #[command(flatten)]
    admin: Admin,
}

/// A missing privilege with what grants it.
#[derive(Debug, Serialize)]
struct Lack {
    #[serde(flatten)]
    missing: Missing,
    /// By hand, what comes before a grant: the role, where it is not there or lacks it; `NoAccess`, where it stands in the way.
    grant_first: Vec<String>,
    /// By hand, for the token.
    grant_token: Option<String>,
    /// By hand, for its user.
    grant_user: Option<String>,
    /// The felhom command that grants it to both.
    fix: Option<String>,
}

#[derive(Debug, Serialize)]
struct Line {
    #[serde(flatten)]
    state: VerbState,
    fix: Option<String>,
}

impl Check {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let context = ctx.context()?;
        let session = ctx.session()?;
        let client = session.client()?;
        let who = client.who().to_owned();
        if !who.contains('!') {
            return Err(Fault::usage(format!(
                "the context '{}' acts as {who}, not as an API token: there is nothing to check",
                context.name
            ))
            .with_hint("create a token with fewer privileges: `felhom role bootstrap --host HOST --via ssh -c NAME`"));
        }
        let mut held = client.get(&cluster::permissions())?;
        let sides = self.sides(ctx, &context, client, &who)?;
        let mut scope = Scope { storages: self.storage.clone(), ..Scope::default() };
        for word in &self.guest {
            match word.parse::<u32>() {
                Ok(vmid) => scope.guests.push(vmid),
                Err(_) => scope.guests.push(guests::find(&guests::all(&session)?, word)?.vmid),
            }
        }
        // Of all paths the host leaves out those on which nothing is held.
        let mut asked: BTreeSet<String> = sides.as_ref().map(|sides| sides.mentioned().clone()).unwrap_or_default();
        asked.extend(scope.guests.iter().map(|vmid| format!("/vms/{vmid}")));
        asked.extend(scope.storages.iter().map(|storage| format!("/storage/{storage}")));
        for path in asked.into_iter().filter(|path| !held.contains_key(path)).collect::<Vec<_>>() {
            let here = client.get(&cluster::permissions_on(&path))?.remove(&path).unwrap_or_default();
            held.insert(path, here);
        }
        let known = Known { held: &held, sides: sides.as_ref(), token_id: &who };
        let about = ctx.about(&context);
        let roles = match &sides {
            Some(sides) => Some(sides.roles().clone()),
            None => client.get(&access::roles()).ok().map(|all| all.iter().map(|role| (role.name.clone(), role.privileges())).collect()),
        };
        let wanted = self.preset.as_deref().or(context.preset.as_deref()).and_then(preset);
        let of_preset = About { preset: wanted.map(|preset| preset.name.to_owned()), ..about.clone() };
        let lacks: Vec<Lack> = wanted
            .map(|preset| known.of_preset(preset, &scope))
            .unwrap_or_default()
            .into_iter()
            .map(|m| lack(m, &known, &of_preset, roles.as_ref()))
            .collect();
        let verbs = known.verbs(&scope);
        let lines: Vec<Line> = verbs
            .into_iter()
            .map(|state| {
                let about = About { verb: state.verb.to_owned(), ..about.clone() };
                let fix = state.missing.first().map(|missing| grant_line(&grant(missing), &about));
                Line { state, fix }
            })
            .collect();
        let case = sides.as_ref().map_or(Case::Unknown, Sides::case);
        let (also, narrower) = (known.also_possible(), known.narrower());
        if matches!(ctx.out.format(), Format::Json | Format::Jsonl | Format::Yaml) {
            ctx.out.value(&json!({
                "context": session.context, "token_id": who, "case": case, "case_text": case.words(), "preset": wanted.map(|p| p.name),
                "missing": lacks, "narrower": narrower, "verbs": lines, "also_possible": also,
            }))?;
        } else {
            ctx.out.list(&lines)?;
            if let Some(line) = lines.iter().find(|line| line.state.allowed == Allowed::No && line.fix.is_some()) {
                let fix = line.fix.as_deref().unwrap_or_default();
                ctx.out.note(format!(
                    "what a verb lacks can be granted: `{fix}` for {}; --columns verb,fix shows every line",
                    line.state.verb
                ));
            }
            ctx.out.note(format!("{who}: {}", case.words()));
            if held.is_empty() {
                ctx.out.warn(format!("{who} has no effective privilege anywhere"));
            }
            told_once(&lacks, &who, roles.as_ref(), sides.as_ref()).iter().for_each(|(what, how)| {
                ctx.out.warn(what);
                how.iter().for_each(|line| ctx.out.note(format!("  {line}")));
            });
            tell(ctx, &narrower, &also);
        }
        verdict(&who, &lacks, &held, wanted.map(|p| p.name))
    }

    fn sides(&self, ctx: &Ctx, context: &crate::config::Context, client: &crate::transport::Client, who: &str) -> Result<Option<Sides>> {
        if !self.admin.given(ctx) && self.via == Via::Https {
            return sides::read(client, who);
        }
        let admin = self.admin.session(ctx, &subject::administered(ctx, context, self.via)?)?;
        let (user, _) = who.split_once('!').unwrap_or((who, ""));
        // An administrator who may not look is a fault, not an answer.
        admin.client()?.get(&access::permissions_of(user)).map_err(|fault| match fault.kind {
            Kind::Denied => Fault { who: Some(Side::Unknown), ..fault }.with_hint("add --admin root@pam to check as an administrator"),
            _ => fault,
        })?;
        sides::read(admin.client()?, who)
    }
}

fn grant(missing: &Missing) -> Grant {
    Grant { path: missing.path.clone(), privilege: missing.privilege.split('|').next().unwrap_or_default().to_owned() }
}

fn lack(missing: Missing, known: &Known<'_>, about: &About, roles: Option<&Roles>) -> Lack {
    let grant = grant(&missing);
    let ByHand { first, token, user } = by_hand(known.token_id, &[&grant.privilege], &missing.path, roles, known.sides);
    let no_access = known.sides.is_some_and(|sides| !sides.no_access(&missing.path).is_empty());
    let fix = (!no_access).then(|| on_path(grant_line(&grant, about), &grant, Some(known.held)));
    let (token, user) = match missing.side {
        Side::Token => (Some(token), None),
        Side::User => (None, Some(user)),
        Side::Both | Side::Unknown => (Some(token), Some(user)),
    };
    Lack { fix, grant_first: first, grant_token: token, grant_user: user, missing }
}

/// What the same commands grant is said together: what is missing, and the lines.
fn told_once(lacks: &[Lack], who: &str, roles: Option<&Roles>, sides: Option<&Sides>) -> Vec<(String, Vec<String>)> {
    type Alike<'a> = (&'a str, &'static str, &'a Option<String>, &'a Option<String>, &'a Option<String>);
    let mut groups: Vec<(Alike<'_>, Vec<&Lack>)> = Vec::new();
    for lack in lacks {
        let alike = (lack.missing.path.as_str(), word(lack.missing.side), &lack.fix, &lack.grant_token, &lack.grant_user);
        match groups.iter_mut().find(|(known, _)| *known == alike) {
            Some((_, group)) => group.push(lack),
            None => groups.push((alike, vec![lack])),
        }
    }
    let said = |((path, side, fix, token, user), group): (Alike<'_>, Vec<&Lack>)| {
        let privileges: Vec<&str> = group.iter().map(|lack| lack.missing.privilege.as_str()).collect();
        let first = by_hand(who, &privileges, path, roles, sides).first;
        let or = if fix.is_some() { "or by hand" } else { "by hand" };
        let by_hand = first.iter().chain(token).chain(user).map(|line| format!("{or}: {line}"));
        (format!("missing on {path} (side: {side}): {}", privileges.join(", ")), fix.iter().cloned().chain(by_hand).collect())
    };
    groups.into_iter().map(said).collect()
}

fn word(side: Side) -> &'static str {
    match side {
        Side::Token => "token",
        Side::User => "user",
        Side::Both => "both",
        Side::Unknown => "unknown",
    }
}

fn tell(ctx: &Ctx, narrower: &[Narrower], also: &[String]) {
    for Narrower { path, nothing, lacks } in narrower {
        let what = if *nothing { "nothing".to_owned() } else { format!("not {}", lacks.join(", ")) };
        ctx.out.warn(format!("on {path}: {what}; an entry of its own there puts aside what comes from above"));
    }
    if !also.is_empty() {
        ctx.out.note("also possible with what it has:");
        also.iter().for_each(|line| ctx.out.note(format!("  {line}")));
    }
}

fn verdict(who: &str, lacks: &[Lack], held: &Permissions, preset: Option<&str>) -> Result<()> {
    if let (Some(first), Some(preset)) = (lacks.first(), preset) {
        let list: Vec<String> = lacks.iter().map(|l| format!("{} on {}", l.missing.privilege, l.missing.path)).collect();
        return Err(Fault {
            path: Some(first.missing.path.clone()),
            privilege: Some(first.missing.privilege.clone()),
            who: Some(first.missing.side),
            hint: Some(match &first.fix {
                Some(fix) => format!("`{fix}` grants it to token and user"),
                None => "the commands that grant it by hand stand with what is missing".to_owned(),
            }),
            ..Fault::new(Kind::Denied, format!("{who} lacks of the preset {preset}: {}", list.join(", ")))
        });
    }
    if held.is_empty() {
        return Err(Fault { who: Some(Side::Unknown), ..Fault::new(Kind::Denied, format!("{who} may do nothing at all")) }
            .with_hint("grant a role to the token and its user with `felhom role bootstrap`"));
    }
    Ok(())
}

impl Row for Line {
    fn columns() -> Vec<Column<Self>> {
        let missing = |l: &Self| {
            let one = |m: &Missing| format!("{} on {} ({})", m.privilege, m.path, word(m.side));
            Cell::List(l.state.missing.iter().map(one).collect())
        };
        vec![
            Column::new("verb", |l: &Self| Cell::text(l.state.verb)),
            Column::new("allowed", |l: &Self| {
                let tone = match l.state.allowed {
                    Allowed::Yes => Tone::Good,
                    Allowed::Some => Tone::Warn,
                    Allowed::No => Tone::Bad,
                };
                Cell::state(l.state.allowed.word(), tone)
            }),
            Column::new("on", |l: &Self| Cell::List(l.state.on.clone())).flex(),
            Column::new("missing", missing).flex(),
            Column::new("without", |l: &Self| Cell::List(l.state.without.clone())).wide(),
            Column::new("fix", |l: &Self| Cell::maybe(l.fix.clone(), Cell::Text)).hidden(),
        ]
    }

    fn id(&self) -> String {
        self.state.verb.to_owned()
    }

    fn noun() -> &'static str {
        "verbs"
    }
}
