//! `sdn pending`, `sdn apply`: who can be cut off is said before.

use crate::support::Host;

fn root() -> Host {
    let host = Host::demo().with_token("root@pam!demo");
    for args in [
        &["api", "post", "/cluster/sdn/zones", "zone=lab", "type=simple"][..],
        &["api", "post", "/cluster/sdn/vnets", "vnet=labnet", "zone=lab"],
    ] {
        host.run(args.iter().copied().chain(["--confirm", args[2]])).ok();
    }
    host
}

#[test]
fn what_is_new_disturbs_nobody_and_is_applied() {
    let host = root();
    let waiting = host.run(["sdn", "pending", "-o", "json"]).ok().json();
    let words: Vec<String> = waiting
        .as_array()
        .unwrap()
        .iter()
        .map(|one| format!("{} {}", one["state"].as_str().unwrap(), one["id"].as_str().unwrap()))
        .collect();
    assert_eq!(words, ["new lab", "new labnet"]);
    let plan = host.run(["sdn", "apply", "--plan"]).ok();
    assert!(plan.stdout.contains("vnet labnet new: zone=lab") && !plan.stdout.contains("cut off:"), "{plan}");
    assert!(plan.stdout.contains("every node is loaded anew"), "{plan}");
    host.run(["sdn", "apply"]).fails(3).says("--yes");
    let done = host.run(["sdn", "apply", "--yes", "-o", "json"]).ok().json();
    assert_eq!((&done[0]["status"], done[0]["applied"].as_array().unwrap().len()), (&"ok".into(), 2));
    assert!(host.run(["sdn", "pending", "-o", "json"]).ok().json().as_array().unwrap().is_empty());
    assert_eq!(host.run(["sdn", "apply", "--yes", "-o", "json"]).ok().json()[0]["status"], "unchanged");
    assert_eq!(host.count("PUT", "/cluster/sdn"), 1);
}

#[test]
fn guests_on_what_goes_are_named_for_raw_calls_too() {
    let host = root();
    host.run(["sdn", "apply", "--yes"]).ok();
    host.with_state(|state| {
        let card = "name=eth0,bridge=labnet,hwaddr=BC:24:11:00:01:10,ip=dhcp,type=veth";
        state.guests.get_mut(&110).unwrap().config.insert("net0".into(), card.into());
    })
    .unwrap();
    host.run(["api", "put", "/cluster/sdn/vnets/labnet", "alias=x", "--confirm", "/cluster/sdn/vnets/labnet"]).ok();
    for verb in [&["sdn", "apply"][..], &["api", "put", "/cluster/sdn"]] {
        let plan = host.run(verb.iter().copied().chain(["--plan"])).ok();
        assert!(plan.stdout.contains("can be cut off: 110 (paperless) on labnet"), "{plan}");
    }
    host.run(["api", "delete", "/cluster/sdn/vnets/labnet", "--confirm", "/cluster/sdn/vnets/labnet"]).ok();
    let plan = host.run(["sdn", "apply", "--plan"]).ok();
    assert!(plan.stdout.contains("vnet labnet deleted") && plan.stdout.contains("110 (paperless) on labnet"), "{plan}");
}

#[test]
fn a_token_that_may_not_see_is_not_told_that_nothing_waits() {
    let host = Host::demo();
    let error = host.run(["sdn", "apply", "--yes", "-o", "json"]).fails(4).error();
    assert_eq!((error["privilege"].as_str(), error["path"].as_str()), (Some("SDN.Allocate"), Some("/sdn")));
}
