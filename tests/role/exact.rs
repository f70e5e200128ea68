//! The routing table's privileges, held against the host: each verb works with exactly those, and not without any one of them.

use felhom::api::GuestKind;
use felhom::demo::state::{AclEntry, State};
use felhom::ops::role::measure::{Measured, Scope, measure, verbs};

use super::support::{token, user};
use crate::support::Host;

/// A verb with its arguments; `{archive}` and `{file}` stand for an archive of 101. Before it, as root.
struct Case {
    verb: &'static str,
    args: &'static [&'static str],
    before: &'static [&'static [&'static str]],
    storages: &'static [&'static str],
    guests: &'static [u32],
}

const START: &[&str] = &["guest", "start", "101"];
const SNAP: &[&str] = &["snapshot", "create", "101", "s1"];
const PROTECT: &[&str] = &["backup", "protect", "{archive}"];
const JOB: &[&str] = &["backup", "job", "create", "--storage", "local", "--schedule", "02:00", "--guest", "101"];
const BACKUP: &[&str] = &["backup", "run", "101", "--storage", "local"];

const fn case(verb: &'static str, args: &'static [&'static str], before: &'static [&'static [&'static str]]) -> Case {
    Case { verb, args, before, storages: &["local"], guests: &[101] }
}

static CASES: &[Case] = &[
    case("guest list", &["-o", "id"], &[]),
    case("guest show", &["101"], &[]),
    case("guest config", &["101"], &[]),
    case("guest start", &["101"], &[]),
    case("guest stop", &["101", "--yes"], &[START]),
    case("guest shutdown", &["101", "--yes"], &[START]),
    case("guest reboot", &["101", "--yes"], &[START]),
    case("snapshot create", &["101", "s1"], &[]),
    case("snapshot list", &["101"], &[SNAP]),
    case("snapshot rollback", &["101", "s1", "--confirm", "s1"], &[SNAP]),
    case("snapshot delete", &["101", "s1", "--confirm", "s1"], &[SNAP]),
    case("backup run", &["101", "--storage", "local"], &[]),
    case("backup list", &["101", "-o", "id"], &[BACKUP]),
    case("backup show", &["{archive}"], &[BACKUP]),
    case("backup protect", &["{archive}"], &[BACKUP]),
    case("backup notes", &["{archive}", "kept"], &[BACKUP]),
    case("backup delete", &["{archive}", "--confirm", "{file}"], &[BACKUP]),
    case("backup scope", &["101"], &[]),
    case("backup verify", &["{archive}"], &[BACKUP]),
    case("backup unprotect", &["{archive}"], &[BACKUP, PROTECT]),
    case("backup prune", &["101", "--storage", "local", "--keep", "last=1", "--confirm", "local"], &[BACKUP, BACKUP]),
    case("backup job list", &["-o", "id"], &[JOB]),
    case("storage content", &["local", "-o", "id"], &[BACKUP]),
    case("node list", &["-o", "id"], &[]),
    case("storage list", &["-o", "id"], &[]),
    case("node status", &["pve1"], &[]),
    Case {
        verb: "guest restore",
        args: &["{archive}", "--vmid", "150", "--storage", "local-lvm"],
        before: &[BACKUP],
        storages: &["local", "local-lvm"],
        guests: &[101, 150],
    },
];

/// The measured roles, on the user and on the token, less one privilege.
fn hand_out(state: &mut State, measured: &[Measured], without: Option<&str>) {
    for (at, one) in measured.iter().enumerate() {
        let role = format!("Measured{at}");
        let privileges = one.privileges.iter().filter(|p| Some(p.as_str()) != without).cloned().collect();
        state.access.roles.insert(role.clone(), privileges);
        for path in &one.paths {
            let entries = state.access.acl.entry(path.clone()).or_default();
            for subject in [user(), token("rig")] {
                entries.push(AclEntry { subject, role: role.clone(), propagate: true });
            }
        }
    }
}

#[test]
fn each_verb_works_with_exactly_the_privileges_that_the_table_names() {
    let host = Host::baseline().with_token("felhom@pve!rig");
    let root = [("FELHOM_TOKEN_ID", "root@pam!rig".to_owned()), ("FELHOM_TOKEN_SECRET", host.secret("root@pam!rig"))];
    let pristine = host.with_state(|state| state.clone()).unwrap();
    let mut wrong = Vec::new();
    for case in CASES {
        let mut archive = String::new();
        host.with_state(|state| *state = pristine.clone()).unwrap();
        for words in case.before {
            let words = words.iter().map(|word| word.replace("{archive}", &archive));
            let mut command = host.felhom(words.chain(["-o".to_owned(), "json".to_owned()]));
            let run = crate::support::run(command.envs(root.clone())).ok();
            if let Some(name) = run.json()[0]["archive"].as_str() {
                archive = name.to_owned();
            }
        }
        let ready = host.with_state(|state| state.clone()).unwrap();
        let file = archive.rsplit('/').next().unwrap_or_default().to_owned();
        let fill = |word: &&str| word.replace("{archive}", &archive).replace("{file}", &file);
        let args: Vec<String> = case.verb.split(' ').map(str::to_owned).chain(case.args.iter().map(fill)).collect();
        let scope = Scope {
            guests: case.guests.to_vec(),
            storages: case.storages.iter().map(|s| (*s).to_owned()).collect(),
            nodes: Vec::new(),
            kind: Some(GuestKind::Lxc),
        };
        let measured = measure(&verbs(case.verb).unwrap(), &scope);
        let try_with = |without: Option<&str>| {
            host.with_state(|state| {
                *state = ready.clone();
                hand_out(state, &measured, without);
            })
            .unwrap();
            host.run(&args)
        };
        let good = try_with(None);
        if good.code != 0 || good.stdout.is_empty() {
            wrong.push(format!("{}: does not work with {measured:?}\n{good}", case.verb));
            continue;
        }
        for privilege in measured.iter().flat_map(|one| &one.privileges) {
            let less = try_with(Some(privilege));
            let same = less.code == 0 && less.stdout.lines().count() == good.stdout.lines().count();
            if same && less.stderr == good.stderr {
                wrong.push(format!("{}: {privilege} is not needed", case.verb));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
