//! Names of guests and of steps, also while the cluster's list is behind (by up to 10 s on a real host).

use felhom::demo::faults::{Fault, Trouble};
use serde_json::Value as Json;

use crate::support::Host;

const TEMPLATE: &str = "local:vztmpl/debian-13-standard_13.1-2_amd64.tar.zst";

fn root() -> Host {
    Host::demo().with_token("root@pam!demo")
}

/// From now on the cluster's list of guests is as it is now, changed by `edit`.
fn freeze(host: &Host, edit: impl Fn(&mut Json)) {
    let mut rows = host.run(["api", "get", "/cluster/resources", "type=vm", "-o", "json"]).ok().json();
    rows.as_array_mut().unwrap().iter_mut().for_each(edit);
    let body = serde_json::json!({"data": rows}).to_string();
    host.inject(Fault::new("GET", "/cluster/resources", Trouble::Ignored { body }));
}

#[test]
fn each_step_of_a_creation_is_named_as_what_it_is() {
    let host = root();
    let create = ["guest", "create", "lxc", TEMPLATE, "--node", "pve1", "--vmid", "171", "--hostname", "fresh", "--storage", "local-lvm"];
    let done = host.run(create.iter().chain(&["--then", "backup", "nas", "--start"])).ok();
    let done = done.says("create of 171 (fresh): started (UPID:").says("backup of 171 (fresh): started (UPID:");
    let start = done.stderr.lines().find(|line| line.contains(":vzstart:")).unwrap();
    assert!(start.starts_with("start of 171 (fresh): started ("), "{start}");
}

#[test]
fn a_step_that_fails_later_is_named() {
    let host = root();
    let create = ["guest", "create", "lxc", TEMPLATE, "--node", "pve1", "--vmid", "171", "--hostname", "fresh", "--storage", "local-lvm"];
    let failed = host.run(create.iter().chain(&["--then", "backup", "local-lvm"])).fails(6);
    failed.says("171 (fresh): backup: the task ended with: ");
}

#[test]
fn a_guest_created_seconds_ago_has_its_name() {
    let host = root();
    // As the cluster lists a new guest: no name yet, and a status that is not known.
    freeze(&host, |row| {
        if row["vmid"] == 101 {
            row.as_object_mut().unwrap().remove("name");
            row["status"] = "unknown".into();
        }
    });
    let listed = host.run(["guest", "list", "--filter", "vmid=101", "-o", "json"]).ok().json();
    assert_eq!((&listed[0]["name"], &listed[0]["status"]), (&"web".into(), &"running".into()));
    host.run(["guest", "stop", "web", "--plan"]).ok();
    assert_eq!(host.count("GET", "/nodes/pve2/lxc"), 0, "only its own node is asked");
}

#[test]
fn a_guest_started_seconds_ago_goes_down_with_its_node() {
    let host = root();
    freeze(&host, |row| {
        if row["vmid"] == 110 {
            row["status"] = "stopped".into();
        }
    });
    let plan = host.run(["node", "reboot", "pve1", "--plan"]).ok();
    assert!(plan.stdout.contains("3 running guests on pve1: 101 (web), 102 (db), 110 (paperless)"), "{plan}");
    let raw = host.run(["api", "post", "/nodes/pve1/stopall", "--plan"]).ok();
    assert!(raw.stdout.contains("3 running guests: 101 (web), 102 (db), 110 (paperless)"), "{raw}");
    let all = host.run(["api", "post", "/cluster/bulk-action/guest/shutdown", "--plan"]).ok();
    assert!(all.stdout.contains("110 (paperless)"), "{all}");
}

#[test]
fn the_plan_of_a_refusal_shows_the_risk_of_what_was_refused() {
    let host = root();
    let plan = host.run(["guest", "delete", "110", "--plan", "-o", "json"]).ok().json();
    assert_eq!((&plan["risk"], &plan["items"][0]["status"]), (&"irreversible".into(), &"refused".into()));
    assert_eq!(plan["items"][0]["risk"], "irreversible");
    host.run(["guest", "tag", "add", "110", "production"]).ok();
    for args in [&["guest", "stop", "110", "--plan"][..], &["api", "post", "/nodes/pve1/lxc/110/status/stop", "--plan"]] {
        let plan = host.run(args.iter().chain(&["-o", "json"])).ok().json();
        assert_eq!((&plan["risk"], &plan["items"][0]["status"]), (&"disruptive".into(), &"refused".into()), "{args:?}");
    }
    let raw = host.run(["api", "delete", "/nodes/pve1/lxc/110", "--plan", "-o", "json"]).ok().json();
    assert_eq!(raw["risk"], "irreversible");
    // Where nothing is to do there is no risk.
    let idle = host.run(["guest", "start", "110", "--plan", "-o", "json"]).ok().json();
    assert_eq!((&idle["risk"], &idle["items"][0]["status"]), (&"read".into(), &"unchanged".into()));
}
