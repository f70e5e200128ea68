//! Ceph on the demo host.

use serde_json::Value;

use crate::support::desk::Demo;

const CEPH: &str = "/nodes/pve1/ceph";

fn at(path: &str) -> String {
    format!("{CEPH}/{path}")
}

fn find<'a>(list: &'a Value, key: &str, value: &str) -> Option<&'a Value> {
    list.as_array().unwrap().iter().find(|row| row[key] == value)
}

/// Returns the OSDs of the tree.
fn osds(demo: &Demo) -> Vec<Value> {
    let tree = demo.get(&at("osd"));
    let hosts = tree["root"]["children"][0]["children"].as_array().unwrap();
    hosts.iter().flat_map(|host| host["children"].as_array().unwrap().clone()).collect()
}

#[test]
fn a_host_without_ceph_names_the_missing_binary() {
    let demo = Demo::start();
    for (method, path) in [
        ("GET", "/cluster/ceph/status"),
        ("GET", "/nodes/pve1/ceph/osd"),
        ("POST", "/nodes/pve1/ceph/mon/pve1"),
        ("DELETE", "/nodes/pve1/ceph/pool/vms"),
        ("PUT", "/cluster/ceph/flags/noout"),
    ] {
        let params: &[_] = if path.ends_with("noout") { &[("value", "1")] } else { &[] };
        let answer = demo.as_root(method, path, params);
        assert_eq!((answer.status, answer.reason.as_str()), (500, "binary not installed: /usr/bin/ceph-mon"), "{method} {path}");
    }
    assert_eq!(demo.as_root("POST", "/nodes/pve1/ceph/init", &[]).reason, "Ceph Nautilus required - please run 'pveceph install'");
    assert!(demo.get("/cluster/ceph/metadata?scope=versions")["node"].as_object().unwrap().is_empty());
    assert!(find(&demo.get("/nodes/pve1/ceph/releases"), "release", "squid").is_some());
}

#[test]
fn an_osd_is_created_on_a_free_disk_and_destroyed_only_when_it_is_down_and_out() {
    let demo = Demo::site();
    assert_eq!(osds(&demo).len(), 3);
    assert_eq!(demo.post(&at("osd"), &[("dev", "/dev/sdc")]).reason, "Permission check failed (user != root@pam)");
    assert_eq!(demo.as_root("POST", &at("osd"), &[("dev", "/dev/sdb")]).reason, "device '/dev/sdb' is already in use");
    assert_eq!(demo.as_root("POST", &at("osd"), &[("dev", "/dev/sdx")]).reason, "unable to get device info for '/dev/sdx'");
    let made = demo.as_root("POST", &at("osd"), &[("dev", "/dev/sdc"), ("crush-device-class", "nvme")]);
    assert_eq!(demo.log(&made).first().unwrap(), "create OSD on /dev/sdc (bluestore)");
    let new = osds(&demo).into_iter().find(|osd| osd["id"] == "3").unwrap();
    assert_eq!((&new["device_class"], &new["status"], &new["in"]), (&"nvme".into(), &"up".into(), &1.into()));
    let disks = demo.get("/nodes/pve1/disks/list");
    assert_eq!(find(&disks, "devpath", "/dev/sdc").unwrap()["osdid"], 3);

    let destroy = |path: &str| demo.as_root("DELETE", path, &[("cleanup", "1")]);
    assert_eq!(destroy(&at("osd/3")).reason, "osd is in use (in == 1)");
    demo.post(&at("osd/3/out"), &[]).data();
    assert_eq!(destroy(&at("osd/3")).reason, "osd is still running (up == 1)");
    assert_eq!(demo.exit(&demo.post(&at("stop"), &[("service", "osd.3")])), "OK");
    let other = destroy("/nodes/pve2/ceph/osd/3");
    assert!(other.reason.starts_with("OSD osd.3 does not belong to node pve2!"), "{other:?}");
    assert_eq!(demo.exit(&destroy(&at("osd/3"))), "OK");
    assert_eq!(osds(&demo).len(), 3);
    let disks = demo.get("/nodes/pve1/disks/list");
    assert_eq!(find(&disks, "devpath", "/dev/sdc").unwrap()["used"], "");
    assert_eq!(demo.post(&at("osd/9/in"), &[]).reason, "no such OSD '9'");
}

#[test]
fn an_osd_has_metadata_and_a_volume() {
    let demo = Demo::site();
    let metadata = demo.get(&at("osd/0/metadata"));
    assert_eq!((&metadata["osd"]["hostname"], &metadata["devices"][0]["device"]), (&"pve1".into(), &"block".into()));
    assert!(demo.get(&at("osd/0/lv-info"))["lv_path"].as_str().unwrap().starts_with("/dev/ceph-"));
    let reason = |path: &str| demo.call("root@pam!demo", "GET", path, &[]).reason;
    assert_eq!(reason(&at("osd/1/metadata")), "OSD '1' does not exists on host 'pve1'");
    assert_eq!(reason(&at("osd/0/lv-info?type=db")), "volume type 'db' not found for OSD 0");
}

#[test]
fn a_pool_is_created_changed_and_destroyed() {
    let demo = Demo::site();
    assert_eq!(demo.exit(&demo.post(&at("pool"), &[("name", "fast"), ("add_storages", "1")])), "OK");
    let pool = find(&demo.get(&at("pool")), "pool_name", "fast").unwrap().clone();
    assert_eq!((&pool["size"], &pool["pg_num"], &pool["crush_rule_name"]), (&3.into(), &128.into(), &"replicated_rule".into()));
    assert_eq!(demo.get("/storage/fast")["pool"], "fast");
    let changed = demo.put(&at("pool/fast"), &[("size", "2"), ("min_size", "1"), ("crush_rule", "ssd_only")]);
    assert_eq!(demo.log(&changed)[..2], ["pool fast: applying size = 2", "pool fast: applying crush_rule = ssd_only"]);
    let status = demo.get(&at("pool/fast/status?verbose=1"));
    assert_eq!((&status["size"], &status["crush_rule"], &status["application_list"][0]), (&2.into(), &"ssd_only".into(), &"rbd".into()));
    assert_eq!(
        demo.exit(&demo.put(&at("pool/fast"), &[("min_size", "5"), ("crush_rule", "nosuch")])),
        "Could not set: crush_rule, min_size"
    );

    demo.host
        .with_state(|state| {
            let disk = felhom::demo::state::Volume::new("fast:vm-101-disk-9", "images", "raw", 1);
            state.storages.get_mut("fast").unwrap().volumes.push(disk);
        })
        .unwrap();
    assert_eq!(demo.exit(&demo.delete(&at("pool/fast"))), "ceph pool 'fast' still in use by storage 'fast'");
    assert_eq!(demo.exit(&demo.delete(&at("pool/fast?force=1&remove_storages=1"))), "OK");
    assert_eq!(demo.call("root@pam!demo", "GET", "/storage/fast", &[]).reason, "storage 'fast' does not exist");
    assert_eq!(demo.exit(&demo.delete(&at("pool/fast"))), "error with 'osd pool get': mon_cmd failed - unrecognized pool 'fast'");

    assert_eq!(demo.exit(&demo.post(&at("pool"), &[("name", "ec"), ("erasure-coding", "k=2,m=1")])), "OK");
    let pools = demo.get(&at("pool"));
    assert_eq!(find(&pools, "pool_name", "ec-data").unwrap()["type"], "erasure");
    assert_eq!(demo.get("/storage/ec")["data-pool"], "ec-data");
}

#[test]
fn daemons_are_created_stopped_and_destroyed() {
    let demo = Demo::site();
    assert_eq!(demo.post(&at("mon/pve1"), &[]).reason, "monitor 'pve1' already exists");
    assert_eq!(demo.post(&at("mon/extra"), &[]).reason, "monitor address '192.0.2.11' already in use");
    assert_eq!(demo.exit(&demo.post("/nodes/pve3/ceph/mgr/pve3", &[])), "OK");
    let states = |kind: &str| -> Vec<String> {
        demo.get(&at(kind)).as_array().unwrap().iter().map(|row| row["state"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(states("mgr"), ["active", "standby", "standby"]);
    assert_eq!(demo.exit(&demo.post(&at("stop"), &[("service", "mgr.pve1")])), "OK");
    assert_eq!(states("mgr"), ["stopped", "active", "standby"]);
    assert_eq!(demo.exit(&demo.delete(&at("mgr/pve1"))), "OK");
    assert_eq!(demo.exit(&demo.delete(&at("mgr/pve1"))), "ceph manager directory '/var/lib/ceph/mgr/ceph-pve1' not found");
    assert_eq!(demo.exit(&demo.delete("/nodes/pve3/ceph/mon/pve3")), "OK");
    assert_eq!(demo.delete("/nodes/pve3/ceph/mon/pve3").reason, "no such monitor id 'pve3'");
    assert_eq!(demo.post(&at("mds/1a"), &[]).reason, "ID of the MDS cannot start with a number!");
    assert_eq!(
        demo.exit(&demo.post(&at("restart"), &[("service", "mds.nosuch")])),
        "command '/bin/systemctl restart ceph-mds@nosuch' failed: exit code 5"
    );
    let dry = demo.post("/cluster/ceph/restart-bulk", &[("service-type", "mon"), ("dry-run", "1")]);
    assert_eq!(demo.log(&dry)[0], "[1/2] would restart mon.pve1 on pve1");
}

#[test]
fn a_file_system_requires_a_standby_server_and_is_deleted_when_none_serves_it() {
    let demo = Demo::site();
    assert_eq!(demo.exit(&demo.post(&at("fs/media"), &[("add-storage", "1")])), "OK");
    assert_eq!(find(&demo.get(&at("fs")), "name", "media").unwrap()["data_pool"], "media_data");
    assert_eq!(find(&demo.get(&at("mds")), "name", "pve2").unwrap()["fs_name"], "media");
    assert_eq!(demo.get("/storage/media")["fs-name"], "media");
    assert_eq!(demo.post(&at("fs/third"), &[]).reason, "no standby Metadata Server (MDS) found!");
    assert_eq!(demo.post(&at("fs/media"), &[]).reason, "ceph pools 'media_data' and/or 'media_metadata' already exist");
    let enabled = demo.delete(&at("fs/media?remove-storages=1"));
    assert_eq!(demo.exit(&enabled), "storage 'media' is not disabled, make sure to disable and unmount the storage first");
    let served = "error with 'fs rm': mon_cmd failed - all MDS daemons must be inactive/failed before removing filesystem";
    assert_eq!(demo.exit(&demo.delete(&at("fs/media"))), served);
    demo.put("/storage/media", &[("disable", "1")]).data();
    assert_eq!(demo.exit(&demo.post("/nodes/pve2/ceph/stop", &[("service", "mds.pve2")])), "OK");
    assert_eq!(demo.exit(&demo.delete(&at("fs/media?remove-storages=1&remove-pools=1"))), "OK");
    assert!(find(&demo.get(&at("pool")), "pool_name", "media_data").is_none());
    assert_eq!(demo.delete(&at("fs/media")).reason, "no such cephfs 'media'");
}

#[test]
fn flags_and_stopped_osds_show_in_the_health() {
    let demo = Demo::site();
    let health = || demo.get("/cluster/ceph/status")["health"]["status"].as_str().unwrap().to_owned();
    assert_eq!(health(), "HEALTH_OK");
    demo.put("/cluster/ceph/flags/noout", &[("value", "1")]).data();
    assert_eq!((health(), demo.get("/cluster/ceph/flags/noout")), ("HEALTH_WARN".to_owned(), 1.into()));
    let several = demo.put("/cluster/ceph/flags", &[("noout", "0"), ("nodown", "1"), ("noin", "0")]);
    assert_eq!(demo.log(&several)[..2], ["set nodown", "unset noout"]);
    demo.put("/cluster/ceph/flags/nodown", &[("value", "0")]).data();
    let safe = || demo.get(&at("cmd-safety?service=osd&id=0&action=stop"))["safe"].clone();
    assert_eq!(safe(), true);
    demo.exit(&demo.post(&at("stop"), &[("service", "osd.0")]));
    assert_eq!((health(), safe()), ("HEALTH_WARN".to_owned(), false.into()));
    assert_eq!(demo.get(&at("status"))["osdmap"]["num_up_osds"], 2);
    let unsupported = demo.call("root@pam!demo", "GET", &at("cmd-safety?service=mds&id=pve1&action=destroy"), &[]);
    assert_eq!(unsupported.reason, "Service does not support this action: mds: destroy");
}

#[test]
fn the_configuration_is_read_as_a_file_and_by_key() {
    let demo = Demo::site();
    assert!(demo.get(&at("cfg/raw")).as_str().unwrap().starts_with("[global]\n\tfsid = "));
    let values = demo.get(&at("cfg/value?config-keys=global:osd_pool_default_size,osd:osd-memory-target,nosuch:key"));
    assert_eq!(values, serde_json::json!({ "global": { "osd-pool-default-size": "3" }, "osd": { "osd-memory-target": "4294967296" } }));
    demo.post(&at("init"), &[("network", "192.0.2.0/25")]).data();
    assert!(demo.get(&at("cfg/raw")).as_str().unwrap().contains("public_network = 192.0.2.0/25"));
    assert!(demo.get(&at("crush")).as_str().unwrap().contains("item osd.0 weight"));
    assert_eq!(demo.get(&at("log?limit=1")).as_array().unwrap().len(), 1);
}
