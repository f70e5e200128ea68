//! `guest tag add`, `remove`.

use crate::support::Host;

#[test]
fn tags_come_and_go_and_what_is_so_already_is_unchanged() {
    let host = Host::demo();
    let done = host.run(["guest", "tag", "add", "110,111", "dmz", "web", "-o", "json"]).ok().json();
    assert_eq!(done[0]["tags"], serde_json::json!(["dmz", "docker", "web"]), "as the host sorts them");
    assert_eq!((&done[0]["action"], &done[1]["vmid"]), (&"tag".into(), &111.into()));
    let again = host.run(["guest", "tag", "add", "110", "web", "-o", "json"]).ok().json();
    assert_eq!((&again[0]["status"], &again[0]["tags"][2]), (&"unchanged".into(), &"web".into()));
    assert_eq!(host.count("PUT", "/lxc/110/config"), 1);
    host.run(["guest", "tag", "remove", "110", "dmz", "docker", "web"]).ok();
    assert_eq!(host.run(["guest", "config", "110", "--jq", ".tags"]).ok().stdout.trim(), "null");
    let gone = host.run(["guest", "tag", "remove", "110", "web", "-o", "json"]).ok().json();
    assert_eq!(gone[0]["status"], "unchanged");
}

#[test]
fn a_tag_that_protects_goes_by_force_alone() {
    let host = Host::demo();
    host.run(["guest", "tag", "add", "110", "protected"]).ok();
    host.run(["guest", "tag", "remove", "110", "protected"]).fails(3).says("refusing to remove the tag 'protected'").says("--force");
    host.run(["guest", "tag", "remove", "110", "protected", "--force"]).ok();
    host.run(["guest", "stop", "110", "--yes"]).ok();
}

#[test]
fn what_is_no_tag_is_a_mistake() {
    let host = Host::demo();
    host.run(["guest", "tag", "add", "110", "-x"]).fails(2);
    host.run(["guest", "tag", "add", "110", "a=b"]).fails(2).says("'a=b' is no tag");
    host.run(["guest", "tag", "add", "999", "x"]).fails(5);
    assert_eq!(host.count("PUT", "/config"), 0);
}
