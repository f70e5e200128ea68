//! `felhom guest list | show | config | next-id`.

use felhom::demo::Options;
use serde_json::json;

use crate::support::{Host, demo_options};

#[test]
fn a_list_is_one_request() {
    let host = Host::demo();
    let list = host.run(["guest", "list", "--type", "lxc", "--status", "stopped", "-o", "id"]).ok();
    assert_eq!(list.lines(), ["120", "900"]);
    assert_eq!(host.run(["guest", "list", "--tag", "docker", "--node", "pve3", "-o", "id"]).ok().lines(), ["111"]);
    assert_eq!(host.requests().len(), 2);
}

#[test]
fn a_guest_is_named_by_number_by_name_or_by_place() {
    let host = Host::demo();
    for word in ["101", "web", "pve1/101", "pve1/web"] {
        let shown = host.run(["guest", "show", word, "-o", "json"]).ok().json();
        assert_eq!((&shown["vmid"], &shown["details"]["status"]), (&json!(101), &json!("running")), "{word}");
    }
    host.run(["guest", "show", "pve2/101"]).fails(5);
}

#[test]
fn an_unknown_guest_is_exit_5_with_a_near_one() {
    let host = Host::demo();
    let unknown = host.run(["guest", "show", "999"]).fails(5);
    assert_eq!(unknown.stdout, "");
    unknown.says("no guest '999'").says("felhom guest list");
    host.run(["guest", "config", "assistant"]).fails(5).says("201 (homeassistant)");
}

#[test]
fn an_ambiguous_name_lists_the_candidates() {
    let host = Host::demo();
    host.with_state(|state| state.guests.get_mut(&103).unwrap().config.insert("hostname".into(), "web".into())).unwrap();
    host.run(["guest", "show", "web"]).fails(2).says("pve1/101, pve2/103");
}

#[test]
fn without_a_guest_and_without_a_terminal_it_says_what_is_missing() {
    let host = Host::demo();
    host.run(["guest", "show"]).fails(2).says("felhom guest list");
}

#[test]
fn a_configuration_shows_what_waits_for_a_restart() {
    let host = Host::demo();
    let pending = host.run(["guest", "config", "101", "--pending", "-o", "json"]).ok().json();
    assert_eq!(pending, json!([{ "key": "memory", "value": "1024", "pending": "2048", "delete": false }]));
    let config = host.run(["guest", "config", "101", "--jq", ".hostname, .rootfs"]).ok();
    assert_eq!(config.stdout, "web\nlocal-lvm:vm-101-disk-0,size=8G\n");
}

#[test]
fn secrets_of_a_configuration_are_masked() {
    let host = Host::demo();
    host.with_state(|state| state.guests.get_mut(&201).unwrap().config.insert("cipassword".into(), "$5$hush".into())).unwrap();
    for format in ["table", "json", "yaml"] {
        let shown = host.run(["guest", "config", "201", "-o", format]).ok();
        assert!(!shown.stdout.contains("hush"), "{shown}");
        shown.shows("cipassword");
    }
}

#[test]
fn the_next_free_number() {
    let host = Host::demo();
    assert_eq!(host.run(["guest", "next-id"]).ok().stdout, "100\n");
}

#[test]
fn a_guest_that_has_moved_is_found_again() {
    let host = Host::demo();
    // Between the list and the call it went to another node.
    let moved = "Configuration file 'nodes/pve1/lxc/101.conf' does not exist";
    let trouble = felhom::demo::faults::Trouble::Status { code: 500, reason: moved.into() };
    host.inject(felhom::demo::faults::Fault::new("GET", "/nodes/pve1/lxc/101/config", trouble));
    host.run(["guest", "config", "101"]).fails(5).says("does not exist");
    assert_eq!(host.count("GET", "/cluster/resources"), 2, "it was looked up once more, and no further");
}

#[test]
fn a_list_while_a_node_is_down_shows_the_rest() {
    let host = Host::with(&Options { offline: vec!["pve3".into()], ..demo_options() });
    let list = host.run(["guest", "list", "-o", "json"]).ok().json();
    assert_eq!(list.as_array().unwrap().len(), 13);
    assert_eq!(list[0]["status"], "running");
}

#[test]
fn what_the_token_may_not_see_is_not_there_and_that_is_said() {
    let host = Host::demo();
    host.deny("/");
    let none = host.run(["guest", "list"]).ok();
    assert_eq!(none.stdout, "");
    none.says("lacks VM.Audit").says("felhom role check");
    host.run(["guest", "show", "101"]).fails(5).says("felhom role check");
}

#[test]
fn a_denied_call_names_privilege_and_path() {
    let host = Host::baseline().with_token("nobody@pve!tok");
    let denied = host.run(["api", "get", "/nodes/pve1/lxc/101/config"]).fails(4);
    assert_eq!(denied.stdout, "");
    denied.says("VM.Audit").says("/vms/101").says("--allow VM.Audit --path /vms/101`");
    let error = host.run(["api", "get", "/nodes/pve1/lxc/101/config", "-o", "json"]).fails(4).error();
    assert_eq!((&error["kind"], &error["path"], &error["privilege"]), (&json!("denied"), &json!("/vms/101"), &json!("VM.Audit")));
}
