//! What no compiler holds: which file may name what, and how large a file may grow.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A source file: its path from the root, and its lines without comments.
struct Source {
    path: String,
    lines: Vec<String>,
    count: usize,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources(folder: &str) -> Vec<Source> {
    let mut found = Vec::new();
    gather(&root().join(folder), &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(!found.is_empty(), "{folder} holds no source");
    found
}

fn gather(folder: &Path, found: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            gather(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let name = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
            let code = text.lines().map(|line| line.split("//").next().unwrap_or_default().to_owned());
            found.push(Source { path: name, lines: code.collect(), count: text.lines().count() });
        }
    }
}

/// Fails where a file outside `allowed` (paths or folders) holds one of the words.
#[track_caller]
fn only(words: &[&str], folder: &str, allowed: &[&str]) {
    let mut wrong = Vec::new();
    for mut source in sources(folder) {
        // Unit tests may do what the program may not.
        let begins = |line: &str| line.ends_with("mod tests {");
        let tests = source.lines.windows(2).position(|two| two[0].starts_with("#[cfg(") && two[0].contains("test") && begins(&two[1]));
        source.lines.truncate(tests.unwrap_or(usize::MAX));
        if allowed.iter().any(|place| source.path == *place || (place.ends_with('/') && source.path.starts_with(place))) {
            continue;
        }
        for (at, line) in source.lines.iter().enumerate() {
            if words.iter().any(|word| line.contains(word)) {
                wrong.push(format!("{}:{}: {}", source.path, at + 1, line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "{words:?} belongs to {allowed:?} alone:\n{}", wrong.join("\n"));
}

#[test]
fn one_file_starts_processes() {
    only(&["process::Command", "Command::new(", "posix_spawn", "fork("], "src", &["src/exec.rs", "src/exec/"]);
}

#[test]
fn one_file_speaks_http() {
    only(&["reqwest", "tokio"], "src", &["src/transport/https.rs"]);
}

#[test]
fn tls_is_set_up_in_one_place() {
    // The demo host is the other end: it has a key of its own.
    only(&["rustls", "x509_parser"], "src", &["src/transport/tls/", "src/transport/https.rs", "src/demo/"]);
}

#[test]
fn only_the_ui_prints() {
    only(
        &["println!", "eprintln!", "print!(", "eprint!(", "io::stdout()", "io::stderr()"],
        "src",
        &["src/ui/", "src/bin/felhom-fence.rs", "src/config/secrets/keyring_tests.rs"],
    );
}

#[test]
fn only_the_command_line_draws() {
    only(&["crate::ui"], "src", &["src/cli/", "src/ui/"]);
}

#[test]
fn values_know_no_transport() {
    only(&["crate::transport", "crate::guard", "crate::cli", "crate::session"], "src/api", &[]);
}

#[test]
fn work_in_order_knows_no_command_line() {
    for folder in ["src/ops", "src/task", "src/guard", "src/config", "src/transport"] {
        only(&["crate::cli"], folder, &[]);
    }
}

#[test]
fn only_the_guard_makes_a_permit() {
    only(&["Permit::new("], "src", &["src/guard/"]);
}

#[test]
fn the_demo_host_is_reached_over_the_wire_alone() {
    // The simulated host uses the demo host's API on the demo host's own files.
    only(&["crate::demo"], "src", &["src/demo/", "src/cli/", "src/fence/simulated/"]);
}

#[test]
fn an_exception_is_loud() {
    for folder in ["src", "tests"] {
        // This very line is the one place that may hold the words.
        only(&["#[allow", "#![allow", "#[ignore"], folder, &["tests/boundaries.rs"]);
        only(&["todo!(", "unimplemented!("], folder, &["tests/boundaries.rs"]);
    }
}

#[test]
fn nothing_names_the_machine_it_was_written_on() {
    let places = ["/work/", "/home/runner/"].map(|place| format!("\"{place}"));
    for folder in ["src", "tests"] {
        only(&places.each_ref().map(String::as_str), folder, &["tests/boundaries.rs"]);
    }
}

/// Longer than this, a file is about more than one thing.
const LONG: usize = 460;

/// Files that are longer, each with the reason.
const LONGER: &[(&str, &str)] = &[
    ("tests/fence/inside.rs", "one run inside a namespace, whose making costs seconds"),
    ("src/routes/verbs.rs", "one table: the calls of every hand-written command"),
];

/// The crates that the program is built from, each once.
fn crates_built() -> Vec<String> {
    let args = ["tree", "--locked", "--offline", "--edges", "normal,build", "--prefix", "none", "--format", "{p}"];
    let tree = assert_cmd::Command::new(env!("CARGO")).args(args).current_dir(root()).output().unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let text = String::from_utf8(tree.stdout).unwrap();
    let names: BTreeSet<&str> = text.lines().filter(|line| !line.is_empty()).map(|line| line.trim_end_matches(" (*)")).collect();
    names.into_iter().map(str::to_owned).collect()
}

#[test]
fn the_release_build_has_one_async_runtime_and_few_crates() {
    let crates = crates_built();
    let has = |name: &str| crates.iter().any(|line| line.starts_with(&format!("{name} ")));
    assert!(has("keyring") && has("tokio"), "{crates:?}");
    for heavy in ["zbus", "async-io", "async-executor", "encoding_rs", "icu_properties", "h2"] {
        assert!(!has(heavy), "{heavy} makes the build slow");
    }
    assert!(crates.len() <= 200, "{} crates", crates.len());
}

#[test]
fn only_packages_are_built_with_link_time_optimization() {
    let manifest: toml_edit::DocumentMut = fs::read_to_string(root().join("Cargo.toml")).unwrap().parse().unwrap();
    let profile = &manifest["profile"];
    assert_eq!(profile["release"]["lto"].as_str(), Some("off"));
    assert!(profile["release"]["codegen-units"].as_integer() >= Some(16));
    assert_eq!(profile["dist"]["inherits"].as_str(), Some("release"));
    assert_eq!(profile["dist"]["lto"].as_str(), Some("thin"));
    assert_eq!(profile["dist"]["codegen-units"].as_integer(), Some(1));
}

#[test]
fn a_file_is_about_one_thing() {
    let reasons: BTreeMap<&str, &str> = LONGER.iter().copied().collect();
    let all: Vec<Source> = sources("src").into_iter().chain(sources("tests")).collect();
    let long: Vec<String> = all
        .iter()
        .filter(|s| s.count > LONG && !reasons.contains_key(s.path.as_str()))
        .map(|s| format!("{}: {} lines", s.path, s.count))
        .collect();
    assert!(long.is_empty(), "longer than {LONG} lines; split them, or name them in LONGER with a reason:\n{}", long.join("\n"));
    let short: Vec<&&str> = reasons.keys().filter(|path| !all.iter().any(|s| s.path == **path && s.count > LONG)).collect();
    assert!(short.is_empty(), "no longer so long: {short:?}");
}

#[test]
fn a_folder_is_opened_by_a_table_of_contents() {
    let wrong: Vec<String> = sources("src")
        .into_iter()
        .filter(|source| source.path.ends_with("/mod.rs"))
        .filter(|source| !fs::read_to_string(root().join(&source.path)).unwrap().starts_with("//!"))
        .map(|source| source.path)
        .collect();
    assert!(wrong.is_empty(), "a mod.rs begins by saying what the folder is: {wrong:?}");
}
