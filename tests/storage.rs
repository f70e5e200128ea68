//! `felhom storage list | content`.

use serde_json::json;

use crate::support::Host;

#[test]
fn storages_stand_by_node_and_a_shared_one_once() {
    let host = Host::demo();
    let list = host.run(["storage", "list", "-o", "json"]).ok().json();
    let of = |name: &str| list.as_array().unwrap().iter().filter(|row| row["storage"] == name).cloned().collect::<Vec<_>>();
    assert_eq!((of("local").len(), of("nas").len()), (3, 1));
    assert_eq!((&of("nas")[0]["shared"], &of("local")[0]["kind"]), (&json!(true), &json!("dir")));
    let backup = host.run(["storage", "list", "--content", "backup", "--columns", "storage", "--no-headers", "--node", "pve1"]).ok();
    assert_eq!(backup.lines(), ["local", "nas", "pbs"]);
}

#[test]
fn content_is_listed_by_kind() {
    let host = Host::demo();
    let templates = host.run(["storage", "content", "local", "--content", "vztmpl", "-o", "id"]).ok();
    assert!(templates.lines().iter().all(|volume| volume.starts_with("local:vztmpl/")), "{templates}");
    assert!(!templates.stdout.is_empty());
    let unknown = host.run(["storage", "content", "nosuch"]).fails(5);
    unknown.says("there is no storage 'nosuch'").says("Datastore.Audit");
}
