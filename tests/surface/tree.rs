//! What holds for every command.

use std::collections::BTreeSet;

use felhom::cli;
use felhom::routes;

use crate::support::tree::{Named, all, leaves};

/// The leaves that ask no host, or whose calls are whatever the person names.
const LOCAL: &[(&str, &str)] = &[
    ("api get", "any call"),
    ("api post", "any call"),
    ("api put", "any call"),
    ("api delete", "any call"),
    ("api ls", "reads the host's own description of its calls, which is no call"),
    ("api describe", "reads the host's own description of its calls, which is no call"),
    ("api coverage", "prints a table"),
    ("context list", "reads the configuration"),
    ("context show", "reads the configuration"),
    ("context use", "changes the configuration"),
    ("context edit", "changes the configuration"),
    ("context remove", "changes the configuration"),
    ("fence check", "asks the fence, not the API"),
    ("fence show", "asks the fence, not the API"),
    ("fence sudoers", "prints a file"),
    ("fence install", "works over ssh or sudo, not the API"),
    ("usb list", "asks the fence, not the API"),
    ("node sensors", "asks the fence, not the API"),
    ("role presets", "prints a table"),
    ("plan list", "reads the shelf of staged changes"),
    ("plan show", "reads the shelf of staged changes"),
    ("plan apply", "runs another verb"),
    ("plan discard", "works on the shelf of staged changes"),
    ("history show", "reads the journal; asks only for tasks"),
    ("routes", "prints a table"),
    ("completions", "prints a script"),
    ("help", "prints text"),
    ("demo serve", "is a host itself"),
    ("demo tour", "runs other verbs"),
    ("demo reset", "works on the demo host's files"),
    ("demo state", "works on the demo host's files"),
];

#[test]
fn clap_finds_no_contradiction() {
    cli::command_built().debug_assert();
}

#[test]
fn every_command_and_argument_has_help() {
    let mut mute = Vec::new();
    for Named { name, command } in all() {
        if command.get_about().is_none_or(|about| about.to_string().trim().is_empty()) {
            mute.push(format!("felhom {name}"));
        }
        let arguments = command.get_arguments().filter(|a| !a.is_hide_set() && !["help", "version"].contains(&a.get_id().as_str()));
        let silent = arguments.filter(|a| a.get_help().is_none_or(|help| help.to_string().trim().is_empty()));
        mute.extend(silent.map(|a| format!("felhom {name}: {}", a.get_id())));
    }
    assert!(mute.is_empty(), "without help:\n{}", mute.join("\n"));
}

#[test]
fn every_leaf_names_its_calls_or_is_local() {
    let leaves: BTreeSet<String> = leaves().into_iter().collect();
    let verbs: BTreeSet<&str> = routes::verbs().map(|verb| verb.name).collect();
    let local: BTreeSet<&str> = LOCAL.iter().map(|(name, _)| *name).collect();
    let unknown: Vec<&String> = leaves.iter().filter(|name| !verbs.contains(name.as_str()) && !local.contains(name.as_str())).collect();
    assert!(unknown.is_empty(), "neither in src/routes/verbs.rs nor in LOCAL of this test: {unknown:?}");
    let both: Vec<&&str> = local.iter().filter(|name| verbs.contains(*name)).collect();
    assert!(both.is_empty(), "in src/routes/verbs.rs and in LOCAL of this test: {both:?}");
    let gone: Vec<&&str> = verbs.iter().chain(&local).filter(|name| !leaves.contains(**name)).collect();
    assert!(gone.is_empty(), "no such command: {gone:?}");
}

#[test]
fn a_description_is_one_line_without_a_full_stop() {
    let wrong: Vec<String> = all()
        .into_iter()
        .filter_map(|named| {
            let about = named.command.get_about()?.to_string();
            let plain = named.name.is_empty() || (!about.ends_with('.') && about.len() <= 130 && !about.contains('\n'));
            (!plain).then(|| format!("felhom {}: {about}", named.name))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
