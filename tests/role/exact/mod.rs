//! The routing table's privileges, held against the host: each verb works with exactly those, and not without any one of them.
//!
//! A [`Case`] is a verb with its arguments, for one kind of guest where it serves both. The role that is measured for the verb is
//! given to a token and to its user, and the verb is run; then again with each privilege, and each path, left out.

mod administrator;
mod archives;
mod backups;
mod fence;
mod guests;
mod host;
mod settings;
mod snapshots;

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt;

use felhom::api::GuestKind;
use felhom::demo::state::{AclEntry, State};
use felhom::ops::role::measure::{self, Measured, Scope, narrowest, verbs};
use felhom::routes::VERBS;

use super::support::{token, user};
use crate::support::{Host, Run};

/// `{archive}`, `{file}`, `{job}` and `{upid}` stand for what the runs before it made.
pub struct Case {
    verb: &'static str,
    args: &'static [&'static str],
    /// What is run before, as root.
    before: &'static [&'static [&'static str]],
    kind: GuestKind,
    guests: &'static [u32],
    storages: &'static [&'static str],
    nodes: &'static [&'static str],
    /// Options of the verb that need more than the verb itself, and are among the arguments.
    with: &'static [&'static str],
    /// What is changed behind the host's back.
    set: fn(&mut State),
    /// How it ends when it does its work.
    ends: i32,
}

/// On container 101 and the storage `local`.
const fn lxc(verb: &'static str, args: &'static [&'static str], before: &'static [&'static [&'static str]]) -> Case {
    Case {
        verb,
        args,
        before,
        kind: GuestKind::Lxc,
        guests: &[101],
        storages: &["local"],
        nodes: &["pve1"],
        with: &[],
        set: |_| {},
        ends: 0,
    }
}

/// On virtual machine 201.
const fn qemu(verb: &'static str, args: &'static [&'static str], before: &'static [&'static [&'static str]]) -> Case {
    Case { kind: GuestKind::Qemu, guests: &[201], ..lxc(verb, args, before) }
}

impl Case {
    const fn on(mut self, guests: &'static [u32], storages: &'static [&'static str]) -> Self {
        (self.guests, self.storages) = (guests, storages);
        self
    }

    const fn with(mut self, options: &'static [&'static str]) -> Self {
        self.with = options;
        self
    }

    const fn set(mut self, set: fn(&mut State)) -> Self {
        self.set = set;
        self
    }

    const fn ends(mut self, code: i32) -> Self {
        self.ends = code;
        self
    }

    fn scope(&self) -> Scope {
        let names = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect();
        Scope { guests: self.guests.to_vec(), storages: names(self.storages), nodes: names(self.nodes), kind: Some(self.kind) }
    }

    /// What the table says: of the verb, and of the options that are used.
    fn measured(&self) -> Vec<Measured> {
        let needs = measure::needs(verbs(self.verb).unwrap()[0], Some(self.kind));
        assert!(self.with.iter().all(|option| needs.with.contains_key(*option)), "{} has not all of {:?}", self.verb, self.with);
        narrowest(&needs.with_options(self.with), &self.scope())
    }
}

/// What is left out of a measured role.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Less<'a> {
    Nothing,
    Privilege(&'a str),
    Path(&'a str),
}

/// The measured roles, on the user and on the token, less one privilege or one path.
pub fn hand_out(state: &mut State, name: &str, measured: &[Measured], less: Less<'_>) {
    let mut all: BTreeMap<&String, BTreeSet<String>> = BTreeMap::new();
    for one in measured {
        for path in one.paths.iter().filter(|path| less != Less::Path(path)) {
            all.entry(path).or_default().extend(one.privileges.iter().filter(|p| less != Less::Privilege(p)).cloned());
        }
    }
    for (at, (path, privileges)) in all.into_iter().enumerate() {
        let role = format!("Measured{at}");
        state.access.roles.insert(role.clone(), privileges);
        let entries = state.access.acl.entry(path.clone()).or_default();
        for subject in [user(), token(name)] {
            entries.push(AclEntry { subject, role: role.clone(), propagate: true });
        }
    }
}

/// Everything that can be left out.
fn lesser(measured: &[Measured]) -> BTreeSet<Less<'_>> {
    let privileges = measured.iter().flat_map(|one| &one.privileges).map(|p| Less::Privilege(p));
    let paths = measured.iter().flat_map(|one| &one.paths).map(|p| Less::Path(p));
    privileges.chain(paths).collect()
}

/// What is said, without what is another one each time: numbers, times, identifiers, how far a task has come.
fn gist(text: &str) -> Vec<String> {
    let told = text.lines().filter(|line| !line.contains('%'));
    let plain = |word: &str| if word.contains(|c: char| c.is_ascii_digit()) { "#".to_owned() } else { word.to_owned() };
    told.map(|line| line.split_whitespace().map(plain).collect::<Vec<_>>().join(" ")).collect()
}

/// Tries a case with exactly its privileges, and then with less; tells what is wrong with the table.
pub fn judge(name: &str, ends: i32, measured: &[Measured], mut attempt: impl FnMut(Less<'_>) -> Run) -> Vec<String> {
    let good = attempt(Less::Nothing);
    if good.code != ends || good.stdout.is_empty() {
        return vec![format!("{name}: does not work with {measured:?}\n{good}")];
    }
    let mut wrong = Vec::new();
    for less in lesser(measured) {
        let run = attempt(less);
        if run.code == good.code && gist(&run.stdout) == gist(&good.stdout) && gist(&run.stderr) == gist(&good.stderr) {
            wrong.push(match less {
                Less::Privilege(privilege) => format!("{name}: {privilege} is not needed"),
                Less::Path(path) => format!("{name}: {path} is not needed"),
                Less::Nothing => continue,
            });
        }
    }
    wrong
}

/// Tries cases one after the other, on a host of their own.
fn prove(cases: &[Case]) {
    let host = Host::baseline().with_token("felhom@pve!rig");
    let root = [("FELHOM_TOKEN_ID", "root@pam!rig".to_owned()), ("FELHOM_TOKEN_SECRET", host.secret("root@pam!rig"))];
    let pristine = host.with_state(|state| state.clone()).unwrap();
    let secret = host.home.path().join("rig.secret");
    std::fs::write(&secret, host.secret("felhom@pve!rig")).unwrap();
    std::fs::set_permissions(&secret, PermissionsExt::from_mode(0o600)).unwrap();
    let certificate = host.home.path().join("node.pem");
    std::fs::write(&certificate, &pristine.nodes["pve1"].cert_pem).unwrap();
    let known: BTreeMap<&str, String> = BTreeMap::from([
        ("{endpoint}", host.endpoint()),
        ("{ca}", host.ca_file().display().to_string()),
        ("{secret}", format!("file:{}", secret.display())),
        ("{certificate}", certificate.display().to_string()),
    ]);
    let mut wrong = Vec::new();
    for case in cases {
        host.with_state(|state| *state = pristine.clone()).unwrap();
        let mut names = known.clone();
        let fill = |names: &BTreeMap<&str, String>, words: &[&str]| -> Vec<String> {
            words.iter().map(|word| names.iter().fold((*word).to_owned(), |word, (name, value)| word.replace(name, value))).collect()
        };
        for words in case.before {
            let mut command = host.felhom(fill(&names, &[words, &["-o", "json"][..]].concat()));
            let made = crate::support::run(command.envs(root.clone())).ok().json()[0].clone();
            if let Some(archive) = made["archive"].as_str() {
                names.insert("{file}", archive.rsplit('/').next().unwrap().to_owned());
                names.insert("{archive}", archive.to_owned());
            }
            if let Some(job) = made["id"].as_str() {
                names.insert("{job}", job.to_owned());
            }
        }
        let ready = host
            .with_state(|state| {
                (case.set)(state);
                state.clone()
            })
            .unwrap();
        names.extend(ready.tasks.last().map(|task| ("{upid}", task.upid())));
        let verb: Vec<&str> = case.verb.split(' ').collect();
        let args = fill(&names, &[&verb[..], case.args].concat());
        let measured = case.measured();
        wrong.extend(judge(&args.join(" "), case.ends, &measured, |less| {
            host.with_state(|state| {
                *state = ready.clone();
                hand_out(state, "rig", &measured, less);
            })
            .unwrap();
            host.run(&args)
        }));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Verbs that make the calls of another one.
const SAME: &[(&str, &str)] = &[("node undrain", "guest migrate")];

/// A verb of the table is proved for containers, for virtual machines where it makes other calls for those, or as an administrator.
#[test]
fn every_verb_of_the_table_is_proved() {
    let cases = [guests::CASES, snapshots::CASES, backups::CASES, archives::CASES, host::CASES];
    let proved = |verb: &str, kind: GuestKind| cases.into_iter().flatten().any(|case| case.verb == verb && case.kind == kind);
    let mut missing = Vec::new();
    for (verb, other) in SAME {
        let calls = |name: &str| VERBS.iter().find(|verb| verb.name == name).unwrap().calls;
        assert_eq!(calls(verb), calls(other));
    }
    for verb in VERBS {
        if SAME.iter().any(|(name, _)| *name == verb.name) {
            continue;
        }
        if fence::VERBS.contains(&verb.name) || administrator::VERBS.contains(&verb.name) {
            continue;
        }
        let calls = |kind: &str| verb.calls.iter().any(|call| call.contains(kind));
        if !proved(verb.name, GuestKind::Lxc) && (calls("/lxc/") || !calls("/qemu/")) {
            missing.push(verb.name.to_owned());
        }
        if calls("/qemu/") && !proved(verb.name, GuestKind::Qemu) {
            missing.push(format!("{} of a virtual machine", verb.name));
        }
    }
    assert!(missing.is_empty(), "without a case: {missing:?}");
}
