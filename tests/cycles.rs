//! Cycles between modules: files that import each other, directly or through others.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Module path to the modules that it names.
type Graph = BTreeMap<String, BTreeSet<String>>;

/// Cycles that are still to be broken up, each by its members in order. New ones fail, and so do these once they are gone.
const KNOWN: &[&[&str]] = &[
    &["api::schema::check", "api::schema::formats", "api::schema::property"],
    &[
        "demo::api::access",
        "demo::api::ceph",
        "demo::api::cluster",
        "demo::api::cluster::resources",
        "demo::api::firewall",
        "demo::api::guest",
        "demo::api::index",
        "demo::api::nodes",
        "demo::api::pools",
        "demo::api::routes",
        "demo::api::storage",
        "demo::api::tasks",
        "demo::api::version",
    ],
    &["demo::api::guest::agent_exec", "demo::api::guest::agent_shell"],
    &["demo::api::guest::apply", "demo::api::guest::config"],
    &["demo::api::guest::archive", "demo::api::guest::backup"],
    &["demo::api::guest::create_lxc", "demo::api::guest::restore_lxc"],
    &["demo::mounts", "demo::state", "demo::tasks", "demo::tasks::effect", "demo::tasks::spec", "demo::tasks::task"],
    &[
        "guard::change",
        "guard::confirm",
        "guard::permit",
        "guard::plan",
        "guard::rules",
        "guard::stage",
        "guard::tags",
        "session",
        "task::poll",
        "task::wait",
        "transport",
    ],
    &["ops::role::by_hand", "ops::role::sides"],
    &["ui::bars", "ui::progress"],
    &["ui::field", "ui::grid"],
    &["ui::table", "ui::wrap"],
];

fn gather(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            gather(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

/// The code of each module, without comments and unit tests.
fn modules() -> BTreeMap<String, String> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    gather(&root, &mut files);
    let module = |path: &PathBuf| {
        let name = path.strip_prefix(&root).unwrap().with_extension("").to_string_lossy().replace('/', "::");
        name.strip_suffix("::mod").unwrap_or(&name).to_owned()
    };
    let program = |name: &str| !matches!(name, "lib" | "main") && !name.starts_with("bin::") && !name.contains("tests");
    files.iter().map(|path| (module(path), code(path))).filter(|(name, _)| program(name)).collect()
}

fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let lines: Vec<&str> = text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect();
    let tests = lines.windows(2).position(|two| two[0].starts_with("#[cfg(test)]") && two[1].ends_with('{'));
    lines[..tests.unwrap_or(lines.len())].join("\n")
}

/// Writes out `a::{b, c::{d, e}}` as one path each.
fn paths(tree: &str) -> Vec<String> {
    let Some((head, rest)) = tree.split_once('{') else { return vec![tree.trim().to_owned()] };
    let inside = rest.trim_end().strip_suffix('}').unwrap_or(rest);
    let (mut depth, mut parts) = (0_i32, vec![String::new()]);
    for letter in inside.chars() {
        depth += i32::from(letter == '{') - i32::from(letter == '}');
        if letter == ',' && depth == 0 {
            parts.push(String::new());
        } else if let Some(part) = parts.last_mut() {
            part.push(letter);
        }
    }
    let parts = parts.iter().filter(|part| !part.trim().is_empty());
    parts.flat_map(|part| paths(part.trim())).map(|part| format!("{}{part}", head.trim())).collect()
}

/// The imports of a module: whether each is public, its path, and the name that it gets.
fn imports(module: &str, text: &str) -> Vec<(bool, String, String)> {
    let mut found = Vec::new();
    for statement in text.split(';') {
        let Some(at) = statement.rfind("use ").filter(|at| statement[..*at].ends_with([' ', '\n']) || *at == 0) else { continue };
        let public = statement[..at].lines().last().is_some_and(|line| line.trim_start().starts_with("pub"));
        for path in paths(&statement[at + 4..]) {
            let (path, name) = path.split_once(" as ").map_or((path.as_str(), None), |(path, name)| (path, Some(name.trim())));
            let path = path.trim().trim_end_matches("::self");
            let name = name.unwrap_or_else(|| path.rsplit("::").next().unwrap_or(path)).to_owned();
            found.push((public, absolute(module, path), name));
        }
    }
    found
}

fn absolute(module: &str, path: &str) -> String {
    let mut at: Vec<&str> = module.split("::").collect();
    let mut words = path.split("::").peekable();
    if words.next_if_eq(&"crate").is_some() {
        at.clear();
    }
    while let Some(word) = words.next_if(|word| matches!(*word, "super" | "self")) {
        if word == "super" {
            at.pop();
        }
    }
    at.into_iter().chain(words).collect::<Vec<_>>().join("::")
}

type Names = BTreeMap<(String, String), String>;

/// The module in which a path ends, through re-exports.
fn home(path: &str, names: &Names, all: &BTreeMap<String, String>, depth: usize) -> Option<String> {
    let mut module = path;
    while !all.contains_key(module) {
        module = module.rsplit_once("::")?.0;
    }
    let rest = path[module.len()..].trim_start_matches("::");
    let (first, more) = rest.split_once("::").map_or((rest, String::new()), |(first, more)| (first, format!("::{more}")));
    match names.get(&(module.to_owned(), first.to_owned())) {
        Some(target) if depth < 8 => home(&format!("{target}{more}"), names, all, depth + 1),
        _ => Some(module.to_owned()),
    }
}

fn graph() -> Graph {
    let all = modules();
    let imports: BTreeMap<&String, _> = all.iter().map(|(module, text)| (module, imports(module, text))).collect();
    let exported = imports.iter().flat_map(|(module, list)| list.iter().map(move |one| (module, one))).filter(|(_, one)| one.0);
    let names: Names = exported.map(|(module, (_, path, name))| (((*module).clone(), name.clone()), path.clone())).collect();
    let related = |a: &str, b: &str| a == b || a.starts_with(&format!("{b}::")) || b.starts_with(&format!("{a}::"));
    imports
        .iter()
        .map(|(module, list)| {
            let homes = list.iter().filter(|one| !one.0).filter_map(|(_, path, _)| home(path, &names, &all, 0));
            ((*module).clone(), homes.filter(|home| !related(module, home)).collect())
        })
        .collect()
}

fn reached(graph: &Graph, from: &str) -> BTreeSet<String> {
    let (mut found, mut open) = (BTreeSet::new(), vec![from.to_owned()]);
    while let Some(module) = open.pop() {
        for next in graph.get(&module).into_iter().flatten() {
            if found.insert(next.clone()) {
                open.push(next.clone());
            }
        }
    }
    found
}

fn cycles(graph: &Graph) -> BTreeSet<Vec<String>> {
    let reach: BTreeMap<&String, BTreeSet<String>> = graph.keys().map(|module| (module, reached(graph, module))).collect();
    let ring =
        |module: &String| reach[module].iter().filter(|other| reach.get(other).is_some_and(|set| set.contains(module))).cloned().collect();
    graph.keys().filter(|module| reach[module].contains(*module)).map(ring).collect()
}

#[test]
fn modules_import_each_other_in_one_direction() {
    let graph = graph();
    assert!(graph["cli::ctx::sessions"].contains("session"), "imports are not read: {graph:?}");
    let found = cycles(&graph);
    let known: BTreeSet<Vec<String>> = KNOWN.iter().map(|ring| ring.iter().map(|&module| module.to_owned()).collect()).collect();
    let new: Vec<_> = found.difference(&known).map(|ring| ring.join(" ↔ ")).collect();
    assert!(new.is_empty(), "modules import each other:\n{}", new.join("\n"));
    let gone: Vec<_> = known.difference(&found).collect();
    assert!(gone.is_empty(), "no longer cycles: {gone:?}");
}
