//! The reason for a permission error, and the smallest grant that fixes it.

use std::collections::BTreeSet;

use crate::api::access::Subject;
use crate::api::cluster;
use crate::fault::{Fault, Kind, Side};
use crate::guard::plan::{Permissions, holds};
use crate::ops::role::by_hand::Roles;
use crate::ops::role::measure::{self, Scope};
use crate::ops::role::presets::{PRESETS, preset};
use crate::ops::role::sides::{self, Sides};
use crate::routes::{self, Grant};
use crate::transport::Client;

/// The run that was denied something.
#[derive(Debug, Clone, Default)]
pub struct About {
    /// The context's name, if `-c` accepts it.
    pub context: Option<String>,
    /// `felhom`, or `felhom demo`.
    pub program: String,
    pub verb: String,
    pub preset: Option<String>,
    /// The session is an administrator's, not the context's token.
    pub administrator: bool,
}

/// Completes a permission error: its side, the reason in one line, and one command that grants what is missing. Any other fault
/// stays as it is.
pub fn explain(fault: &mut Fault, client: &Client, about: &About) {
    if fault.kind != Kind::Denied || fault.who.is_some() {
        return;
    }
    if fault.message.contains("root@pam") || fault.message.contains("Only root can") {
        fault.hint.get_or_insert_with(|| {
            "use a context with transport = \"ssh\", which acts as root@pam: no token can be granted this".to_owned()
        });
        return;
    }
    let who = client.who().to_owned();
    let named = fault.path.clone().zip(fault.privilege.clone());
    if about.administrator {
        fault.who = Some(Side::Unknown);
        fault.lacks = named.map(|(path, privilege)| format!("{who} lacks {} on {path}", any_of(&privilege)));
        fault.hint = Some("log in as an administrator with `--admin root@pam`".to_owned());
        return;
    }
    let Some((path, privilege)) = named else { return };
    if !who.contains('!') {
        fault.who = Some(Side::User);
        fault.lacks = Some(format!("the user {who} lacks {} on {path}", any_of(&privilege)));
        fault.hint = Some(format!("grant a role with {privilege} to {who}, or use another login"));
        return;
    }
    let any: Vec<Grant> = privilege.split('|').map(|p| Grant { path: path.clone(), privilege: p.trim().to_owned() }).collect();
    let mut known = sides::read(client, &who).ok().flatten();
    if let Some(sides) = &mut known {
        sides.read_path(client, &who, &path);
    }
    let side = known.as_ref().map_or(Side::Unknown, |sides| sides.lacking(&any));
    fault.who = Some(side);
    fault.lacks = Some(lacks(&who, &any_of(&privilege), &path, side));
    // A hint that the verb gave says how to do without the privilege.
    if fault.hint.is_none() {
        let held: Option<Permissions> = client.get(&cluster::permissions()).ok();
        fault.hint = Some(hint(&who, &any[0], side, known.as_ref(), held.as_ref(), about));
    }
}

/// `VM.Config.Disk or VM.Config.CPU`.
fn any_of(privilege: &str) -> String {
    privilege.split('|').map(str::trim).collect::<Vec<_>>().join(" or ")
}

/// The reason in one line.
fn lacks(who: &str, privilege: &str, path: &str, side: Side) -> String {
    let user = who.split('!').next().unwrap_or_default();
    match side {
        Side::Token => format!("the token {who} lacks {privilege} on {path}"),
        Side::User => format!("the user {user} lacks {privilege} on {path} (the token {who} has it)"),
        Side::Both => format!("the token {who} and its user lack {privilege} on {path}"),
        Side::Unknown => format!("the token {who} or its user lacks {privilege} on {path}"),
    }
}

/// The smallest grant: removes `NoAccess` where it is the cause, grants an existing role that has no more than the command needs,
/// or lets `role bootstrap` create one.
fn hint(who: &str, grant: &Grant, side: Side, known: Option<&Sides>, held: Option<&Permissions>, about: &About) -> String {
    if let Some(sides) = known {
        let no_access = sides.no_access(&grant.path);
        if !no_access.is_empty() {
            return format!("remove the role NoAccess with `{}` on the node", no_access.join(" && "));
        }
        let own = about.preset.as_deref().is_some_and(|name| in_preset(name, grant));
        if let Some(role) = exact_role(sides.roles(), grant, about).filter(|_| side != Side::Unknown && !own) {
            return format!("grant it with `{}` on the node", pveum(who, grant, side, sides, role));
        }
    }
    format!("grant it with `{}`", on_path(grant_line(grant, about), grant, held))
}

/// The smallest role that has the privilege and nothing that the command does not need.
fn exact_role<'r>(roles: &'r Roles, grant: &Grant, about: &About) -> Option<&'r str> {
    let measured = routes::verb(&about.verb).map(|verb| measure::measure(&[verb], &Scope::default())).unwrap_or_default();
    let mut needed: BTreeSet<&str> = measured.iter().flat_map(|one| &one.privileges).map(String::as_str).collect();
    needed.insert(&grant.privilege);
    let fits = |privileges: &BTreeSet<String>| {
        privileges.contains(&grant.privilege) && privileges.iter().all(|privilege| needed.contains(privilege.as_str()))
    };
    roles.iter().filter(|(_, privileges)| fits(privileges)).min_by_key(|(_, privileges)| privileges.len()).map(|(name, _)| name.as_str())
}

/// The command that grants the role to the sides that lack it, with the roles that an entry on this path would override.
fn pveum(who: &str, grant: &Grant, side: Side, sides: &Sides, role: &str) -> String {
    let user = who.split('!').next().unwrap_or_default();
    let path = &grant.path;
    let roles = |subject: Subject| sides.roles_with(&subject, path, role).join(",");
    let token_roles = roles(Subject::Token(who.to_owned()));
    let user_roles = roles(Subject::User(user.to_owned()));
    let token_line = format!("pveum acl modify {path} --tokens '{who}' --roles {token_roles}");
    let user_line = format!("pveum acl modify {path} --users '{user}' --roles {user_roles}");
    match side {
        Side::Token => token_line,
        Side::User => user_line,
        _ if token_roles == user_roles => format!("pveum acl modify {path} --users '{user}' --tokens '{who}' --roles {token_roles}"),
        _ => format!("{user_line} && {token_line}"),
    }
}

/// The line with `--path` if the privilege is held on `/` but not on the path: an entry there overrides it, so only a grant on the
/// path itself helps.
pub fn on_path(line: String, grant: &Grant, held: Option<&Permissions>) -> String {
    let above = Grant { path: "/".into(), privilege: grant.privilege.clone() };
    let overridden = grant.path != "/" && held.is_some_and(|held| holds(held, &above));
    if overridden && !line.contains("--allow") { format!("{line} --path {}", grant.path) } else { line }
}

fn in_preset(name: &str, grant: &Grant) -> bool {
    preset(name).is_some_and(|preset| !preset.narrow && preset.privileges.contains(&grant.privilege.as_str()))
}

/// The `felhom role bootstrap` line that grants it: the context's preset again, what the command needs, or this privilege alone.
pub fn grant_line(grant: &Grant, about: &About) -> String {
    let context = about.context.as_ref().map(|name| format!(" -c {name}")).unwrap_or_default();
    let base = format!("{} role bootstrap{context}", about.program);
    if let Some(name) = about.preset.as_deref().filter(|name| in_preset(name, grant)) {
        return if name == PRESETS[0].name { base } else { format!("{base} --preset {name}") };
    }
    let verb = routes::verb(&about.verb);
    let needed = verb.is_some_and(|verb| measure::needs(verb, None).groups.iter().flatten().any(|need| need.privilege == grant.privilege));
    if !needed {
        return format!("{base} --allow {} --path {}", grant.privilege, grant.path);
    }
    let place = match grant.path.split('/').collect::<Vec<_>>()[..] {
        ["", "vms", vmid] => format!(" --guest {vmid}"),
        ["", "storage", storage] => format!(" --storage {storage}"),
        _ => String::new(),
    };
    format!("{base} --allow '{}'{place}", about.verb)
}

/// The hint for an empty list that is empty because the token has no privilege to see anything: the host does not say so.
pub fn empty_list_hint(client: &Client, about: &About) -> Option<String> {
    let noun = about.verb.split(' ').next()?;
    let wanted: &[&str] = match (noun, about.verb.as_str()) {
        ("guest" | "snapshot" | "fleet", _) => &["VM.Audit"],
        ("backup", "backup list") | ("storage", "storage content") => &["VM.Backup", "Datastore.Allocate"],
        ("storage", _) => &["Datastore.Audit", "Datastore.AllocateSpace"],
        ("pool", _) => &["Pool.Audit"],
        _ => return None,
    };
    let held: Permissions = client.get(&cluster::permissions()).ok()?;
    if held.values().any(|here| wanted.iter().any(|privilege| here.contains_key(*privilege))) {
        return None;
    }
    let line = grant_line(&Grant { path: "/".into(), privilege: wanted[0].into() }, about);
    Some(format!("grant it with `{line}`: {} has {} nowhere, so the list is empty", client.who(), wanted.join(" or ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(verb: &str, preset: Option<&str>) -> About {
        About {
            context: Some("home".into()),
            program: "felhom".into(),
            verb: verb.into(),
            preset: preset.map(Into::into),
            ..About::default()
        }
    }

    fn line(privilege: &str, path: &str, verb: &str, preset: Option<&str>) -> String {
        grant_line(&Grant { path: path.into(), privilege: privilege.into() }, &about(verb, preset))
    }

    #[test]
    fn the_line_fits_what_is_missing() {
        assert_eq!(line("VM.Audit", "/vms/101", "guest config", Some("agent")), "felhom role bootstrap -c home");
        assert_eq!(line("VM.Audit", "/vms/101", "guest config", None), "felhom role bootstrap -c home --allow 'guest config' --guest 101");
        assert_eq!(line("VM.Backup", "/vms/101", "api post", None), "felhom role bootstrap -c home --allow VM.Backup --path /vms/101");
        assert_eq!(line("Sys.Modify", "/", "api post", Some("agent")), "felhom role bootstrap -c home --allow Sys.Modify --path /");
    }

    #[test]
    fn a_role_with_more_than_the_command_needs_does_not_fit() {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<String>>();
        let roles = Roles::from([
            ("Wide".to_owned(), set(&["VM.Audit", "VM.Allocate"])),
            ("Reader".to_owned(), set(&["VM.Audit"])),
            ("Saver".to_owned(), set(&["VM.Audit", "VM.Backup", "Datastore.AllocateSpace"])),
        ]);
        let fit = |privilege: &str, verb: &str| {
            exact_role(&roles, &Grant { path: "/vms/101".into(), privilege: privilege.into() }, &about(verb, None))
        };
        assert_eq!(fit("VM.Audit", "guest config"), Some("Reader"));
        assert_eq!(fit("VM.Backup", "backup run"), Some("Saver"));
        assert_eq!(fit("VM.Backup", "api post"), None);
        assert_eq!(fit("VM.GuestAgent.Audit", "guest start"), None);
    }
}
