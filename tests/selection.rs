//! What a command works on: empty arguments, selections without a match, lists, beginnings of IDs.

use felhom::cli;

use crate::support::{Home, Host, run, tree};

/// Arguments whose value may be empty: texts, and settings that a host reads itself.
const MAY_BE_EMPTY: &[&str] = &["TEXT", "KEY=VALUE"];

#[test]
fn an_empty_argument_is_a_usage_error_for_every_command() {
    let home = Home::new();
    let mut root = cli::command_built();
    root.build();
    let mut tried = 0;
    for name in tree::leaves().iter().filter(|name| *name != "help") {
        let words: Vec<&str> = name.split_whitespace().collect();
        let command = words.iter().fold(&root, |command, word| command.find_subcommand(word).unwrap());
        let takes = |arg: &&clap::Arg| {
            let names = arg.get_value_names().unwrap_or_default();
            arg.is_positional() && !names.iter().any(|name| MAY_BE_EMPTY.contains(&name.as_str()))
        };
        if command.get_positionals().find(takes).is_none() {
            continue;
        }
        // Every required argument is given, and the first one is empty.
        let required = command.get_arguments().filter(|arg| arg.is_required_set() && !arg.is_positional());
        let flags: Vec<String> = required.flat_map(|arg| [format!("--{}", arg.get_long().unwrap()), "x".to_owned()]).collect();
        for empty in ["", " ", ","] {
            let positionals = command.get_positionals().enumerate().filter(|(at, arg)| *at == 0 || arg.is_required_set());
            let values = positionals.map(|(at, _)| if at == 0 { empty.to_owned() } else { "x".to_owned() });
            let args: Vec<String> = words.iter().map(|word| (*word).to_owned()).chain(flags.clone()).chain(values).collect();
            let ended = run(&mut home.felhom(&args));
            assert_eq!(ended.code, 2, "{args:?}: {ended}");
            tried += 1;
        }
    }
    assert!(tried > 90, "only {tried} were tried");
    run(&mut home.felhom(["guest", "list", "--tag", ""])).fails(2).says("--tag");
}

#[test]
fn nothing_happens_to_guests_that_were_not_named() {
    let host = Host::demo();
    host.run(["guest", "stop", "", "--yes"]).fails(2).says("GUEST");
    host.run(["guest", "stop", "101", "", "--yes"]).fails(2);
    host.run(["guest", "stop", ",", "--yes"]).fails(2);
    assert_eq!(host.count("POST", "/status/stop"), 0);
}

#[test]
fn a_selection_without_a_match_is_exit_5_and_names_it() {
    let host = Host::demo();
    for (words, named) in [
        (&["--tag", "nosuch"][..], "--tag nosuch"),
        (&["--pool", "nosuch"], "--pool nosuch"),
        (&["--node", "pve9"], "--node pve9"),
        (&["--status", "paused", "--type", "lxc"], "--status paused --type lxc"),
        (&["101", "--status", "stopped"], "101 --status stopped"),
        (&["700-800"], "700-800"),
    ] {
        let line: Vec<&str> = ["guest", "shutdown", "--yes"].iter().chain(words).copied().collect();
        host.run(&line).fails(5).says(named);
    }
    assert_eq!(host.count("POST", "/status/shutdown"), 0);
}

#[test]
fn the_beginning_of_an_id_has_four_characters() {
    let host = Host::demo();
    host.run(["guest", "stop", "110", "--stage"]).ok();
    let id = host.run(["plan", "list", "-o", "id"]).ok().stdout.trim().to_owned();
    for short in ["2", "20", "202"] {
        host.run(["plan", "apply", short, "--yes"]).fails(2).says("4 characters");
        host.run(["plan", "show", short]).fails(2);
        host.run(["history", "show", short]).fails(2);
    }
    host.run(["plan", "apply", "", "--yes"]).fails(2);
    assert_eq!(host.count("POST", "/status/stop"), 0);
    host.run(["plan", "show", &id[..id.len() - 1]]).ok();
}

#[test]
fn lists_are_split_as_the_host_splits_them_before_a_raw_call() {
    let host = Host::demo();
    host.run(["guest", "tag", "add", "101", "production"]).ok();
    for list in ["110,101", "110;101", "110 101", "110\t101", "110\n101", "110\u{b}101"] {
        let vms = format!("vms={list}");
        host.run(["api", "post", "/nodes/pve1/stopall", &vms, "--yes"]).fails(3).says("101");
    }
    host.run(["api", "post", "/nodes/pve1/stopall?vms=110%2C101", "--yes"]).fails(3).says("101");
    host.run(["api", "post", "/nodes/pve1/stopall?vms=110%0A101", "--yes"]).fails(3).says("101");
    assert_eq!(host.count("POST", "/stopall"), 0);
}

#[test]
fn a_batch_is_judged_as_the_calls_in_it() {
    let host = Host::demo();
    host.run(["guest", "tag", "add", "101", "production"]).ok();
    let batch = |commands: &str| {
        let parameter = format!("commands={commands}");
        host.run(["api", "post", "/nodes/pve1/execute", &parameter, "--yes", "--confirm", "/nodes/pve1/execute"])
    };
    batch(r#"[{"method":"GET","path":"status"},{"method":"POST","path":"lxc/101/status/stop"}]"#).fails(3).says("'production'");
    batch(r#"[{"method":"DELETE","path":"/lxc//101"}]"#).fails(3).says("101");
    batch(r#"[{"method":"post","path":"stopall","args":{"vms":"110\n101"}}]"#).fails(3).says("101");
    batch("no JSON").fails(2).says("commands");
    assert_eq!(host.count("POST", "/execute"), 0);
}
