//! `felhom node list | status`, and lists over all nodes while one is down.

use felhom::demo::Options;

use crate::support::{Host, demo_options};

#[test]
fn an_object_that_does_not_exist_is_answered_with_the_command_that_lists_it() {
    let host = Host::demo().with_token("root@pam!demo");
    for (args, list) in [
        (&["node", "status", "nosuch"][..], "felhom node list"),
        (&["node", "drain", "pve1", "--to", "nosuch"], "felhom node list"),
        (&["template", "download", "nosuch", "--storage", "local", "--node", "pve1"], "felhom template list"),
        (&["storage", "show", "nosuch"], "felhom storage list"),
        (&["pool", "show", "nosuch"], "felhom pool list"),
    ] {
        let run = host.run(args);
        assert!([2, 5].contains(&run.code), "{run}");
        assert!(run.stderr.contains(&format!("`{list}`")), "{args:?}: {run}");
    }
}

#[test]
fn nodes_are_listed_with_their_state() {
    let host = Host::with(&Options { offline: vec!["pve3".into()], ..demo_options() });
    let list = host.run(["node", "list", "--columns", "node,status", "--no-headers"]).ok();
    assert_eq!(list.stdout, "pve1  online\npve2  online\npve3  offline\n");
}

#[test]
fn a_status_needs_a_name_where_there_are_several() {
    let host = Host::demo();
    host.run(["node", "status", "pve2"]).ok().shows("pve-manager/9.2");
    host.run(["node", "status"]).fails(2).says("pve1, pve2, pve3");
    host.run(["node", "status", "nosuch"]).fails(5).says("there is no node 'nosuch'");
    Host::baseline().run(["node", "status"]).ok().shows("pve1");
}

#[test]
fn a_node_that_is_down_costs_a_warning_and_no_more() {
    let host = Host::with(&Options { offline: vec!["pve3".into()], ..demo_options() });
    for noun in ["storage", "task"] {
        let list = host.run([noun, "list", "-o", "json"]).ok();
        let rows = list.json();
        assert!(!rows.as_array().unwrap().is_empty() && rows.as_array().unwrap().iter().all(|row| row["node"] != "pve3"), "{list}");
        assert_eq!(list.stderr, "warning: nodes skipped, because they are down: pve3\n");
    }
}

#[test]
fn a_node_that_falls_silent_meanwhile_costs_a_warning_too() {
    let host = Host::demo();
    let trouble = felhom::demo::faults::Trouble::Status { code: 595, reason: "No route to host".into() };
    host.inject(felhom::demo::faults::Fault::new("GET", "/nodes/pve2/storage", trouble));
    let list = host.run(["storage", "list", "-o", "json"]).ok();
    assert!(list.json().as_array().unwrap().iter().any(|row| row["node"] == "pve1"));
    list.says("down: pve2");
}

#[test]
fn a_node_that_is_down_is_no_success_where_it_was_asked_for() {
    let host = Host::with(&Options { offline: vec!["pve3".into()], ..demo_options() });
    let down = host.run(["node", "status", "pve3"]).fails(9);
    assert_eq!(down.stdout, "");
    down.says("'pve3'").says("595").says("felhom node list");
}
