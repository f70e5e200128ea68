//! What is tested for every declared command, from its noun and its example.

use std::collections::BTreeSet;

use felhom::api::{Method, Risk, schema};
use felhom::demo::state::{State, Volume};
use felhom::nouns::{self, Act, COLUMN_OPTIONS, Noun, Shape, Verb};
use felhom::routes;
use serde_json::Value;

use crate::support::{Host, tree};

/// Every declared verb with its noun.
fn verbs() -> impl Iterator<Item = (&'static Noun, &'static Verb)> {
    nouns::ALL.iter().flat_map(|noun| noun.verbs().map(move |verb| (*noun, verb)))
}

fn name(noun: &Noun, verb: &Verb) -> String {
    format!("{} {}", noun.words, verb.name)
}

/// The words of a verb's first example, without the program.
fn example(verb: &Verb) -> Vec<String> {
    let line = verb.example.lines().next().unwrap_or_default();
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            c => words.last_mut().unwrap().push(c),
        }
    }
    words.split_off(1)
}

#[test]
fn every_verb_has_a_method_of_the_schema_and_columns_that_can_be_read() {
    let mut wrong = Vec::new();
    for (noun, verb) in verbs() {
        if routes::templates(noun, verb).is_empty() {
            wrong.push(format!("{}: no method {} {}", name(noun, verb), verb.method, noun.path(verb)));
        }
        if (verb.method == Method::Get) != (verb.risk == Risk::Read) || (verb.method == Method::Get) == (verb.shape == Shape::Change) {
            wrong.push(format!("{}: a {} with risk '{}'", name(noun, verb), verb.method, verb.risk.word()));
        }
        if let Shape::List(columns) | Shape::Show(columns) = verb.shape {
            let options = columns.iter().filter_map(|column| column.split_once(':')).flat_map(|(_, options)| options.split(','));
            wrong.extend(options.filter(|option| !COLUMN_OPTIONS.contains(option)).map(|o| format!("{}: option '{o}'", name(noun, verb))));
        }
        if matches!(verb.shape, Shape::List(columns) if columns.len() > 9) {
            wrong.push(format!("{}: a table of more than nine columns", name(noun, verb)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_line_of_help_is_used_and_says_more_than_the_name() {
    let mut used = BTreeSet::new();
    let mut wrong = Vec::new();
    for named in tree::all() {
        let Some((noun, _)) = nouns::find(&named.name) else { continue };
        let own = named.command.get_arguments().filter(|arg| arg.get_long() != Some("unset")).filter_map(|arg| {
            let id = arg.get_id().as_str();
            ["param-", "off-", "stdin-", "scope-"].iter().find_map(|prefix| id.strip_prefix(prefix)).map(str::to_owned)
        });
        for parameter in own {
            match nouns::line_of(noun.words, &parameter) {
                Some(line) => drop(used.insert(line)),
                None => wrong.push(format!("felhom {}: no help for {parameter}", named.name)),
            }
        }
    }
    let mut seen = BTreeSet::new();
    for line in include_str!("../../src/nouns/words.txt").lines() {
        let (parameter, help) = line.split_once(": ").unwrap_or_else(|| panic!("'{line}' is not `name: help`"));
        if !seen.insert(parameter) {
            wrong.push(format!("{parameter}: twice"));
        }
        if !used.contains(parameter) {
            wrong.push(format!("{parameter}: not used"));
        }
        let bare = |text: &str| text.to_lowercase().replace(['-', '_', ' '], "");
        if help.contains(' ') && bare(help) == bare(parameter.rsplit('.').next().unwrap()) {
            wrong.push(format!("{parameter}: repeats the name"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Changes that discard what others made.
const LAST: &[&str] = &["guest agent shutdown", "guest template", "sdn rollback", "sdn lock", "sdn unlock", "node network revert"];

/// Secrets of the examples.
const SECRETS: &[&str] =
    &["GOTIFY_TOKEN", "IPAM_TOKEN", "DNS_KEY", "SMB_PASSWORD", "PBS_PASSWORD", "ESXI_PASSWORD", "PVE_KEY", "NEW_PASSWORD"];

/// Commands that end with an error on the demo host, as on a real one, and why; all commands of a noun by its words.
const ENDS: &[(&str, i32, &str)] = &[
    ("storage scan nfs", 1, "nothing answers at the example's address"),
    ("ceph fs delete", 6, "its metadata server is active"),
    ("storage import-metadata", 1, "no image with a description on the demo's storages"),
    ("sdn zone bridges", 5, "no zone is applied"),
    ("sdn zone routes", 5, "no zone is applied"),
    ("sdn vnet macs", 5, "no VNet is applied"),
    ("storage identity", 1, "only some types of storages have one"),
    ("cluster cpu-flags", 5, "the recorded host had no list of flags"),
    ("guest agent suspend-disk", 1, "the VM is suspended already"),
    ("guest agent suspend-hybrid", 1, "the VM is suspended already"),
    ("node cert order", 1, "the demo node has no ACME domain"),
    ("node cert renew", 1, "the demo node has no ACME certificate"),
    ("node cert revoke", 1, "the demo node has no ACME domain"),
    ("sdn fabric interfaces", 5, "no fabric is applied"),
    ("sdn fabric neighbors", 5, "no fabric is applied"),
    ("sdn fabric routes", 5, "no fabric is applied"),
    ("access tfa show", 5, "the demo's users have no second factor"),
    ("acme account show", 4, "no token may see an account"),
    ("cluster join", 2, "the example shortens the fingerprint"),
    ("ha group", 1, "version 9 has rules instead of groups"),
];

/// What the examples of an area need.
const BEFORE: &[(&str, &[&str])] = &[("snapshot", &["snapshot", "create", "101", "before-update"])];

/// More unused disks than the demo site has, and the backup of an example.
fn spare_objects(state: &mut State) {
    let volumes = &mut state.storages.get_mut("pbs").unwrap().volumes;
    let backup = volumes.iter().find(|volume| volume.volid.starts_with("pbs:backup/ct/101/")).unwrap().clone();
    volumes.push(Volume { volid: "pbs:backup/ct/101/2026-11-20T12:01:44Z".into(), ..backup });
    let disks = &mut state.nodes.get_mut("pve1").unwrap().disks;
    for path in ["/dev/sdd", "/dev/sde", "/dev/sdf"] {
        let mut disk = disks.iter().find(|disk| disk["devpath"] == "/dev/sdc").unwrap().clone();
        disk.insert("devpath".into(), path.into());
        disks.push(disk);
    }
}

fn ends(noun: &Noun, verb: &Verb) -> Option<i32> {
    let name = name(noun, verb);
    ENDS.iter().find(|(known, ..)| *known == name || *known == noun.words).map(|(_, code, _)| *code)
}

/// Runs the examples of every noun on one host, as an operator would: create, read, change, delete. Each change is planned and
/// refused in a read-only run before it is made, and neither sends anything.
#[test]
fn the_examples_tell_the_life_of_cluster_and_access() {
    lives(&["access", "cluster", "ha", "job", "mapping", "metrics", "pool", "replication"]);
}

#[test]
fn the_examples_tell_the_life_of_networks_and_notifications() {
    lives(&["acme", "firewall", "notification", "sdn"]);
}

#[test]
fn the_examples_tell_the_life_of_nodes_and_storages() {
    lives(&["node", "storage", "template"]);
}

#[test]
fn the_examples_tell_the_life_of_guests_backups_and_ceph() {
    lives(&["backup", "ceph", "guest", "snapshot"]);
}

#[test]
fn every_area_has_its_life_told() {
    let source = include_str!("generated.rs");
    let missing: Vec<&str> =
        nouns::ALL.iter().map(|noun| noun.words).filter(|words| !source.contains(&format!("\"{}\"", first(words)))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

fn first(words: &str) -> &str {
    words.split(' ').next().unwrap()
}

fn lives(areas: &[&str]) {
    let host = Host::demo().with_token("root@pam!demo");
    host.with_state(spare_objects).unwrap();
    for (_, words) in BEFORE.iter().filter(|(area, _)| areas.contains(area)) {
        host.run(*words).ok();
    }
    let verbs = || verbs().filter(|(noun, _)| areas.contains(&first(noun.words)));
    let is = |act: Act| move |(_, verb): &(&Noun, &Verb)| verb.shape == Shape::Change && verb.act == act;
    let mut wrong: Vec<String> = Vec::new();
    verbs().filter(is(Act::Create)).for_each(|(noun, verb)| wrong.extend(changed(&host, noun, verb)));
    verbs().filter(|(_, verb)| verb.shape != Shape::Change).for_each(|(noun, verb)| wrong.extend(read(&host, noun, verb)));
    verbs().filter(is(Act::Set)).for_each(|(noun, verb)| wrong.extend(changed(&host, noun, verb)));
    let others: Vec<_> = verbs().filter(is(Act::Other)).collect();
    let last = |(noun, verb): &&(&'static Noun, &'static Verb)| LAST.contains(&name(noun, verb).as_str());
    others.iter().filter(|one| !last(one)).for_each(|(noun, verb)| wrong.extend(changed(&host, noun, verb)));
    let deletes: Vec<_> = verbs().filter(is(Act::Delete)).collect();
    deletes.into_iter().rev().for_each(|(noun, verb)| wrong.extend(changed(&host, noun, verb)));
    others.iter().filter(last).for_each(|(noun, verb)| wrong.extend(changed(&host, noun, verb)));
    assert!(wrong.is_empty(), "{} examples:\n{}", wrong.len(), wrong.join("\n"));
}

fn secrets() -> impl Iterator<Item = (&'static str, &'static str)> {
    let value = |name| match name {
        "PVE_KEY" => "pve1c-0123456789",
        "NEW_PASSWORD" => "correct horse",
        _ => "t",
    };
    SECRETS.iter().map(move |name| (*name, value(*name)))
}

/// Changes that only root@pam may make: no token of it.
fn root_only(noun: &Noun, verb: &Verb) -> bool {
    let rows = routes::templates(noun, verb).into_iter().filter_map(|t| routes::by_key(&format!("{} {t}", verb.method)));
    let for_tokens = |template: &str| schema::method(verb.method.word(), template).is_none_or(|method| method.allow_token);
    rows.into_iter().any(|row| matches!(row.privs, routes::Privs::Root))
        || routes::templates(noun, verb).iter().any(|template| !for_tokens(template))
}

fn changed(host: &Host, noun: &Noun, verb: &Verb) -> Option<String> {
    let words = example(verb);
    let with = |more: &[&str]| host.felhom(words.iter().map(String::as_str).chain(more.iter().copied())).envs(secrets()).output();
    let before = host.requests().len();
    let plan = with(&["--plan", "-o", "json"]).unwrap();
    let refused = with(&["--read-only"]).unwrap();
    if host.requests().iter().skip(before).any(|request| request.method != "GET") {
        return Some(format!("{}: a plan or a read-only run sent a change", name(noun, verb)));
    }
    let shown: Value = serde_json::from_slice(&plan.stdout).unwrap_or_default();
    let step = &shown["items"][0]["steps"][0];
    let planned = step["method"] == verb.method.word() && shown["items"][0]["risk"] == verb.risk.word();
    let done = with(&["--yes"]).unwrap();
    let codes = (plan.status.code(), refused.status.code(), done.status.code());
    let right = match ends(noun, verb) {
        Some(code) => codes.2 == Some(code),
        None if root_only(noun, verb) => codes.2 == Some(4),
        None => planned && codes == (Some(0), Some(3), Some(0)),
    };
    let said =
        |output: &std::process::Output| String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (!right).then(|| format!("{} {codes:?}: {words:?}\n{}\n{}", name(noun, verb), said(&plan), said(&done)))
}

fn read(host: &Host, noun: &Noun, verb: &Verb) -> Option<String> {
    let words = example(verb);
    let run = |format: &str| crate::support::run(host.felhom(words.iter().map(String::as_str).chain(["-o", format])).envs(secrets()));
    let (table, json) = (run("table"), run("json"));
    let items: Value = serde_json::from_str(&json.stdout).unwrap_or_default();
    let rows = items.as_array().map_or(0, Vec::len);
    let right = match verb.shape {
        Shape::List(_) => {
            let placed = items.as_array().is_some_and(|rows| rows.iter().all(|row| row["context"].is_string()));
            placed && table.stdout.lines().count().saturating_sub(1) == rows
        }
        Shape::Show(_) => items["context"].is_string(),
        _ => true,
    };
    if let Some(code) = ends(noun, verb) {
        return (table.code != code).then(|| format!("{}: {table}", name(noun, verb)));
    }
    (table.code != 0 || json.code != 0 || !right).then(|| format!("{}: {words:?}\n{table}\n{json}", name(noun, verb)))
}

#[test]
fn without_privileges_every_call_that_needs_some_is_denied() {
    let host = Host::demo();
    host.deny("/");
    let mut wrong = Vec::new();
    for (noun, verb) in verbs() {
        let rows: Vec<_> =
            routes::templates(noun, verb).into_iter().filter_map(|t| routes::by_key(&format!("{} {t}", verb.method))).collect();
        let open = rows.iter().all(|row| matches!(row.privs, routes::Privs::None | routes::Privs::When(..)));
        // A guest that may not be seen is not found.
        let guest = noun.path(verb).contains("{guest}") || noun.path(verb).contains("{vmid}");
        if open || guest || !noun.scopes.is_empty() {
            continue;
        }
        let mut words = example(verb);
        if verb.risk == Risk::Irreversible && !words.iter().any(|word| word == "--confirm") {
            wrong.push(format!("{}: the example has no --confirm", name(noun, verb)));
        }
        words.push("--yes".into());
        let run = crate::support::run(host.felhom(&words).envs(secrets()));
        // An object that only another example creates is not found.
        let absent = verb.act != Act::Create && run.code == 5;
        if run.code != 4 && !absent && ends(noun, verb) != Some(run.code) {
            wrong.push(format!("{}: {words:?}\n{run}", name(noun, verb)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
