//! What a denial means: who lacks what on which path, on which side, and which command grants it.

use std::collections::BTreeMap;

use crate::api::{access, cluster};
use crate::fault::{Fault, Kind, Side};
use crate::guard::plan::{Held, holds};
use crate::ops::role::by_hand::{Roles, by_hand};
use crate::ops::role::measure;
use crate::ops::role::presets::{PRESETS, preset};
use crate::ops::role::sides::{self, Case, Sides};
use crate::routes::{self, Grant};
use crate::transport::Client;

/// Which run was denied something.
#[derive(Debug, Clone, Default)]
pub struct About {
    /// The context's name where `-c` can name it.
    pub context: Option<String>,
    /// `felhom`, or `felhom demo`.
    pub program: String,
    pub verb: String,
    pub preset: Option<String>,
    /// Who asked is no token of a context but an administrator.
    pub administrator: bool,
}

/// Completes a denial: its side, and a hint that says what to do. Any other fault stays as it is.
pub fn explain(fault: &mut Fault, client: &Client, about: &About) {
    if fault.kind != Kind::Denied || fault.who.is_some() {
        return;
    }
    if fault.message.contains("root@pam") || fault.message.contains("Only root can") {
        fault.hint.get_or_insert_with(|| {
            "no token can be granted this: only root@pam itself may. A context with transport = \"ssh\" acts as root@pam".to_owned()
        });
        return;
    }
    let who = client.who().to_owned();
    if about.administrator {
        let lacks = fault.path.as_ref().zip(fault.privilege.as_ref()).map(|(path, privilege)| format!(": it lacks {privilege} on {path}"));
        fault.who = Some(Side::Unknown);
        fault.hint = Some(format!("{who} is no administrator there{}; --admin root@pam logs in as one", lacks.unwrap_or_default()));
        return;
    }
    let (Some(path), Some(privilege)) = (fault.path.clone(), fault.privilege.clone()) else { return };
    if !who.contains('!') {
        fault.who = Some(Side::User);
        fault.hint = Some(format!("{who} lacks {privilege} on {path}"));
        return;
    }
    let any: Vec<Grant> = privilege.split('|').map(|p| Grant { path: path.clone(), privilege: p.trim().to_owned() }).collect();
    let mut known = sides::learn(client, &who).ok().flatten();
    if let Some(sides) = &mut known {
        sides.look_at(client, &who, &path);
    }
    let side = known.as_ref().map_or(Side::Unknown, |sides| sides.lacking(&any));
    fault.who = Some(side);
    fault.hint = Some(hint(&who, &any, side, known.as_ref(), client, about));
}

fn hint(who: &str, any: &[Grant], side: Side, known: Option<&Sides>, client: &Client, about: &About) -> String {
    let path = &any[0].path;
    let privileges: Vec<&str> = any.iter().map(|grant| grant.privilege.as_str()).collect();
    let privilege = privileges.join(" or ");
    let user = who.split('!').next().unwrap_or_default();
    let held: Option<Held> = client.get(&cluster::permissions()).ok();
    let lacks = match side {
        Side::Token => format!("{who} lacks {privilege} on {path}: the token's own grant is missing (its user {user} has it)"),
        Side::User => format!(
            "{who} lacks {privilege} on {path}: its user {user} does not have it (the token has), and a token can do no more than its user"
        ),
        Side::Both => format!("{who} lacks {privilege} on {path}: neither the token nor its user {user} has it"),
        Side::Unknown => {
            let all = if held.as_ref().is_some_and(BTreeMap::is_empty) { ", and has no effective privilege anywhere" } else { "" };
            format!(
                "{who} lacks {privilege} on {path}{all}: whether the token or its user {user} lacks it cannot be known by the token (`{} role check --admin root@pam` tells)",
                about.program
            )
        }
    };
    let case = known.map(Sides::case).filter(|case| !matches!(case, Case::Both | Case::Unknown));
    let case = case.map(|case| format!(" [{}]", case.words())).unwrap_or_default();
    let asked: Option<Roles> = match known {
        Some(_) => None,
        None => client.get(&access::roles()).ok().map(|roles| roles.iter().map(|role| (role.name.clone(), role.privileges())).collect()),
    };
    let lines = by_hand(who, &privileges[..1], path, known.map(Sides::roles).or(asked.as_ref()), known);
    let first: String = lines.first.iter().map(|line| format!("`{line}`, then ")).collect();
    let hand = match side {
        Side::Token => format!("by hand: {first}`{}`", lines.token),
        Side::User => format!("by hand: {first}`{}`", lines.user),
        Side::Both => format!("by hand: {first}`{}` and `{}`", lines.token, lines.user),
        Side::Unknown => format!(
            "by hand: {first}`{}` and `{}`, with the roles that come from above: an entry on a path puts those aside",
            lines.token, lines.user
        ),
    };
    let shut = known.is_some_and(|sides| !sides.shut(path).is_empty());
    match grant_line(&any[0], about).filter(|_| !shut).map(|line| on_path(line, &any[0], &held)) {
        Some(line) => format!("{lacks}{case}; `{line}` grants it to both; {hand}"),
        None => format!("{lacks}{case}; {hand}"),
    }
}

/// What is held on `/` and not on a path below is put aside there: only a grant on that path helps.
pub fn on_path(line: String, grant: &Grant, held: &Option<Held>) -> String {
    let above = Grant { path: "/".into(), privilege: grant.privilege.clone() };
    let aside = grant.path != "/" && held.as_ref().is_some_and(|held| holds(held, &above));
    if aside && !line.contains("--allow") { format!("{line} --path {}", grant.path) } else { line }
}

/// The `felhom role …` line that grants it.
pub fn grant_line(grant: &Grant, about: &About) -> Option<String> {
    let context = about.context.as_ref().map(|name| format!(" -c {name}")).unwrap_or_default();
    let base = format!("{} role bootstrap{context}", about.program);
    let holds = |name: &str| preset(name).is_some_and(|preset| !preset.narrow && preset.privileges.contains(&grant.privilege.as_str()));
    if let Some(name) = about.preset.as_deref().filter(|name| holds(name)) {
        return Some(if name == PRESETS[0].name { base } else { format!("{base} --preset {name}") });
    }
    let verb = routes::verb(&about.verb);
    let needed = verb.is_some_and(|verb| measure::needs(verb, None).groups.iter().flatten().any(|wish| wish.privilege == grant.privilege));
    if needed {
        let place = match grant.path.split('/').collect::<Vec<_>>()[..] {
            ["", "vms", vmid] => format!(" --guest {vmid}"),
            ["", "storage", storage] => format!(" --storage {storage}"),
            _ => String::new(),
        };
        return Some(format!("{base} --allow '{}'{place}", about.verb));
    }
    holds(PRESETS[0].name).then_some(base)
}

/// A list that is empty because nothing may be seen: what the host does not say, the token's own privileges do.
pub fn nothing_seen(client: &Client, about: &About) -> Option<String> {
    let noun = about.verb.split(' ').next()?;
    let (wanted, what): (&[&str], &str) = match (noun, about.verb.as_str()) {
        ("guest" | "snapshot" | "fleet", _) => (&["VM.Audit"], "guests"),
        ("backup", "backup list") | ("storage", "storage content") => (&["VM.Backup", "Datastore.Allocate"], "archives"),
        ("storage", _) => (&["Datastore.Audit", "Datastore.AllocateSpace"], "storages"),
        ("pool", _) => (&["Pool.Audit"], "pools"),
        _ => return None,
    };
    let held: Held = client.get(&cluster::permissions()).ok()?;
    if held.values().any(|here| wanted.iter().any(|privilege| here.contains_key(*privilege))) {
        return None;
    }
    let who = client.who();
    let privilege = wanted.join(" or ");
    let line = grant_line(&Grant { path: "/".into(), privilege: wanted[0].into() }, about)
        .map(|line| format!("; `{line}` grants it to token and user"))
        .unwrap_or_default();
    Some(format!("the list is empty because {who} has {privilege} nowhere: the host shows no {what} then, and says nothing{line}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(privilege: &str, path: &str, verb: &str, preset: Option<&str>) -> Option<String> {
        let about = About {
            context: Some("home".into()),
            program: "felhom".into(),
            verb: verb.into(),
            preset: preset.map(Into::into),
            ..About::default()
        };
        grant_line(&Grant { path: path.into(), privilege: privilege.into() }, &about)
    }

    #[test]
    fn the_line_fits_what_is_missing() {
        let agent = Some("felhom role bootstrap -c home".to_owned());
        assert_eq!(line("VM.Audit", "/vms/101", "guest config", Some("agent")), agent);
        assert_eq!(
            line("VM.Audit", "/vms/101", "guest config", None).as_deref(),
            Some("felhom role bootstrap -c home --allow 'guest config' --guest 101")
        );
        assert_eq!(line("VM.Backup", "/vms/101", "api post", None), agent);
        assert_eq!(line("Sys.Modify", "/", "api post", Some("agent")), None);
    }
}
