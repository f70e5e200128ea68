//! `felhom api …`: any call, by its path.

use serde_json::json;

use crate::support::{Demo, Host};

#[test]
fn a_call_answers_what_the_host_answers() {
    let host = Host::baseline();
    let version = host.run(["api", "get", "/version", "-o", "json"]).ok();
    assert_eq!(version.json(), json!({ "release": "9.2", "repoid": "14a22df35955d97d", "version": "9.2.11" }));
    assert_eq!(version.stderr, "");
}

#[test]
fn the_demo_answers_too() {
    let demo = Demo::new();
    let version = demo.run(["api", "get", "/version", "--jq", ".version"]).ok();
    assert_eq!(version.stdout, "9.2.11\n");
    assert_eq!(demo.requests().len(), 1);
}
