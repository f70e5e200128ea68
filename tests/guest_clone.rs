//! `guest clone`.

use crate::support::Host;

fn root() -> Host {
    Host::demo().with_token("root@pam!demo")
}

#[test]
fn a_template_is_copied_with_macs_of_its_own() {
    let host = root();
    let original = host.run(["guest", "config", "900", "--jq", ".net0"]).ok().stdout;
    let done = host.run(["guest", "clone", "900", "--vmid", "150", "--hostname", "web2", "-o", "json"]).ok().json();
    assert_eq!((&done[0]["status"], &done[0]["vmid"], &done[0]["source_vmid"]), (&"ok".into(), &150.into(), &900.into()));
    assert_eq!(done[0]["hostname"], "web2");
    let mac = done[0]["macs"][0].as_str().unwrap();
    assert!(!original.to_uppercase().contains(mac), "{original} {mac}");
    host.run(["guest", "clone", "900", "--vmid", "150"]).fails(3).says("VMID 150 is in use");
}

#[test]
fn what_cannot_be_copied_is_said_before_anything_is_sent() {
    let host = root();
    host.run(["guest", "clone", "202", "--linked"]).fails(3).says("--linked");
    host.run(["guest", "clone", "900", "--linked", "--storage", "local-lvm"]).fails(2);
    host.run(["guest", "clone", "202", "--snapshot", "nosuch"]).fails(5).says("no snapshot 'nosuch'");
    host.with_state(|state| {
        let config = &mut state.guests.get_mut(&110).unwrap().config;
        config.insert("mp3".into(), "/srv/data,mp=/data".into());
    })
    .unwrap();
    host.run(["guest", "clone", "110"]).fails(3).says("mp3 is bound to /srv/data").says("--without-binds");
    assert_eq!(host.count("POST", "/clone"), 0);
}

#[test]
fn a_static_address_that_both_would_have_is_pointed_out() {
    let host = root();
    host.with_state(|state| {
        let config = &mut state.guests.get_mut(&900).unwrap().config;
        config.insert("net0".into(), "name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:09:00,ip=192.0.2.9/24,type=veth".into());
    })
    .unwrap();
    let plan = host.run(["guest", "clone", "900", "--plan"]).ok();
    assert!(plan.stdout.contains("192.0.2.9") && plan.stdout.contains("'debian-13-golden'"), "{plan}");
}

#[test]
fn a_copy_made_from_here_is_managed() {
    let host = root();
    let done = host.run_in_context("managed_tag = \"felhom\"", &["guest", "clone", "900", "--vmid", "150", "-o", "json"]).ok().json();
    assert_eq!(done[0]["tags"], serde_json::json!(["felhom", "golden"]));
    assert_eq!(host.count("PUT", "/lxc/150/config"), 1);
}

#[test]
fn without_the_right_to_clone_it_says_so() {
    let host = Host::demo();
    let error = host.run(["guest", "clone", "900", "-o", "json"]).fails(4).error();
    assert_eq!((error["privilege"].as_str(), error["path"].as_str()), (Some("VM.Clone"), Some("/vms/900")));
}

#[test]
fn a_clone_has_the_name_that_the_host_gives_it() {
    let host = root();
    let run = host.run(["guest", "clone", "900", "--vmid", "150", "--columns", "name"]).ok();
    assert!(run.stdout.contains("debian-13-golden"), "{run}");
    run.says("clone of 150 (debian-13-golden): started (");
    let plan = host.run(["guest", "clone", "202", "--vmid", "151", "--plan", "-o", "json"]).ok().json();
    assert_eq!(plan["items"][0]["name"], "Copy-of-win11");
}
