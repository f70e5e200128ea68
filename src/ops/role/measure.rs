//! Privileges that commands need, from the routing table, and the smallest roles with them.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::GuestKind;
use crate::fault::{Fault, Result};
use crate::routes::{self, Drive, Grant, ONLY_WITH, Privs, Sends, Verb};

/// A privilege on a path template, `/vms/{vmid}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Need {
    pub privilege: &'static str,
    pub template: &'static str,
}

/// The privileges a command needs: one of each group.
#[derive(Debug, Clone, Default)]
pub struct Needs {
    pub groups: Vec<Vec<Need>>,
    /// Additional privileges by option.
    pub with: BTreeMap<String, Vec<Vec<Need>>>,
}

/// The objects a command is used on; empty for everything.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    pub guests: Vec<u32>,
    pub storages: Vec<String>,
    pub nodes: Vec<String>,
    /// Only guests of this kind.
    pub kind: Option<GuestKind>,
}

/// A role with its paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measured {
    pub privileges: BTreeSet<String>,
    pub paths: BTreeSet<String>,
    /// The role for guests and storages; each other role is for one path.
    pub main: bool,
}

/// Whether a word is a privilege such as `VM.Config.CPU`, not a command.
pub fn is_privilege(word: &str) -> bool {
    let part = |part: &str| part.starts_with(|c: char| c.is_ascii_uppercase()) && part.bytes().all(|b| b.is_ascii_alphanumeric());
    word.contains('.') && word.split('.').all(part)
}

/// Returns the commands that match a pattern: `backup run`, `snapshot *`.
pub fn verbs(pattern: &str) -> Result<Vec<&'static Verb>> {
    let pattern = pattern.split_whitespace().collect::<Vec<_>>().join(" ");
    let found: Vec<&Verb> = routes::verbs().filter(|verb| fits(&pattern, verb.name)).collect();
    if found.is_empty() {
        return Err(Fault::usage(format!("--allow '{pattern}' is not a command of felhom"))
            .with_hint("list the commands with `felhom routes`; 'snapshot *' means all of a noun"));
    }
    let (root_only, found): (Vec<&Verb>, Vec<&Verb>) = found.into_iter().partition(|verb| root_only(verb));
    match root_only.first() {
        Some(verb) if found.is_empty() => Err(Fault::usage(format!("--allow '{pattern}': only root@pam may run `{}`", verb.name))
            .with_hint("use a context with `transport = \"ssh\"`; no token can be allowed to")),
        _ => Ok(found),
    }
}

/// Whether no privilege allows a command.
pub fn root_only(verb: &Verb) -> bool {
    verb.calls.iter().filter_map(|key| routes::by_key(key)).any(|row| matches!(row.privs, Privs::Root))
}

fn fits(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((before, after)) => name.len() >= before.len() + after.len() && name.starts_with(before) && name.ends_with(after),
    }
}

/// Returns the privileges that a command needs.
pub fn needs(verb: &Verb, kind: Option<GuestKind>) -> Needs {
    let mut needs = Needs::default();
    let sends = routes::sends(verb.name);
    let mut options: BTreeMap<&'static str, Needs> = BTreeMap::new();
    for key in verb.calls.iter().filter(|key| !routes::optional(verb.name, key)) {
        let Some(row) = routes::by_key(key) else { continue };
        let other = match kind {
            Some(GuestKind::Lxc) => row.template.contains("/qemu"),
            Some(GuestKind::Qemu) => row.template.contains("/lxc"),
            None => false,
        };
        if other {
            continue;
        }
        let option = ONLY_WITH.iter().find(|(name, _, calls)| *name == verb.name && calls.contains(key)).map(|(_, option, _)| *option);
        gather(&row.privs, sends, option.map_or(&mut needs, |option| options.entry(option).or_default()));
    }
    if sends.is_some_and(|sends| sends.existing) {
        let allocates = |need: &Need| need.privilege == "Datastore.AllocateSpace";
        needs.groups.retain(|group| !group.iter().all(allocates));
    }
    seen(verb, &mut needs.groups);
    needs.groups = narrowed(&needs.groups);
    if let Some(with) = options.get_mut("--disable-storage") {
        // Storages can only be disabled if they are visible.
        push(&mut with.groups, SEE_STORAGE.to_vec());
    }
    for (option, with) in options {
        needs.with.entry(option.to_owned()).or_default().extend(with.groups);
    }
    needs
}

/// Removes groups that another required group already satisfies.
fn narrowed(groups: &[Vec<Need>]) -> Vec<Vec<Need>> {
    let covers = |one: &Vec<Need>, group: &Vec<Need>| one.len() < group.len() && one.iter().all(|need| group.contains(need));
    groups.iter().filter(|group| !groups.iter().any(|one| covers(one, group))).cloned().collect()
}

impl Needs {
    /// Returns the privileges that the command needs with these options.
    pub fn with_options(&self, options: &[&str]) -> Vec<Vec<Need>> {
        let with = options.iter().filter_map(|option| self.with.get(*option)).flatten();
        narrowed(&self.groups.iter().chain(with).cloned().collect::<Vec<_>>())
    }
}

/// Either of these makes a storage visible in lists.
const SEE_STORAGE: [Need; 2] = [
    Need { privilege: "Datastore.Audit", template: "/storage/{storage}" },
    Need { privilege: "Datastore.AllocateSpace", template: "/storage/{storage}" },
];

/// Adds the privileges to see objects: the host omits invisible ones from its lists without an error.
fn seen(verb: &Verb, groups: &mut Vec<Vec<Need>>) {
    let guest = |privilege| Need { privilege, template: "/vms/{vmid}" };
    let storage = |privilege| Need { privilege, template: "/storage/{storage}" };
    let noun = verb.name.split(' ').next().unwrap_or_default();
    let lists = |key: &str| verb.calls.contains(&key);
    let archives = noun == "backup" && lists("GET /nodes/{node}/storage/{storage}/content") && !lists("POST /nodes/{node}/vzdump");
    if archives || matches!(verb.name, "guest restore" | "guest delete") {
        push(groups, vec![storage("Datastore.AllocateSpace"), storage("Datastore.Allocate")]);
        push(groups, vec![guest("VM.Backup"), storage("Datastore.Allocate")]);
    }
    // A guest that is not listed cannot be found by name or VMID.
    let about = groups.iter().flatten().any(|need| need.template.starts_with("/vms/"));
    if verb.name == "backup age" || !archives && (about || noun == "guest" && lists("GET /cluster/resources")) {
        push(groups, vec![guest("VM.Audit")]);
    }
    if matches!(verb.name, "sdn apply" | "sdn pending") {
        push(groups, ["SDN.Audit", "SDN.Allocate"].map(|privilege| Need { privilege, template: "/sdn" }).to_vec());
    }
    if noun == "storage" {
        push(groups, SEE_STORAGE.to_vec());
    }
}

fn gather(privs: &Privs, sends: Option<&Sends>, needs: &mut Needs) {
    let always = |option: &&str| sends.is_some_and(|sends| sends.always.contains(option));
    match privs {
        // `verbs` refuses these calls for tokens.
        Privs::None | Privs::Root => {}
        Privs::Need(privilege, template) => {
            // The storage parameter does not matter here: the scope lists the storages.
            let template = if template.starts_with("/storage/{") { "/storage/{storage}" } else { template };
            push(&mut needs.groups, vec![Need { privilege, template }]);
        }
        Privs::All(list) => list.iter().for_each(|p| gather(p, sends, needs)),
        Privs::Any(list) => {
            let alternatives = list.iter().filter(|p| !matches!(p, Privs::When(..) | Privs::WhenIs(..))).map(|p| {
                let mut one = Needs::default();
                gather(p, sends, &mut one);
                one.groups
            });
            routes::either(alternatives).into_iter().for_each(|group| push(&mut needs.groups, group));
        }
        Privs::When(option, p) | Privs::WhenIs(option, _, p) if always(option) => gather(p, sends, needs),
        // Commands with a list of what they send add disks, not CD drives.
        Privs::WhenDrive(option, Drive::Disk, p) if always(option) => gather(p, sends, needs),
        Privs::WhenDrive(option, ..) if always(option) => {}
        Privs::Without(option, p) if !always(option) => gather(p, sends, needs),
        Privs::When(option, _) | Privs::WhenIs(option, ..) | Privs::WhenDrive(option, ..) | Privs::Without(option, _)
            if sends.is_some_and(|sends| !sends.may.contains(option)) => {}
        Privs::Without(..) => {}
        Privs::When(option, p) | Privs::WhenDrive(option, _, p) => only_with((*option).to_owned(), p, sends, needs),
        Privs::WhenIs(option, value, p) => only_with(format!("{option}={value}"), p, sends, needs),
    }
}

fn only_with(option: String, privs: &Privs, sends: Option<&Sends>, needs: &mut Needs) {
    let mut one = Needs::default();
    gather(privs, sends, &mut one);
    let with = needs.with.entry(option).or_default();
    one.groups.into_iter().for_each(|group| push(with, group));
}

fn push(groups: &mut Vec<Vec<Need>>, mut group: Vec<Need>) {
    group.sort_unstable();
    group.dedup();
    if !group.is_empty() && !groups.contains(&group) {
        groups.push(group);
    }
}

impl Scope {
    /// Returns the paths for a template.
    pub fn paths(&self, template: &str) -> Vec<String> {
        let fill = |area: &str, names: Vec<String>| {
            if names.is_empty() { vec![area.to_owned()] } else { names.into_iter().map(|name| format!("{area}/{name}")).collect() }
        };
        match template.split('/').nth(1) {
            Some("vms") if template.contains('{') => fill("/vms", self.guests.iter().map(ToString::to_string).collect()),
            Some("storage") if template.contains('{') => fill("/storage", self.storages.clone()),
            Some("nodes") if template.contains('{') => fill("/nodes", self.nodes.clone()),
            _ => match template.find("/{") {
                Some(0) => vec!["/".to_owned()],
                Some(at) => vec![template[..at].to_owned()],
                None if template.starts_with('{') => vec!["/".to_owned()],
                None => vec![template.to_owned()],
            },
        }
    }

    pub fn grants(&self, need: &Need) -> Vec<Grant> {
        self.paths(need.template).into_iter().map(|path| Grant { path, privilege: need.privilege.to_owned() }).collect()
    }
}

/// Returns the fewest privileges on the narrowest paths that all of these commands need.
pub fn measure(verbs: &[&Verb], scope: &Scope) -> Vec<Measured> {
    narrowest(&verbs.iter().flat_map(|verb| needs(verb, scope.kind).groups).collect::<Vec<_>>(), scope)
}

/// Returns the fewest privileges on the narrowest paths that satisfy all groups.
pub fn narrowest(groups: &[Vec<Need>], scope: &Scope) -> Vec<Measured> {
    let mut chosen: BTreeSet<Need> = groups.iter().filter(|group| group.len() == 1).flatten().copied().collect();
    for group in groups.iter().filter(|group| group.len() > 1) {
        if group.iter().all(|need| need.privilege.starts_with("VM.Config.")) {
            // Which of these is needed depends on the changed keys.
            chosen.extend(group);
        } else if !group.iter().any(|need| chosen.contains(need)) {
            chosen.extend(group.iter().min_by_key(|need| weight(need)));
        }
    }
    // An early choice may be covered by a later one.
    for need in chosen.clone() {
        let needed = |group: &Vec<Need>| !group.iter().any(|other| *other != need && chosen.contains(other));
        let config = need.privilege.starts_with("VM.Config.");
        if !config && !groups.iter().any(|group| group.contains(&need) && needed(group)) {
            chosen.remove(&need);
        }
    }
    let mut main = Measured { privileges: BTreeSet::new(), paths: BTreeSet::new(), main: true };
    let mut others: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for grant in chosen.iter().flat_map(|need| scope.grants(need)) {
        // Guests and storages share a role: privileges of one kind have no effect on the other.
        if grant.path.starts_with("/vms") || grant.path.starts_with("/storage") {
            main.paths.insert(grant.path);
            main.privileges.insert(grant.privilege);
        } else {
            others.entry(grant.path).or_default().insert(grant.privilege);
        }
    }
    // The role also applies below its paths.
    let all = main.paths.clone();
    main.paths.retain(|path| !all.iter().any(|above| path.strip_prefix(above.as_str()).is_some_and(|rest| rest.starts_with('/'))));
    let others = others.into_iter().map(|(path, privileges)| Measured { privileges, paths: [path].into(), main: false });
    (!main.paths.is_empty()).then_some(main).into_iter().chain(others).collect()
}

/// Ranks alternatives: reading before writing, a part before the whole, a narrow path before `/`.
fn weight(need: &Need) -> (u8, bool, usize) {
    let kind = match need.privilege {
        p if p.ends_with(".Audit") => 0,
        "VM.Snapshot.Rollback" | "Datastore.AllocateSpace" | "SDN.Use" | "Mapping.Use" => 1,
        "Permissions.Modify" | "Sys.Modify" | "VM.Allocate" | "Datastore.Allocate" | "VM.GuestAgent.Unrestricted" => 3,
        _ => 2,
    };
    let own = need.template.starts_with("/vms/") || need.template.starts_with("/storage/");
    (kind, !own, usize::MAX - need.template.len())
}

/// Returns the name of a role for these commands: `FelhomBackupRun`.
pub fn role_name(patterns: &[String]) -> String {
    let mut name = String::from("Felhom");
    for word in patterns.iter().flat_map(|pattern| pattern.split(|c: char| !c.is_ascii_alphanumeric())).filter(|word| !word.is_empty()) {
        let mut letters = word.chars();
        name.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        name.push_str(letters.as_str());
    }
    if name.len() > 48 {
        // Long lists may share a prefix: a checksum distinguishes them.
        let sum = patterns.join(",").bytes().fold(5381_u32, |sum, byte| sum.wrapping_mul(33) ^ u32::from(byte));
        name.truncate(40);
        name.push_str(&format!("{sum:08x}"));
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_commands() {
        assert_eq!(verbs("guest list").expect("one").len(), 1);
        assert!(verbs("guest *").expect("several").len() >= 3);
        assert_eq!(verbs("guest nosuch").expect_err("none").exit_code(), 2);
        assert_eq!(role_name(&["backup run".into(), "snapshot *".into()]), "FelhomBackupRunSnapshot");
    }

    #[test]
    fn a_role_is_as_narrow_as_its_commands() {
        let verbs = verbs("guest config").expect("a verb");
        let narrow = measure(&verbs, &Scope { guests: vec![101], ..Scope::default() });
        let [one] = &narrow[..] else { panic!("{narrow:?}") };
        assert_eq!((one.privileges.len(), one.paths.iter().next().map(String::as_str)), (1, Some("/vms/101")));
        let wide = measure(&verbs, &Scope::default());
        assert!(wide[0].paths.contains("/vms"));
    }

    #[test]
    fn host_privileges_get_their_own_role() {
        let both = [verbs("guest config").expect("a verb"), verbs("node status").expect("a verb")].concat();
        let measured = measure(&both, &Scope { guests: vec![101], ..Scope::default() });
        assert_eq!(measured.len(), 2, "{measured:?}");
        assert!(!measured[1].main && measured[1].privileges.iter().eq(["Sys.Audit"]) && measured[1].paths.iter().eq(["/nodes"]));
    }

    #[test]
    fn all_commands_have_grantable_paths() {
        for verb in routes::verbs() {
            for need in needs(verb, None).groups.iter().flatten() {
                for path in Scope::default().paths(need.template) {
                    assert!(path.starts_with('/') && !path.contains('{'), "{}: {path}", verb.name);
                }
            }
        }
    }
}
