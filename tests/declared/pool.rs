//! Resource pools, from creation to deletion.

use crate::support::Host;

#[test]
fn a_pool_from_creation_to_deletion() {
    let host = Host::demo().with_token("root@pam!demo");
    let made = host.run(["pool", "create", "web", "--comment", "web servers", "-o", "json"]).ok();
    assert_eq!((made.json()[0]["status"].as_str(), made.json()[0]["name"].as_str()), (Some("ok"), Some("web")));
    assert!(host.run(["pool", "list"]).ok().stdout.contains("web servers"));
    host.run(["pool", "create", "web"]).fails(3).says("felhom pool set web");
    host.run(["pool", "add", "web", "--vms", "110"]).ok();
    let shown = host.run(["pool", "show", "web", "-o", "json"]).ok();
    assert_eq!(shown.json()["members"][0]["vmid"], 110);
    assert_eq!(host.run(["pool", "set", "web", "--comment", "web servers", "-o", "json"]).ok().json()[0]["status"], "unchanged");
    host.run(["pool", "set", "web", "--comment", "other"]).ok();
    host.run(["pool", "set", "web"]).fails(2);
    host.run(["pool", "delete", "web"]).fails(3).says("--confirm web");
    host.run(["pool", "delete", "web", "--confirm", "web"]).fails(1);
    host.run(["pool", "remove", "web", "--vms", "110", "--yes"]).ok();
    host.run(["pool", "delete", "web", "--confirm", "web"]).ok();
    host.run(["pool", "show", "web"]).fails(5);
    host.run(["pool", "delete", "web", "--confirm", "web"]).fails(5).says("felhom pool list");
    host.run(["pool", "create", "a b"]).fails(2).says("a b");
}
