//! Fabrics, CPU models, realms, images and other clusters on the demo site, and an answer for every method.

use std::collections::BTreeMap;

use felhom::api::schema;
use serde_json::{Value, json};

use crate::support::desk::Demo;

fn reason(demo: &Demo, method: &str, path: &str, params: &[(&str, &str)]) -> String {
    demo.call("root@pam!demo", method, path, params).reason
}

const FABRIC: &str = "/cluster/sdn/fabrics/fabric";
const NODE: &str = "/cluster/sdn/fabrics/node/spine";

#[test]
fn a_fabric_has_nodes_within_its_prefix_and_is_applied_with_the_sdn() {
    let demo = Demo::site();
    let node = |name: &str, ip: &str| {
        let interfaces = ("interfaces", "name=eno1");
        demo.post(NODE, &[("node_id", name), ("protocol", "openfabric"), ("ip", ip), interfaces])
    };
    assert_eq!(node("pve1", "10.1.0.1").reason, "adding node failed: fabric 'spine' does not exist in configuration");
    let fabric = [("id", "spine"), ("protocol", "openfabric"), ("ip_prefix", "10.1.0.0/24")];
    demo.post(FABRIC, &fabric).data();
    assert_eq!(demo.post(FABRIC, &fabric).reason, "adding fabric failed: fabric 'spine' already exists in config");
    assert_eq!(node("pve1", "10.2.0.1").reason, "adding node failed: node IP 10.2.0.1 is outside the IP prefix 10.1.0.0/24 of the fabric");
    node("pve1", "10.1.0.1").data();
    assert_eq!(node("pve2", "10.1.0.1").reason, "adding node failed: fabric spine contains nodes with duplicated IPs");
    node("pve2", "10.1.0.2").data();
    assert_eq!(node("pve2", "10.1.0.3").reason, "adding node failed: node 'pve2' already exists in config for fabric spine");
    assert_eq!(demo.get(NODE)[0]["node_id"], "pve1");
    assert_eq!(demo.get("/cluster/sdn/fabrics/all")["nodes"].as_array().unwrap().len(), 2);
    assert_eq!(demo.get(&format!("{FABRIC}?pending=1"))[0]["state"], "new");
    let routes = "/nodes/pve1/sdn/fabrics/spine/routes";
    assert_eq!(reason(&demo, "GET", routes, &[]), "fabric 'spine' does not exist in configuration");
    assert!(demo.get("/cluster/sdn/dry-run?node=pve1")["frr-diff"].as_str().unwrap().contains("+router openfabric spine"));
    assert_eq!(demo.exit(&demo.put("/cluster/sdn", &[])), "OK");
    assert_eq!(demo.get(routes)[0], json!({ "route": "10.1.0.2/32", "via": ["eno1"] }));
    assert_eq!(demo.delete(&format!("{NODE}/pve3")).reason, "deleting node failed: node 'pve3' does not exist in fabric 'spine'");
    demo.delete(&format!("{FABRIC}/spine")).data();
    assert!(demo.get("/cluster/sdn/fabrics/node").as_array().unwrap().is_empty());
    demo.post("/cluster/sdn/rollback", &[]).data();
    assert_eq!(demo.get("/cluster/sdn/fabrics/node").as_array().unwrap().len(), 2);
}

#[test]
fn a_custom_cpu_model_is_listed_with_the_others() {
    let demo = Demo::site();
    let models = "/cluster/qemu/custom-cpu-models";
    demo.post(models, &[("cputype", "fast"), ("reported-model", "EPYC"), ("flags", "+aes")]).data();
    let again = demo.post(models, &[("cputype", "custom-fast"), ("reported-model", "EPYC")]);
    assert_eq!(again.reason, "custom CPU model 'fast' already exists");
    let model = demo.get(&format!("{models}/custom-fast"));
    assert_eq!((&model["cputype"], &model["reported-model"]), (&"custom-fast".into(), &"EPYC".into()));
    let known = demo.get("/nodes/pve1/capabilities/qemu/cpu");
    assert!(known.as_array().unwrap().iter().any(|row| row["name"] == "custom-fast" && row["custom"] == 1));
    let digest = model["digest"].as_str().unwrap();
    demo.put(&format!("{models}/fast"), &[("hidden", "1"), ("delete", "flags"), ("digest", digest)]).data();
    let late = demo.put(&format!("{models}/fast"), &[("hidden", "0"), ("digest", digest)]);
    assert!(late.reason.contains("detected modified configuration"), "{late:?}");
    assert_eq!(reason(&demo, "PUT", &format!("{models}/fast"), &[("delete", "reported-model")]), "cannot delete 'reported-model'");
    demo.delete(&format!("{models}/fast")).data();
    assert_eq!(reason(&demo, "GET", &format!("{models}/fast"), &[]), "custom CPU model 'fast' does not exist");
}

#[test]
fn a_realm_is_synchronized_with_its_directory() {
    let demo = Demo::site();
    let realm = [("realm", "office"), ("type", "ldap"), ("base_dn", "dc=example"), ("user_attr", "uid"), ("server1", "192.0.2.9")];
    demo.post("/access/domains", &realm).data();
    demo.post("/access/users", &[("userid", "old@office")]).data();
    let sync = |params: &[(&str, &str)]| demo.post("/access/domains/office/sync", params);
    assert!(sync(&[]).body["errors"]["scope"].as_str().unwrap().starts_with("Not passed as parameter"));
    let dry = sync(&[("scope", "both"), ("dry-run", "1")]);
    assert!(dry.data().as_str().unwrap().contains(":auth-realm-sync-test:office:"), "{dry:?}");
    assert!(demo.log(&dry).iter().any(|line| line.starts_with("NOTE: Dry test run")), "{dry:?}");
    let users = |demo: &Demo| demo.get("/access/users").as_array().unwrap().iter().filter(|user| user["realm-type"] == "ldap").count();
    assert_eq!(users(&demo), 1);
    let done = sync(&[("scope", "both"), ("remove-vanished", "entry")]);
    assert!(demo.log(&done).contains(&"deleting user 'old@office'".to_owned()), "{done:?}");
    assert_eq!(users(&demo), 3);
    assert_eq!(demo.get("/access/groups/staff-office")["members"].as_array().unwrap().len(), 3);
    let wrong = reason(&demo, "POST", "/access/domains/pve/sync", &[("scope", "users")]);
    assert_eq!(wrong, "Cannot sync realm type 'pve'! Only LDAP/AD realms can be synced.");
    assert_eq!(
        demo.post("/access/openid/auth-url", &[("realm", "office"), ("redirect-url", "https://x")]).reason,
        "wrong realm type (ldap != openid)"
    );
}

#[test]
fn an_image_is_pulled_from_a_registry() {
    let demo = Demo::site();
    assert_eq!(demo.get("/nodes/pve1/query-oci-repo-tags?reference=debian")[1], "13");
    let pull = |storage: &str, image: &str| demo.post(&format!("/nodes/pve1/storage/{storage}/oci-registry-pull"), &[("reference", image)]);
    assert_eq!(demo.exit(&pull("local", "docker.io/library/debian:13")), "OK");
    let volumes = demo.get("/nodes/pve1/storage/local/content?content=vztmpl");
    assert!(volumes.as_array().unwrap().iter().any(|volume| volume["volid"] == "local:vztmpl/debian_13.tar"), "{volumes}");
    assert_eq!(pull("local", "docker.io/library/debian:13").reason, "refusing to override existing file 'debian_13.tar'");
    assert_eq!(pull("tank", "debian:13").reason, "can't upload to storage type 'zfspool', not a file based storage!");
    assert!(demo.exit(&pull("local", "docker.io/library/debian:99")).ends_with("failed: exit code 1"));
    let rig = Demo::start();
    let missing = rig.call("root@pam!rig", "GET", "/nodes/pve1/query-oci-repo-tags?reference=debian", &[]).reason;
    assert_eq!(missing, "Install 'skopeo' to list tags from OCI registries.");
}

#[test]
fn a_guest_moves_to_another_cluster_only_where_there_is_one() {
    let demo = Demo::site();
    let endpoint = "host=198.51.100.77,apitoken=PVEAPIToken=root@pam!x=y";
    let params = [("target-endpoint", endpoint), ("target-bridge", "vmbr0"), ("target-storage", "local")];
    let migrate = |guest: &str| demo.post(&format!("/nodes/{guest}/remote_migrate"), &params).reason;
    assert_eq!(migrate("pve1/lxc/101"), "500 Can't connect to 198.51.100.77:8006 (No route to host)");
    let managed = demo.post("/nodes/pve2/lxc/104/remote_migrate", &params);
    assert_eq!(managed.body["errors"]["vmid"], "cannot remote-migrate CT that is configured for HA");
    let tunnel = demo.post("/nodes/pve1/qemu/300/mtunnel", &[("storages", "local-lvm")]);
    assert_eq!(tunnel.data()["socket"], "/run/qemu-server/300.mtunnel");
}

#[test]
fn a_backup_server_lists_the_files_of_a_backup() {
    let demo = Demo::site();
    let backups = demo.get("/nodes/pve1/storage/pbs/content?content=backup");
    let volume = backups.as_array().unwrap().iter().find(|row| row["subtype"] == "lxc").unwrap()["volid"].as_str().unwrap().to_owned();
    let list = |storage: &str, path: &str| {
        let params = [("volume", volume.as_str()), ("filepath", path)];
        demo.call("root@pam!demo", "GET", &format!("/nodes/pve1/storage/{storage}/file-restore/list"), &params)
    };
    let root = list("pbs", "/").data()[0].clone();
    assert_eq!((&root["text"], &root["type"]), (&"root.pxar.didx".into(), &"v".into()));
    let folders = list("pbs", root["filepath"].as_str().unwrap()).data().clone();
    let etc = folders.as_array().unwrap().iter().find(|row| row["text"] == "etc").unwrap();
    let files = list("pbs", etc["filepath"].as_str().unwrap()).data().clone();
    assert!(files.as_array().unwrap().iter().any(|row| row["text"] == "hostname" && row["leaf"] == 1), "{files}");
    assert_eq!(list("local", "/").reason, "Only PBS storages supported for file-restore.");
}

#[test]
fn a_volume_is_copied_by_root() {
    let demo = Demo::site();
    let path = "/nodes/pve2/storage/tank/content/tank:subvol-103-disk-0";
    let copied = demo.as_root("POST", path, &[("target", "tank:subvol-103-disk-7")]);
    assert_eq!(demo.exit(&copied), "OK");
    let again = demo.as_root("POST", path, &[("target", "tank:subvol-103-disk-7")]);
    assert_eq!(demo.exit(&again), "volume 'tank:subvol-103-disk-7' already exists");
}

#[test]
fn a_node_is_added_to_the_configuration_as_offline() {
    let demo = Demo::site();
    let add = |name: &str| demo.as_root("POST", &format!("/cluster/config/nodes/{name}"), &[("new_node_ip", "192.0.2.40")]);
    assert_eq!(add("pve2").reason, "can't add existing node 'pve2'");
    assert!(add("pve9").data()["corosync_conf"].as_str().unwrap().contains("ring0_addr: 192.0.2.40"));
    let nodes = demo.get("/nodes");
    assert!(nodes.as_array().unwrap().iter().any(|node| node["node"] == "pve9" && node["status"] == "offline"), "{nodes}");
}

/// Fills a path template with objects of the demo site.
fn path_of(template: &str) -> String {
    let lxc = template.contains("/lxc/");
    let values = BTreeMap::from([
        ("node", "pve1"),
        ("vmid", if lxc { "101" } else { "9000" }),
        ("storage", "local"),
        ("osdid", "0"),
        ("flag", "noout"),
        ("snapname", "pre-update"),
        ("realm", "pve"),
        ("userid", "root@pam"),
        ("tokenid", "demo"),
        ("roleid", "PVEAdmin"),
        ("poolid", "lab"),
        ("service", "pveproxy"),
        ("sid", "ct:104"),
    ]);
    let part = |part: &str| match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
        Some("name") if template.contains("/pool/") => "vms".to_owned(),
        Some("name") if template.contains("/disks/zfs/") => "tank".to_owned(),
        Some("id") if template.starts_with("/cluster/backup") => "nightly".to_owned(),
        Some(name) => (*values.get(name).unwrap_or(&"nosuch")).to_owned(),
        None => part.to_owned(),
    };
    template.split('/').map(part).collect::<Vec<_>>().join("/")
}

#[test]
fn every_read_answers_in_the_type_that_the_schema_declares() {
    let demo = Demo::site();
    let (mut wrong, mut answered) = (Vec::new(), 0);
    for method in schema::methods().filter(|method| method.verb == "GET") {
        let answer = demo.as_root("GET", &path_of(method.template), &[]);
        if answer.status == 501 {
            wrong.push(format!("{} is not answered", method.template));
        }
        if answer.status != 200 {
            continue;
        }
        answered += 1;
        let data = &answer.body["data"];
        let declared = method.returns.as_ref().and_then(|returns| returns.as_str().or_else(|| returns["type"].as_str()));
        let fits = match declared {
            Some("array") => data.is_array(),
            Some("object") => data.is_object(),
            Some("string") => data.is_string(),
            Some("null") => data.is_null(),
            _ => true,
        };
        // The recorded host answers null where its schema says otherwise.
        if !fits && *data != Value::Null {
            wrong.push(format!("{} declares {declared:?}: {data}", method.template));
        }
    }
    assert!(answered > 200, "{answered}");
    let open = [
        "/nodes/{node}/lxc/{vmid}/mtunnelwebsocket",
        "/nodes/{node}/qemu/{vmid}/mtunnelwebsocket",
        "/nodes/{node}/storage/{storage}/file-restore/download",
    ];
    wrong.retain(|line| !open.iter().any(|template| line.starts_with(template)));
    assert_eq!(wrong, Vec::<String>::new());
}
