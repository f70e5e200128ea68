//! The help pages: short enough for a screen, and complete.

use felhom::cli::help;

use crate::support::tree;
use crate::support::{Home, run};

const SCREEN: usize = 40;
const WIDTH: usize = 80;

fn page(pages: &mut help::Pages, name: &str, long: bool) -> String {
    pages.text(&name.split_whitespace().collect::<Vec<_>>(), long, WIDTH).expect("a page")
}

#[test]
fn short_help_fits_on_a_screen() {
    let (mut pages, mut wrong) = (help::Pages::default(), Vec::new());
    for name in tree::all().into_iter().map(|named| named.name).filter(|name| !name.is_empty()) {
        let text = page(&mut pages, &name, false);
        let lines = text.lines().count();
        if lines > SCREEN {
            wrong.push(format!("felhom {name} -h has {lines} lines"));
        }
        let wide = text.lines().filter(|line| line.chars().count() > WIDTH);
        wrong.extend(wide.map(|line| format!("felhom {name} -h is wider than {WIDTH}: {line}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_first_page_lists_every_command() {
    let text = help::text(&[], false, WIDTH).expect("a page");
    let listed = |name: &str| text.lines().any(|line| line.trim_start().starts_with(&format!("{name} ")));
    let missing: Vec<String> =
        tree::all().into_iter().map(|named| named.name).filter(|name| !name.is_empty() && !name.contains(' ') && !listed(name)).collect();
    assert!(missing.is_empty(), "{missing:?}\n{text}");
}

#[test]
fn every_page_names_the_global_options_once() {
    let mut pages = help::Pages::default();
    for name in tree::all().into_iter().map(|named| named.name) {
        let text = page(&mut pages, &name, true);
        assert_eq!(text.matches("Global options: felhom help options").count(), 1, "felhom {name} --help:\n{text}");
        assert!(!text.contains("--jq <"), "felhom {name} --help lists a global option:\n{text}");
    }
}

#[test]
fn a_page_does_not_depend_on_the_pages_before_it() {
    let mut pages = help::Pages::default();
    for name in ["guest restore", "", "guest", "guest restore", "sdn zone create", "demo guest list"] {
        let names: Vec<&str> = name.split_whitespace().collect();
        assert_eq!(pages.text(&names, true, WIDTH), help::text(&names, true, WIDTH), "felhom {name} --help");
    }
}

#[test]
fn help_options_lists_every_global_option() {
    let home = Home::new();
    let shown = run(&mut home.felhom(["help", "options"])).ok();
    for named in tree::all().into_iter().filter(|named| named.name.is_empty()) {
        for arg in named.command.get_arguments().filter(|arg| arg.is_global_set()) {
            let flag = format!("--{}", arg.get_long().unwrap());
            assert!(shown.stdout.contains(&flag), "{flag} is missing in:\n{}", shown.stdout);
        }
    }
}

#[test]
fn every_command_of_the_root_is_in_one_group() {
    let commands = tree::all().into_iter().map(|named| named.name).filter(|name| !name.is_empty() && !name.contains(' '));
    for name in commands {
        let groups = help::GROUPS.iter().filter(|(_, names)| names.contains(&name.as_str())).count();
        assert_eq!(groups, 1, "felhom {name} is in {groups} groups of src/cli/help/groups.rs");
    }
}

#[test]
fn topics_are_shown_and_fit() {
    let home = Home::new();
    for (topic, text) in help::TOPICS {
        let shown = run(&mut home.felhom(["help", topic])).ok();
        assert!(shown.stdout.starts_with(text.trim_end()), "{}", shown.stdout);
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "the topic {topic} is wider than {WIDTH}");
    }
}

#[test]
fn help_is_found_from_every_side() {
    let home = Home::new();
    let felhom = |args: &[&str]| run(&mut home.felhom(args));
    let restore = felhom(&["help", "guest", "restore"]).ok().stdout;
    assert!(restore.starts_with("Restore a guest from a backup\n") && restore.contains("--identity"), "{restore}");
    assert_eq!(felhom(&["guest", "restore", "--help"]).ok().stdout, restore);
    assert_eq!(felhom(&["-c", "guest", "guest", "restore", "--help"]).ok().stdout, restore);
    assert_eq!(felhom(&["guest", "restore", "--vmid", "150", "--help"]).ok().stdout, restore);
    assert_eq!(felhom(&["demo", "guest", "restore", "--help"]).ok().stdout, restore);
    assert!(felhom(&["guest", "restore", "-h"]).ok().stdout.len() < restore.len());
    // A command line without its command: the page is on stderr, and it is wrong usage.
    let noun = felhom(&["guest"]).fails(2).says("Usage: felhom guest");
    assert_eq!(noun.stdout, "");
    felhom(&["help", "nosuch"]).fails(5).says("felhom help");
}
