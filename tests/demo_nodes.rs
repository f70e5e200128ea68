//! Disks, repositories, subscription and certificates of the demo site's nodes.

use serde_json::Value;

use crate::support::desk::Demo;

fn at(path: &str) -> String {
    format!("/nodes/pve1/{path}")
}

fn find<'a>(list: &'a Value, key: &str, value: &str) -> Option<&'a Value> {
    list.as_array().unwrap().iter().find(|row| row[key] == value)
}

/// Returns the use of a disk of pve1.
fn used(demo: &Demo, path: &str) -> String {
    find(&demo.get(&at("disks/list")), "devpath", path).unwrap()["used"].as_str().unwrap().to_owned()
}

#[test]
fn a_volume_group_is_created_with_its_storage_and_removed_with_its_disks() {
    let demo = Demo::site();
    let create = |name: &str, path: &str| demo.post(&at("disks/lvm"), &[("name", name), ("device", path), ("add_storage", "1")]);
    assert_eq!(create("fast", "/dev/sdx").reason, "not a valid block device");
    assert_eq!(create("fast", "/dev/sdb").reason, "device '/dev/sdb' is already in use");
    assert_eq!(create("tank", "/dev/sdc").reason, "storage ID 'tank' already defined");
    assert_eq!(demo.exit(&create("pve", "/dev/sdc")), "volume group with name 'pve' already exists on node 'pve1'");
    assert_eq!(demo.exit(&create("fast", "/dev/sdc")), "OK");
    assert_eq!(used(&demo, "/dev/sdc"), "LVM");
    let groups = demo.get(&at("disks/lvm"));
    assert_eq!(find(&groups["children"], "name", "fast").unwrap()["children"][0]["name"], "/dev/sdc");
    assert_eq!((&demo.get("/storage/fast")["vgname"], &demo.get("/storage/fast")["nodes"]), (&"fast".into(), &"pve1".into()));
    assert!(find(&demo.get(&at("scan/lvm")), "vg", "fast").is_some());
    assert_eq!(demo.put(&at("disks/wipedisk"), &[("disk", "/dev/sdc")]).reason, "Permission check failed (user != root@pam)");
    let held = demo.as_root("PUT", &at("disks/wipedisk"), &[("disk", "/dev/sdc")]);
    assert_eq!(held.reason, "disk/partition '/dev/sdc' has a holder");
    assert_eq!(demo.exit(&demo.delete(&at("disks/lvm/fast?cleanup-disks=1&cleanup-config=1"))), "OK");
    assert_eq!(used(&demo, "/dev/sdc"), "");
    assert_eq!(demo.call("root@pam!demo", "GET", "/storage/fast", &[]).reason, "storage 'fast' does not exist");
    assert_eq!(demo.exit(&demo.delete(&at("disks/lvm/fast"))), "no such volume group 'fast'");
}

#[test]
fn a_thin_pool_is_created_and_removed() {
    let demo = Demo::site();
    assert_eq!(demo.exit(&demo.post(&at("disks/lvmthin"), &[("name", "thin"), ("device", "/dev/sdc")])), "OK");
    assert_eq!(find(&demo.get(&at("disks/lvmthin")), "lv", "thin").unwrap()["vg"], "thin");
    assert_eq!(demo.exit(&demo.delete(&at("disks/lvmthin/nosuch?volume-group=thin"))), "no such thin pool thin/nosuch");
    let removed = demo.delete(&at("disks/lvmthin/thin?volume-group=thin&cleanup-disks=1"));
    assert!(removed.data().as_str().unwrap().contains(":lvmthinremove:thin-thin:"), "{removed:?}");
    assert_eq!(demo.exit(&removed), "OK");
    assert_eq!((used(&demo, "/dev/sdc"), find(&demo.get(&at("disks/lvmthin")), "lv", "thin")), (String::new(), None));
}

#[test]
fn a_zfs_pool_checks_its_raid_level() {
    let demo = Demo::site();
    let create = |level: &str, devices: &str| demo.post(&at("disks/zfs"), &[("name", "fast"), ("raidlevel", level), ("devices", devices)]);
    assert_eq!(create("mirror", "/dev/sdc").reason, "mirror needs at least 2 disks");
    assert_eq!(create("raid10", "/dev/sdc").reason, "raid10 needs an even number of disks");
    let made = create("single", "/dev/sdc");
    assert_eq!(demo.log(&made)[0], "# /sbin/zpool create -o ashift=12 fast /dev/sdc");
    assert_eq!(find(&demo.get(&at("disks/zfs")), "name", "fast").unwrap()["health"], "ONLINE");
    assert_eq!(demo.get(&at("disks/zfs/fast"))["children"][0]["children"][0]["name"], "/dev/sdc");
    assert_eq!(create("single", "/dev/sdc").reason, "device '/dev/sdc' is already in use");
    assert_eq!(demo.exit(&demo.delete(&at("disks/zfs/fast?cleanup-disks=1"))), "OK");
    assert_eq!(used(&demo, "/dev/sdc"), "");
    let baseline = Demo::start();
    assert_eq!(baseline.call("root@pam!rig", "GET", &at("disks/zfs"), &[]).reason, "zfsutils-linux not installed");
}

#[test]
fn a_directory_is_created_on_an_initialized_disk() {
    let demo = Demo::site();
    assert_eq!(demo.post(&at("disks/initgpt"), &[("disk", "/dev/sdb")]).reason, "disk /dev/sdb already in use");
    assert_eq!(demo.exit(&demo.post(&at("disks/initgpt"), &[("disk", "/dev/sdc")])), "OK");
    assert_eq!(find(&demo.get(&at("disks/list")), "devpath", "/dev/sdc").unwrap()["gpt"], 1);
    let create =
        || demo.post(&at("disks/directory"), &[("name", "bulk"), ("device", "/dev/sdc"), ("filesystem", "xfs"), ("add_storage", "1")]);
    assert_eq!(demo.exit(&create()), "OK");
    let row = find(&demo.get(&at("disks/directory")), "path", "/mnt/pve/bulk").unwrap().clone();
    assert_eq!((&row["type"], &row["device"]), (&"xfs".into(), &"/dev/sdc1".into()));
    assert_eq!(demo.get("/storage/bulk")["is_mountpoint"], 1);
    assert_eq!(create().reason, "device '/dev/sdc' is already in use");
    assert_eq!(demo.exit(&demo.delete(&at("disks/directory/bulk?cleanup-disks=1&cleanup-config=1"))), "OK");
    assert_eq!(used(&demo, "/dev/sdc"), "");
    let missing = demo.exit(&demo.delete(&at("disks/directory/bulk")));
    assert_eq!(missing, "can't open '/etc/systemd/system/mnt-pve-bulk.mount' - No such file or directory");
}

#[test]
fn a_standard_repository_is_added_and_disabled_with_a_digest() {
    let demo = Demo::site();
    let list = || demo.get(&at("apt/repositories"));
    let status = |handle: &str| find(&list()["standard-repos"], "handle", handle).unwrap().get("status").cloned();
    let before = list()["digest"].as_str().unwrap().to_owned();
    assert_eq!(status("no-subscription"), None);
    demo.put(&at("apt/repositories"), &[("handle", "no-subscription"), ("digest", &before)]).data();
    assert_eq!(status("no-subscription"), Some(1.into()));
    let late = demo.put(&at("apt/repositories"), &[("handle", "test"), ("digest", &before)]);
    assert_eq!(late.reason, "detected modified configuration - file changed by other user? Try again.");
    let file = "/etc/apt/sources.list.d/proxmox.sources";
    let change = |path: &str, index: &str| demo.post(&at("apt/repositories"), &[("path", path), ("index", index), ("enabled", "0")]);
    change(file, "0").data();
    assert_eq!(status("no-subscription"), Some(0.into()));
    assert_eq!(change(file, "7").reason, "invalid index: 7");
    assert_eq!(change("/etc/nosuch", "0").reason, "invalid path: /etc/nosuch");
    assert_eq!(demo.put(&at("apt/repositories"), &[("handle", "nosuch")]).reason, "unknown repository handle 'nosuch'");
}

#[test]
fn a_subscription_key_is_set_and_deleted() {
    let demo = Demo::site();
    assert_eq!(demo.get(&at("subscription"))["status"], "notfound");
    demo.put(&at("subscription"), &[("key", "pve2b-0123456789")]).data();
    let known = demo.get(&at("subscription"));
    assert_eq!((&known["status"], &known["productname"]), (&"active".into(), &"Proxmox VE Basic Subscription 2 CPU/year".into()));
    demo.post(&at("subscription"), &[("force", "1")]).data();
    demo.delete(&at("subscription")).data();
    assert_eq!(demo.get(&at("subscription"))["status"], "notfound");
}

#[test]
fn a_certificate_is_ordered_renewed_and_revoked() {
    let demo = Demo::site();
    let register = |name: &str| demo.as_root("POST", "/cluster/acme/account", &[("name", name), ("contact", "ops@example.org")]);
    assert_eq!(demo.exit(&register("default")), "OK");
    let account = demo.as_root("GET", "/cluster/acme/account/default", &[]);
    assert_eq!(account.data()["account"]["contact"][0], "mailto:ops@example.org");
    assert_eq!(register("default").body["errors"]["name"], "ACME account config file 'default' already exists.");
    let order = || demo.post(&at("certificates/acme/certificate"), &[]);
    assert_eq!((order().status, order().reason.as_str()), (400, "ACME domain list in node configuration is missing!"));
    demo.put(&at("config"), &[("acme", "account=default,domains=pve1.example.org")]).data();
    let ordered = order();
    assert!(demo.log(&ordered).iter().any(|line| line == "Status is 'valid', domain 'pve1.example.org' OK!"), "{ordered:?}");
    let shown = |demo: &Demo| find(&demo.get(&at("certificates/info")), "filename", "pveproxy-ssl.pem").cloned();
    assert_eq!(shown(&demo).unwrap()["subject"], "/CN=pve1.example.org");
    assert_eq!(order().body["errors"]["force"], "Custom certificate exists but 'force' is not set.");
    let renew = |force: &str| demo.put(&at("certificates/acme/certificate"), &[("force", force)]);
    assert!(renew("0").body["errors"]["force"].as_str().unwrap().contains("30 days"));
    assert_eq!(demo.exit(&renew("1")), "OK");
    assert_eq!(demo.exit(&demo.delete(&at("certificates/acme/certificate"))), "OK");
    assert_eq!(shown(&demo), None);
    assert_eq!(demo.exit(&demo.as_root("DELETE", "/cluster/acme/account/default", &[])), "OK");
    assert!(demo.get("/cluster/acme/account").as_array().unwrap().is_empty());
    assert_eq!(demo.exit(&order()), "ACME account config file 'default' does not exist.");
}

#[test]
fn several_calls_are_made_at_once_by_root() {
    let demo = Demo::site();
    let commands =
        r#"[{"method":"GET","path":"version"},{"method":"GET","path":"nosuch"},{"method":"POST","path":"lxc/101/snapshot","args":{}}]"#;
    assert_eq!(demo.post(&at("execute"), &[("commands", commands)]).reason, "Permission check failed (user != root@pam)");
    let rows = demo.as_root("POST", &at("execute"), &[("commands", commands)]).data().clone();
    assert_eq!((&rows[0]["status"], &rows[0]["data"]["version"]), (&200.into(), &"9.2.11".into()));
    assert_eq!((&rows[1]["status"], &rows[2]["status"]), (&501.into(), &400.into()));
    assert_eq!(rows[2]["errors"]["snapname"], "property is missing and it is not optional");
}
