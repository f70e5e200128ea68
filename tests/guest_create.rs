//! `guest create lxc`: networks and features.

use std::collections::BTreeSet;

use crate::support::Host;

const TEMPLATE: &str = "local:vztmpl/debian-13-standard_13.1-2_amd64.tar.zst";

fn create(host: &Host, more: &[&str]) -> crate::support::Run {
    let words = ["guest", "create", "lxc", TEMPLATE, "--node", "pve1", "--vmid", "171", "--hostname", "x", "--storage", "local-lvm"];
    host.run(words.iter().chain(more))
}

#[test]
fn a_network_accepts_every_key_of_the_api() {
    let host = Host::demo().with_token("root@pam!demo");
    let net = "name=lan,bridge=vmbr0,hwaddr=BC:24:11:00:09:0A,ip=192.0.2.9/24,gw=192.0.2.1,ip6=2001:db8::9/64,gw6=2001:db8::1,\
               tag=20,trunks=21;22,mtu=1400,rate=12.5,firewall=1,link_down=1,host-managed=1,type=veth";
    let method = felhom::api::schema::method("POST", "/nodes/{node}/lxc").unwrap();
    let keys: BTreeSet<&str> =
        method.parameters.property("net0").and_then(|net| net.fields()).unwrap().keys().map(String::as_str).collect();
    let used: BTreeSet<&str> = net.split(',').map(|part| part.split('=').next().unwrap()).collect();
    assert_eq!(used, keys, "the keys of the API and those tried here");
    create(&host, &["--net", net, "--net", "bridge=vmbr1"]).ok();
    let config = host.run(["guest", "config", "171", "-o", "json"]).ok().json();
    let made = config["net0"].as_str().unwrap();
    for part in net.split(',') {
        assert!(made.split(',').any(|one| one == part), "{part} is not in {made}");
    }
    assert!(config["net1"].as_str().unwrap().starts_with("name=eth1,bridge=vmbr1,"), "{config}");
    for wrong in ["bridge=vmbr0,hwaddr=01:24:11:00:09:0A", "bridge=vmbr0,mtu=10", "bridge=vmbr0,trunks=a", "bridge=vmbr0,nosuch=1"] {
        create(&host, &["--net", wrong]).fails(2);
    }
}

#[test]
fn golden_works_with_features() {
    let host = Host::demo().with_token("root@pam!demo");
    create(&host, &["--golden", "--features", "keyctl=0"]).fails(2).says("keyctl=0");
    create(&host, &["--features", "nesting=1,fuse=1"]).fails(2).says("fuse=1");
    create(&host, &["--features", "nesting=1"]).ok();
    assert_eq!(host.run(["guest", "config", "171", "--jq", ".features"]).ok().stdout, "nesting=1\n");
}
