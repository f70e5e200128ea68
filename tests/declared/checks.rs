//! Checks that the host does not make: refused with the reason before anything is sent, and done with --force.

use felhom::demo::faults::{Fault, Trouble};

use crate::support::Host;

fn root() -> Host {
    Host::demo().with_token("root@pam!demo")
}

/// Runs a command that is refused, and names this fact; nothing but reads is sent.
fn refused(host: &Host, words: &str, facts: &[&str]) {
    let before = writes(host);
    let words: Vec<&str> = words.split(' ').collect();
    let run = host.run(&words).fails(3);
    for fact in facts {
        assert!(run.stderr.contains(fact), "{words:?}: '{fact}' is missing: {run}");
    }
    assert_eq!(writes(host), before, "{words:?}");
    let plan = host.run(words.iter().copied().chain(["--plan", "-o", "json"])).ok().json();
    assert_eq!(plan["items"][0]["status"], "refused", "{words:?}: {plan}");
}

fn ok(host: &Host, words: &str) {
    host.run(words.split(' ')).ok();
}

fn writes(host: &Host) -> usize {
    host.requests().iter().filter(|request| request.method != "GET").count()
}

#[test]
fn members_of_a_pool_exist() {
    let host = root();
    ok(&host, "pool create racks");
    refused(&host, "pool add racks --vms 101,999", &["guest '999'"]);
    refused(&host, "pool add racks --storage nosuch", &["storage 'nosuch'", "felhom storage list"]);
    ok(&host, "pool add racks --vms 110 --storage local");
    // A token that does not see a guest is not told that it does not exist.
    let host = host.with_token("felhom@pve!agent");
    host.with_state(|state| state.access.acl.clear()).unwrap();
    host.run(["pool", "add", "racks", "--vms", "102"]).fails(4);
}

#[test]
fn a_storage_with_disks_or_backups_stays() {
    let host = root();
    refused(&host, "storage remove local-lvm --confirm local-lvm", &["'local-lvm' is in use", "vm-"]);
    refused(&host, "storage remove nas --confirm nas", &["vzdump-"]);
    ok(&host, "storage create dir scratch --path /srv/scratch --content iso");
    ok(&host, "storage remove scratch --confirm scratch");
    let denied = || Trouble::Status { code: 403, reason: "Permission check failed (/storage/nas, Datastore.Audit)".into() };
    for node in ["pve1", "pve2", "pve3"] {
        host.inject(Fault::new("GET", &format!("/nodes/{node}/storage/nas/content"), denied()));
    }
    let plan = host.run(["storage", "remove", "nas", "--plan"]).ok();
    assert!(plan.stdout.contains("not checked"), "{plan}");
    ok(&host, "storage remove local-lvm --confirm local-lvm --force");
}

#[test]
fn users_tokens_and_realms_that_something_needs_stay() {
    let host = root();
    refused(&host, "access user create ops@nosuch", &["realm 'nosuch'", "pam"]);
    refused(&host, "access user delete root@pam --confirm root@pam", &["root@pam"]);
    refused(&host, "access user set root@pam --no-enable --yes", &["root@pam"]);
    refused(&host, "access realm delete pve --confirm pve", &["'pve'"]);
    refused(&host, "access token delete root@pam demo --confirm demo", &["root@pam!demo"]);
    ok(&host, "access realm create lan --type ldap --server1 ldap.example.org --base-dn dc=example --user-attr uid");
    ok(&host, "access user create ann@lan");
    refused(&host, "access realm delete lan --confirm lan", &["ann@lan"]);
    ok(&host, "access user delete ann@lan --confirm ann@lan");
    ok(&host, "access realm delete lan --confirm lan");
    refused(&host, "access role delete FelhomAgent --confirm FelhomAgent", &["felhom@pve"]);
    ok(&host, "access group create ops");
    ok(&host, "access acl grant / --group ops --role PVEAuditor");
    refused(&host, "access group delete ops --confirm ops", &["ops on /"]);
    ok(&host, "access group delete ops --confirm ops --force");
    // Raw calls are checked too.
    refused(&host, "api delete /access/users/root@pam --confirm root@pam", &["root@pam"]);
}

#[test]
fn firewall_objects_in_rules_stay() {
    let host = root();
    ok(&host, "firewall alias create office --cidr 198.51.100.0/24 --cluster");
    ok(&host, "firewall ipset create admins --cluster");
    ok(&host, "firewall group create web");
    ok(&host, "firewall rule add --cluster --type in --action ACCEPT --source office --yes");
    ok(&host, "firewall rule add --guest 101 --type in --action ACCEPT --source +dc/admins --yes");
    ok(&host, "firewall rule add --node pve1 --type group --action web --yes");
    refused(&host, "firewall alias delete office --cluster --confirm office", &["alias 'office'", "of cluster"]);
    refused(&host, "firewall ipset delete admins --cluster --confirm admins", &["IP set 'admins'", "101 (web)"]);
    refused(&host, "firewall group delete web --confirm web", &["group 'web'", "node pve1"]);
    ok(&host, "firewall group delete web --confirm web --force");
    ok(&host, "firewall alias create own --cidr 198.51.100.9 --guest 101");
    ok(&host, "firewall rule add --guest 101 --type in --action ACCEPT --source own --yes");
    refused(&host, "firewall alias delete own --guest 101 --confirm own", &["guest 101"]);
}

#[test]
fn a_firewall_that_lets_nobody_in_is_disruptive() {
    let host = root();
    let plan = host.run(["firewall", "options", "set", "--cluster", "--enable", "1", "--plan", "-o", "json"]).ok().json();
    assert_eq!(plan["risk"], "disruptive", "{plan}");
    assert!(plan.to_string().contains("8006"), "{plan}");
    ok(&host, "firewall rule add --cluster --type in --action ACCEPT --proto tcp --dport 8006 --enable 1 --yes");
    let plan = host.run(["firewall", "options", "set", "--cluster", "--enable", "1", "--plan", "-o", "json"]).ok().json();
    assert!(!plan.to_string().contains("8006"), "{plan}");
}

#[test]
fn mappings_and_vnets_that_guests_use_stay() {
    let host = root();
    ok(&host, "mapping pci create gpu --map node=pve1,path=0000:01:00.0,id=10de:1eb8");
    ok(&host, "sdn zone create lab --type simple");
    ok(&host, "sdn vnet create labnet --zone lab");
    host.with_state(|state| {
        state.guests.get_mut(&201).unwrap().config.insert("hostpci0".into(), "mapping=gpu,pcie=1".into());
        state.guests.get_mut(&101).unwrap().config.insert("net1".into(), "name=eth1,bridge=labnet".into());
    })
    .unwrap();
    refused(&host, "mapping pci delete gpu --confirm gpu", &["hostpci0 of 201"]);
    refused(&host, "sdn vnet delete labnet --confirm labnet", &["net1 of 101"]);
    refused(
        &host,
        "api delete /nodes/pve1/storage/local-lvm/content/local-lvm:vm-101-disk-0 --confirm local-lvm:vm-101-disk-0",
        &["rootfs of 101"],
    );
}

#[test]
fn felhom_does_not_cut_itself_off() {
    let host = root();
    refused(&host, "node service stop pveproxy --node pve1 --yes", &["pveproxy", "pve1"]);
    ok(&host, "node service stop postfix --node pve1 --yes");
    let address = host.with_state(|state| state.nodes["pve1"].ip.clone()).unwrap();
    let interfaces = host.run(["node", "network", "list", "--node", "pve1", "-o", "json"]).ok().json();
    let holder = interfaces.as_array().unwrap().iter().find(|one| one["address"] == address.as_str()).expect("one has it");
    let name = holder["iface"].as_str().unwrap();
    refused(&host, &format!("node network delete {name} --node pve1 --confirm {name}"), &[&address]);
    refused(&host, &format!("node network set {name} --node pve1 --type bridge --comments x"), &[&address, "--cidr"]);
}

#[test]
fn a_running_node_stays_in_its_cluster() {
    let host = root();
    refused(&host, "api delete /cluster/config/nodes/pve3 --confirm pve3", &["pve3 is still running", "felhom node drain pve3"]);
}
