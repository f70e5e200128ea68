//! Declared changes pass the checks that apply to their calls.

use crate::support::Host;

#[test]
fn ha_does_not_stop_a_protected_guest() {
    let host = Host::demo().with_token("root@pam!demo");
    let protected = "protected_tags = [\"prod\"]";
    let stopped = ["ha", "resource", "add", "ct:101", "--state", "stopped", "--yes"];
    host.run_in_context(protected, &stopped).fails(3).says("prod");
    assert_eq!(host.count("POST", "/cluster/ha/resources"), 0);
    host.run_in_context(protected, &["ha", "resource", "add", "ct:101", "--state", "started"]).ok();
    host.run_in_context(protected, &["ha", "resource", "set", "ct:101", "--state", "disabled", "--yes"]).fails(3).says("prod");
    assert_eq!(host.count("PUT", "/cluster/ha/resources/ct:101"), 0);
    let plan = host.run(["ha", "resource", "set", "ct:101", "--state", "stopped", "--plan", "-o", "json"]).ok().json();
    assert_eq!(plan["risk"], "disruptive");
}

#[test]
fn the_plan_of_a_network_reload_says_what_it_touches() {
    let host = Host::demo().with_token("root@pam!demo");
    host.run(["node", "network", "apply", "--node", "pve1", "--plan"]).ok().shows("node pve1 reloads its network");
}

#[test]
fn a_comment_with_its_words_in_another_order_is_a_change() {
    let host = Host::demo().with_token("root@pam!demo");
    host.run(["access", "group", "create", "ops", "--comment", "day shift"]).ok();
    let set = host.run(["access", "group", "set", "ops", "--comment", "shift day", "-o", "json"]).ok();
    assert_eq!(set.json()[0]["status"], "ok");
}

#[test]
fn appended_groups_are_not_the_whole() {
    let host = Host::demo().with_token("root@pam!demo");
    for group in ["one", "two"] {
        host.run(["access", "group", "create", group]).ok();
    }
    host.run(["access", "user", "create", "ops@pve", "--groups", "one"]).ok();
    host.run(["access", "user", "set", "ops@pve", "--groups", "two", "--append"]).ok();
    host.run(["access", "user", "show", "ops@pve"]).ok().shows("one").shows("two");
}
