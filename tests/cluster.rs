//! Clusters: without quorum, guests under HA, a node that is offline.

use felhom::demo::Options;
use felhom::demo::faults::{Fault, Trouble};
use serde_json::{Value, json};

use crate::support::desk::{Answer, Demo};
use crate::support::{Host, Server, demo_options, run};

/// A cluster of two whose other node is gone.
fn no_quorum() -> Options {
    Options { no_quorum: true, nodes: Some(2), ..demo_options() }
}

fn without_quorum() -> Host {
    Host::with(&no_quorum())
}

#[test]
fn without_quorum_nothing_is_sent() {
    let host = without_quorum();
    let refused = host.run(["guest", "stop", "110", "--yes"]).fails(3);
    refused.says("the cluster has no quorum (1 of 2 votes)");
    let error = host.run(["guest", "stop", "110", "--yes", "-o", "json"]).fails(3).error();
    assert_eq!(error["kind"], "no_quorum");
    host.run(["api", "put", "/nodes/pve1/lxc/110/config", "memory=1024", "--yes"]).fails(3).says("no quorum");
    assert!(host.requests().iter().all(|request| request.method == "GET"));
}

#[test]
fn a_missing_quorum_is_shown_by_plans_lists_and_the_doctor() {
    let host = without_quorum();
    host.run(["guest", "stop", "110", "--plan"]).ok().says("no quorum (1 of 2 votes)");
    host.run(["node", "list"]).ok().says("no quorum (1 of 2 votes)");
    let doctor = host.run(["doctor", "-o", "json"]);
    assert!(doctor.stdout.contains("no quorum (1 of 2 votes)"), "{doctor}");
}

#[test]
fn a_quorum_lost_in_between_is_the_same_kind_of_error() {
    let host = Host::demo();
    for reason in ["cluster_not_ready_-_no_quorum?", "unable_to_open_file_'/etc/pve/nodes/pve1/lxc/110.conf.tmp.7'_-_Permission_denied"] {
        let reason = reason.replace('_', " ");
        host.inject(Fault::new("PUT", "/nodes/pve1/lxc/110/config", Trouble::Status { code: 500, reason }).times(1));
        let error = host.run(["guest", "set", "110", "memory=1100", "-o", "json"]).fails(1).error();
        assert_eq!(error["kind"], "no_quorum");
    }
}

#[test]
fn a_backup_in_stop_mode_of_a_guest_under_ha_is_refused_before_anything_is_sent() {
    let host = Host::demo();
    let entry = json!({"state": "started"});
    host.with_state(|state| state.ha.resources.insert("ct:110".into(), entry.as_object().unwrap().clone())).unwrap();
    let refused = host.run(["backup", "run", "110", "--storage", "local", "--mode", "stop"]).fails(3);
    refused.says("HA").says("--mode snapshot").says("ignored");
    assert_eq!(host.count("POST", "/vzdump"), 0);
    let several = host.run(["backup", "run", "101", "110", "--storage", "local", "--mode", "stop", "--yes", "-o", "json"]).fails(7).json();
    assert_eq!((&several[0]["status"], &several[1]["status"]), (&"ok".into(), &"refused".into()), "{several}");
    host.run(["backup", "run", "110", "--storage", "local", "--mode", "snapshot"]).ok();
}

fn without(node: &str) -> Host {
    Host::with(&Options { offline: vec![node.into()], ..demo_options() })
}

#[test]
fn guests_on_an_offline_node_have_an_unknown_status() {
    let host = without("pve3");
    let list = host.run(["guest", "list", "-o", "json"]).ok();
    let rows = list.json();
    let (away, here): (Vec<&Value>, Vec<&Value>) = rows.as_array().unwrap().iter().partition(|row| row["node"] == "pve3");
    assert!(away.len() > 2 && away.iter().all(|row| row["status"] == "unknown" && row["uptime_s"].is_null()), "{list}");
    let last: Vec<&str> = away.iter().map(|row| row["last_status"].as_str().unwrap()).collect();
    assert!(last.contains(&"running") && last.contains(&"stopped"), "{last:?}");
    assert!(here.iter().all(|row| row["status"] != "unknown" && row["last_status"].is_null()), "{list}");
    assert_eq!(list.stderr.matches("warning:").count(), 1, "{list}");
    list.says(&format!("node 'pve3' is offline; the status of its {} guests", away.len()));
    let other = host.run(["guest", "list", "--node", "pve1"]).ok();
    assert_eq!(other.stderr, "");
}

#[test]
fn a_selection_by_status_leaves_out_guests_whose_status_is_unknown() {
    let host = without("pve3");
    for (verb, status) in [("stop", "running"), ("start", "stopped")] {
        let plan = host.run(["guest", verb, "--status", status, "--plan", "-o", "json"]).ok();
        assert!(!plan.stdout.contains("pve3"), "{plan}");
        plan.says("node 'pve3' is offline");
    }
    let none = host.run(["guest", "start", "--node", "pve3", "--status", "stopped", "--yes"]).fails(5);
    none.says("node 'pve3' is offline");
    host.run(["guest", "stop", "111", "--yes"]).fails(9).says("pve3");
    assert!(host.requests().iter().all(|request| request.method == "GET" && !request.path.starts_with("/nodes/pve3")));
}

#[test]
fn the_source_of_a_restore_may_run_while_its_node_is_offline() {
    let host = without("pve2");
    let restore = ["guest", "restore", "--from", "103", "--vmid", "150", "--storage", "local-lvm"];
    let plan = host.run(restore.iter().chain(&["--plan"])).ok();
    plan.shows("103 (mail) uses the backup's");
    let refused = host.run(restore.iter().chain(&["--identity", "keep", "--start", "--yes"])).fails(3);
    refused.says("103 (mail) may run with the same MAC");
    assert!(host.requests().iter().all(|request| request.method == "GET"));
}

#[test]
fn a_task_for_many_guests_is_checked_for_each_of_them() {
    let host = Host::demo().with_token("root@pam!demo");
    let bulk = "/cluster/bulk-action/guest/start";
    host.run(["api", "post", bulk, "vms=202", "--yes"]).ok();
    let missing = host.run(["api", "post", bulk, "vms=999", "--yes", "-o", "json"]).fails(6).error();
    assert!(missing["message"].as_str().unwrap().contains("999 does not exist"), "{missing}");
    // The guest is on another node: the host skips it, and says OK.
    host.run(["api", "post", "/nodes/pve1/startall", "vms=120", "--yes"]).fails(6).says("120 (build) is stopped");
    let backup = ["api", "post", "/nodes/pve1/vzdump", "vmid=101,103", "storage=local", "--yes"];
    host.run(backup).fails(6).says("103 is on another node");
}

#[test]
fn a_backup_of_a_guest_that_has_moved_is_no_success() {
    let host = Host::demo();
    let moved = host.run(["api", "post", "/nodes/pve1/vzdump", "vmid=103", "storage=local", "--yes"]).fails(5);
    moved.says("none of these guests are on node 'pve1'").says("felhom guest list");
}

#[test]
fn a_guest_that_moves_while_its_backup_is_prepared_is_not_reported_as_backed_up() {
    let host = Host::demo();
    // The list is from before the guest moved from pve1 to pve2.
    let stale = json!({"data": [{"type": "node", "node": "pve1", "status": "online"}, {"type": "lxc", "vmid": 103, "name": "mail", "node": "pve1", "status": "running"}]});
    host.inject(Fault::new("GET", "/cluster/resources", Trouble::Ignored { body: stale.to_string() }).times(1));
    let error = host.run(["backup", "run", "103", "--storage", "local", "-o", "json"]).fails(5).error();
    assert!(error["message"].as_str().unwrap().contains("nothing was backed up"), "{error}");
}

#[test]
fn the_demo_host_refuses_changes_without_quorum_as_a_real_one_does() {
    let desk = Demo::with(Options { speed: 1e6, ..no_quorum() });
    let reason = |answer: Answer| (answer.status, answer.reason);
    let died = |text: &str| (500, text.to_owned());
    let migrate = desk.post("/nodes/pve1/lxc/102/migrate", &[("target", "pve2")]);
    assert_eq!(reason(migrate), died("cluster not ready - no quorum?"));
    let pool = desk.post("/pools", &[("poolid", "nq")]);
    assert_eq!(reason(pool), died("create pool failed: cfs-lock 'file-user_cfg' error: no quorum!"));
    let config = desk.put("/nodes/pve1/lxc/102/config", &[("memory", "96")]).reason;
    assert!(config.starts_with("unable to open file '/etc/pve/nodes/pve1/lxc/102.conf.tmp."), "{config}");
    assert_eq!(reason(desk.post("/nodes/pve1/lxc/102/status/stop", &[])), died("CT 102 not running"));
    assert_eq!(desk.get("/cluster/nextid"), "100");
    let snapshot = desk.post("/nodes/pve1/lxc/102/snapshot", &[("snapname", "nq")]);
    assert!(desk.exit(&snapshot).ends_with("Permission denied"));
    let backup = desk.post("/nodes/pve1/vzdump", &[("vmid", "102"), ("storage", "local"), ("mode", "stop")]);
    assert_eq!(desk.exit(&backup), "job errors");
}

#[test]
fn a_node_whose_api_is_down_is_named_and_nothing_was_sent_to_it() {
    let host = Host::with(&Options { api_down: vec!["pve2".into()], ..demo_options() });
    let nodes = host.run(["node", "list", "--columns", "node,status", "--no-headers"]).ok();
    assert!(nodes.stdout.contains("pve2  online"), "{nodes}");
    host.run(["guest", "stop", "103", "--yes"]).fails(9).says("pve2").says("Connection refused");
    assert!(host.requests().iter().all(|request| request.method == "GET"));
}

#[test]
fn outages_are_options_of_the_served_host_and_stay_after_a_reset() {
    let server = Server::start(&["--nodes", "2", "--no-quorum"]);
    let refused = run(&mut server.felhom(&["guest", "stop", "110", "--yes"])).fails(3);
    refused.says("1 of 2 votes");
    let demo = crate::support::Demo::new();
    demo.run(["demo", "reset", "--offline", "pve3"]).ok();
    demo.run(["demo", "node", "list", "--filter", "status=offline", "-o", "id"]).ok().shows("pve3");
}

#[test]
fn a_request_to_the_ha_manager_takes_effect_later() {
    let desk = Demo::with(Options { speed: 1.0, nodes: Some(2), ..Options::default() });
    desk.host.with_state(|state| state.ha.master = true).unwrap();
    let state = || desk.get("/cluster/ha/status/current").as_array().unwrap().last().unwrap()["state"].clone();
    desk.post("/cluster/ha/resources", &[("sid", "ct:102"), ("state", "started")]).data();
    assert_eq!(state(), "queued");
    desk.host.advance(std::time::Duration::from_secs(11));
    assert_eq!(state(), "starting");
    desk.host.advance(std::time::Duration::from_secs(14));
    assert_eq!((state(), desk.get("/nodes/pve1/lxc/102/status/current")["status"].clone()), (json!("started"), json!("running")));
    let moved = desk.post("/nodes/pve1/lxc/102/migrate", &[("target", "pve2"), ("restart", "1")]);
    assert!(moved.data().as_str().unwrap().contains(":hamigrate:"));
    desk.host.advance(std::time::Duration::from_secs(5));
    assert_eq!(desk.get("/nodes/pve1/lxc/102/status/current")["status"], "running", "not yet");
    desk.host.advance(std::time::Duration::from_secs(25));
    assert_eq!(desk.get("/nodes/pve2/lxc/102/status/current")["status"], "stopped", "moved, and not yet started there");
    desk.host.advance(std::time::Duration::from_secs(25));
    assert_eq!(desk.get("/nodes/pve2/lxc/102/status/current")["status"], "running");
}
