//! What users complain about in other tools: each complaint is a test that felhom passes. The table names the test; what had none
//! elsewhere is below it.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use felhom::demo::{self, Options};
use serde_json::Value;

use crate::backup::{archive, grant, power_on, set};
use crate::support::{Home, Host, Server, demo_options, need_tool, run};

/// A complaint, and the tests that answer it, as `file::test` below `tests/`.
const COMPLAINTS: &[(&str, &[&str])] = &[
    (
        "1. A privilege-separated token has no rights, and nothing says why",
        &["role/check::the_recorded_cases_are_told_apart_by_name", "role/check::an_empty_list_says_that_nothing_may_be_seen"],
    ),
    (
        "2. A missing privilege is an obscure error; no pre-flight",
        &[
            "role/check::each_privilege_is_named_with_its_side",
            "role/check::a_denied_command_says_who_lacks_what_where_and_what_grants_it",
            "restore/refused::missing_privileges_are_reported_before_anything_is_sent",
        ],
    ),
    (
        "3. An empty list because the token may not see the archives",
        &[
            "peers::archives_that_the_host_leaves_out_are_pointed_out",
            "doctor::a_missing_privilege_and_unseen_archives_are_said",
            "backup/archives::ages_distinguish_never_old_and_unknown",
        ],
    ),
    (
        "4. keyctl and other flags only for the literal root@pam",
        &[
            "guest_set::what_only_root_may_is_refused_with_the_way_to_do_it",
            "fence/demo::a_golden_container_is_created_by_the_root_helper",
            "restore/identity::next_to_its_source_a_guest_gets_new_macs",
        ],
    ),
    ("5. An empty features= sent along", &["peers::features_are_sent_only_where_somebody_asks_for_them"]),
    (
        "6. WARNINGS: n treated as failure",
        &["waiting::warnings_are_done_unless_they_shall_not_be", "restore/refused::task_warnings_are_reported"],
    ),
    (
        "7. Exit 0 although the task failed",
        &["waiting::a_task_that_fails_is_exit_6_with_the_end_of_its_log", "waiting::a_denial_inside_the_task_is_a_denial"],
    ),
    (
        "8. The task log is missing from the error",
        &["waiting::a_task_that_fails_is_exit_6_with_the_end_of_its_log", "guest_power::a_failed_start_says_what_the_task_said"],
    ),
    (
        "9. errors{} and the reason phrase dropped; a 500 that is a not-found",
        &["output::an_unknown_parameter_is_said_by_name", "peers::the_hosts_own_words_are_kept_and_understood"],
    ),
    (
        "10. A locked guest: see the lock, wait for it",
        &["guest_power::a_locked_guest_is_named_with_its_lock_and_waited_for", "peers::a_lock_stands_in_the_list_with_the_way_out"],
    ),
    ("11. Unlocking needs root@pam", &["peers::a_lock_stands_in_the_list_with_the_way_out"]),
    (
        "12. Time-outs too short; 596",
        &[
            "peers::a_slow_answer_is_waited_for",
            "peers::a_node_that_answers_596_costs_a_warning",
            "waiting::a_node_that_stops_answering_its_cluster_is_exit_10_for_a_change",
        ],
    ),
    ("13. One failed poll aborts the whole run", &["waiting::some_polls_that_fail_do_not_matter"]),
    (
        "14. One node down breaks all lists",
        &["guest::a_list_while_a_node_is_down_shows_the_rest", "node::a_node_that_is_down_costs_a_warning_and_no_more"],
    ),
    (
        "15. No endpoint failover, or lost on restart",
        &["connection::the_next_endpoint_answers_where_the_first_does_not", "peers::the_next_endpoint_takes_over_in_the_middle_of_a_wait"],
    ),
    (
        "16. Self-signed TLS is all or nothing; pinning one leaf breaks the others",
        &["peers::a_clusters_ca_covers_every_node_and_every_renewal", "doctor::every_endpoint_is_held_against_the_trust"],
    ),
    (
        "17. Secrets in argv and in cron lines",
        &[
            "role/secrets::a_whole_session_leaves_no_secret_behind",
            "context::a_secret_on_the_command_line_is_refused",
            "backup/cron::the_secret_may_be_a_credential_of_systemd",
        ],
    ),
    (
        "18. A skipped guest changes the exit code",
        &["guest_power::a_selection_leaves_templates_out", "guest_power::a_start_is_done_once_and_then_unchanged"],
    ),
    (
        "19. Restore of containers missing or unlike that of machines; keep or drop the MAC",
        &["restore/identity::vms_are_restored_too", "restore/identity::without_its_source_a_guest_keeps_its_macs"],
    ),
    (
        "20. SMART as text; an unmounted disk gets written to",
        &["fence/demo::smart_and_sensors", "fence/demo::a_disk_as_a_storage", "demo_host::an_unmounted_disk_cannot_become_a_storage"],
    ),
    ("Also: progress bars that flood logs", &["waiting::off_a_terminal_progress_is_a_few_lines"]),
    ("Also: /cluster/tasks takes no limit", &["peers::a_short_list_of_tasks_asks_nothing_that_the_host_refuses"]),
    ("Also: machines and containers behave unlike each other", &["peers::machines_and_containers_answer_alike"]),
];

#[test]
fn every_complaint_has_its_test() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    for (complaint, names) in COMPLAINTS {
        assert!(!names.is_empty(), "{complaint}: no test");
        for name in *names {
            let (file, test) = name.split_once("::").unwrap();
            let text =
                std::fs::read_to_string(tests.join(format!("{file}.rs"))).unwrap_or_else(|error| panic!("{complaint}: {file}: {error}"));
            let there = text.split("#[test]\n").skip(1).any(|after| after.starts_with(&format!("fn {test}()")));
            assert!(there, "{complaint}: tests/{file}.rs has no test {test}");
        }
    }
    assert_eq!(COMPLAINTS.iter().filter(|(complaint, _)| !complaint.starts_with("Also")).count(), 20);
}

#[test]
fn archives_that_the_host_leaves_out_are_pointed_out() {
    let host = Host::baseline().with_token("felhom@pve!rig");
    host.with_state(|state| state.access.acl.clear()).unwrap();
    grant(&host, "/storage/local", "felhom@pve!rig", &["Datastore.AllocateSpace", "Datastore.Audit"]);
    grant(&host, "/vms", "felhom@pve!rig", &["VM.Audit"]);
    // Nothing at all: the list says so itself.
    host.run(["backup", "list"]).ok().says("VM.Backup or Datastore.Allocate");
    grant(&host, "/vms/101", "felhom@pve!rig", &["VM.Audit", "VM.Backup"]);
    let volid = archive(&host, "101");
    let some = host.run(["backup", "list"]).ok();
    assert!(some.stdout.contains(&volid), "{some}");
    let some = some.says("102, 103, 201, 202");
    assert!(!some.stderr.contains("101"), "{some}");
    host.run(["storage", "content", "local"]).ok().says("102, 103, 201, 202");
    host.run(["backup", "list", "102"]).ok().says("VM.Backup on /vms/102 and Datastore.AllocateSpace on /storage/local");
    host.run(["guest", "restore", "--from", "102", "--latest", "--vmid", "170"]).fails(5).says("VM.Backup on /vms/102");
    assert!(host.run(["backup", "list", "101"]).ok().stderr.is_empty());
    // Who may see all is told nothing.
    grant(&host, "/storage/local", "felhom@pve!rig", &["Datastore.Allocate", "Datastore.AllocateSpace", "Datastore.Audit"]);
    assert!(host.run(["backup", "list"]).ok().stderr.is_empty());
    // Without any storage the list is empty for another reason.
    host.with_state(|state| state.access.acl.remove("/storage/local")).unwrap();
    host.run(["backup", "list"]).ok().says("Datastore.AllocateSpace on /storage/NAME");
}

#[test]
fn features_are_sent_only_where_somebody_asks_for_them() {
    let host = Host::baseline();
    set(&host, 103, "features", "nesting=1,keyctl=1");
    let volid = archive(&host, "103");
    host.run(["guest", "restore", &volid, "--vmid", "160", "--storage", "local-lvm"]).ok();
    host.run(["guest", "set", "103", "memory=256"]).ok();
    let made = "guest create lxc local:vztmpl/debian-12-rig_1.0_amd64.tar.zst --vmid 161 --storage local-lvm --hostname fresh --size 1";
    host.run(made.split(' ')).ok();
    let sent: Vec<String> = host
        .requests()
        .iter()
        .filter(|request| request.method != "GET" && request.params.contains_key("features"))
        .map(|request| format!("{} {}", request.method, request.path))
        .collect();
    assert!(sent.is_empty(), "{sent:?}");
    assert_eq!(host.run(["guest", "config", "160", "-o", "json"]).ok().json()["features"], "nesting=1,keyctl=1");
}

#[test]
fn the_hosts_own_words_are_kept_and_understood() {
    let host = Host::baseline();
    // A 500 whose words say that it is not there.
    let gone = host.run(["api", "get", "/nodes/pve1/lxc/999/config", "-o", "json"]).fails(5).error();
    assert_eq!(gone["kind"], "not_found");
    assert!(gone["message"].as_str().unwrap().contains("Configuration file 'nodes/pve1/lxc/999.conf' does not exist"), "{gone}");
    // A body without a word: the reason phrase is all that there is.
    host.inject("GET /cluster/resources 500:got_no_worker_upid x1".parse().unwrap());
    host.run(["guest", "list"]).fails(1).says("got no worker upid");
    host.forgive("");
    let wrong = host.run(["api", "put", "/nodes/pve1/lxc/101/config", "memory=abc"]).fails(1);
    wrong.says("memory: type check ('integer') failed - got 'abc'");
}

#[test]
fn a_lock_stands_in_the_list_with_the_way_out() {
    let host = Host::demo();
    let list = host.run(["guest", "list", "--filter", "lock=backup", "-o", "json"]).ok().json();
    assert_eq!((&list[0]["vmid"], &list[0]["lock"]), (&120.into(), &"backup".into()));
    let refused = host.run(["guest", "start", "120", "-o", "json"]).fails(3).error();
    assert_eq!((&refused["kind"], &refused["message"]), (&"locked".into(), &"120 (build) is locked (backup)".into()));
    // No token may unlock: the hint says who, where and how.
    assert!(refused["hint"].as_str().unwrap().contains("`pct unlock 120` as root on pve2"), "{refused}");
}

#[test]
fn a_slow_answer_is_waited_for() {
    let host = Host::demo();
    host.inject("GET /cluster/resources slow:7000 x1".parse().unwrap());
    let begun = Instant::now();
    assert!(!host.run(["guest", "list", "-o", "id"]).ok().stdout.is_empty());
    assert!(begun.elapsed() >= Duration::from_secs(7), "the answer was not slow");
}

#[test]
fn a_node_that_answers_596_costs_a_warning() {
    let host = Host::demo();
    host.inject("GET /nodes/pve2/storage 596:Connection_timed_out".parse().unwrap());
    let some = host.run(["storage", "list", "-o", "json"]).ok().says("pve2");
    let nodes: BTreeSet<String> =
        some.json().as_array().unwrap().iter().map(|row| row["node"].as_str().unwrap_or_default().to_owned()).collect();
    assert!(nodes.contains("pve1") && nodes.contains("pve3"), "{some}");
}

#[test]
fn the_next_endpoint_takes_over_in_the_middle_of_a_wait() {
    let mut first = Server::start(&["--speed", "4"]);
    let dir = first.home.state().join("demo");
    let second = demo::Host::start(&Options { state_dir: Some(dir), speed: 4.0, ..demo_options() }).unwrap();
    first.home.configure(&format!(
        "current = \"home\"\n[contexts.home]\ntoken_id = \"felhom@pve!agent\"\nsecret = \"env:FELHOM_SECRET\"\nca_file = \"{}\"\n\
         [[contexts.home.endpoints]]\nurl = \"{}\"\n[[contexts.home.endpoints]]\nurl = \"{}\"\n",
        first.text("ca_file"),
        first.text("endpoint"),
        second.endpoint()
    ));
    let mut env = first.home.env();
    env.push(("FELHOM_SECRET".into(), first.first["tokens"]["felhom@pve!agent"].as_str().unwrap().into()));
    let mut waiting = crate::support::Running::start(&env, ["backup", "run", "101", "--storage", "local"]);
    waiting.until_said("started");
    first.kill();
    let done = waiting.end().ok();
    assert!(done.stdout.contains(" ok "), "{done}");
    assert!(second.requests().iter().any(|request| request.path.ends_with("/status")), "the second endpoint was asked");
    // And a new run begins with what answers.
    let again = run(first.home.felhom(["guest", "list", "-o", "id"]).envs(env)).ok();
    assert!(again.lines().contains(&"101"), "{again}");
}

/// A CA and a node's certificate, made with openssl as `pvecm` makes them.
const PVECM: &str = r#"
set -eu
cd "$1"
[ -e ca.key ] || {
  openssl genrsa -out ca.key 2048
  openssl req -batch -days 3650 -new -x509 -nodes -key ca.key -out ca.pem -subj "/CN=Proxmox Virtual Environment/OU=a83d239a/O=PVE Cluster Manager CA/"
  echo 01 > serial
}
printf '%s\n' 'extensions = v3_req' '[ req ]' 'default_bits = 2048' 'distinguished_name = name' 'req_extensions = v3_req' 'prompt = no' 'string_mask = nombstr' \
  '[ name ]' 'organizationalUnitName = PVE Cluster Node' 'organizationName = Proxmox Virtual Environment' "commonName = $2.lan" \
  '[ v3_req ]' 'basicConstraints = CA:FALSE' 'extendedKeyUsage = serverAuth' "subjectAltName = IP:127.0.0.1,IP:::1,DNS:localhost,DNS:$2,DNS:$2.lan" > v3.cnf
openssl req -batch -new -config v3.cnf -keyout key.pem -nodes -out req.pem
openssl x509 -req -in req.pem -days 730 -out cert.pem -CAkey ca.key -CA ca.pem -CAserial serial -extfile v3.cnf
"#;

fn certificate(authority: &Path, node: &str, into: &Path) {
    let made = assert_cmd::Command::new("sh").args(["-c", PVECM, "sh"]).arg(authority).arg(node).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    std::fs::create_dir_all(into).unwrap();
    for file in ["ca.pem", "cert.pem", "key.pem"] {
        std::fs::copy(authority.join(file), into.join(file)).unwrap();
    }
}

#[test]
fn a_clusters_ca_covers_every_node_and_every_renewal() {
    if need_tool("openssl").is_none() {
        return;
    }
    let authority = tempfile::tempdir().unwrap();
    let node = |name: &str| {
        let home = Home::new();
        certificate(authority.path(), name, &home.state().join("demo"));
        Server::at(home, &[])
    };
    let mut one = node("pve1");
    let pinned_ca = one.home.path().join("cluster-ca.pem");
    std::fs::copy(authority.path().join("ca.pem"), &pinned_ca).unwrap();
    let secret = one.home.path().join("secret");
    let token = |server: &Server| server.first["tokens"]["felhom@pve!agent"].as_str().unwrap().to_owned();
    std::fs::write(&secret, token(&one)).unwrap();
    std::fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    // First contact by the leaf's fingerprint: the CA takes its place once the token has proved the host.
    let (endpoint, print) = (one.text("endpoint").to_owned(), one.text("fingerprint").to_owned());
    let source = format!("file:{}", secret.display());
    let add =
        ["context", "add", "home", "--endpoint", &endpoint, "--fingerprint", &print, "--token-id", "felhom@pve!agent", "--secret", &source];
    run(&mut one.home.felhom(add)).ok().shows("the cluster's CA is pinned");
    let leaf = [&add[..2], &["leaf"], &add[3..], &["--leaf"]].concat();
    run(&mut one.home.felhom(leaf)).ok();
    let list = |home: &Home, context: &str| run(&mut home.felhom(["guest", "list", "-o", "id", "-c", context]));
    list(&one.home, "home").ok();
    list(&one.home, "leaf").ok();
    // The node's certificate is renewed: under the CA nothing changes, the leaf alone is not the trusted one any more.
    one.kill();
    certificate(authority.path(), "pve1", &one.home.state().join("demo"));
    one.again();
    assert_ne!(one.text("fingerprint"), print);
    list(&one.home, "home").ok();
    list(&one.home, "leaf").fails(9).says("is not the trusted one");
    // Another node of the cluster has a certificate of its own: the same context reaches it.
    let two = node("pve2");
    assert_ne!(two.text("fingerprint"), one.text("fingerprint"));
    std::fs::write(&secret, token(&two)).unwrap();
    let config = std::fs::read_to_string(one.home.config_file()).unwrap().replace(&endpoint, two.text("endpoint"));
    one.home.configure(&config);
    list(&one.home, "home").ok();
    list(&one.home, "leaf").fails(9);
}

#[test]
fn a_short_list_of_tasks_asks_nothing_that_the_host_refuses() {
    let host = Host::demo();
    let tasks = host.run(["task", "list", "--limit", "2", "-o", "json"]).ok().json();
    assert_eq!(tasks.as_array().unwrap().len(), 2);
    // The host holds each request against the schema when it goes: `/cluster/tasks` has no parameters.
    let asked = host.requests();
    assert!(asked.iter().filter(|request| request.path == "/cluster/tasks").all(|request| request.params.is_empty()));
    assert!(asked.iter().any(|request| request.path.ends_with("/tasks")));
}

#[test]
fn machines_and_containers_answer_alike() {
    let host = Host::baseline();
    power_on(&host, 101);
    power_on(&host, 201);
    let shape = |args: &[&str]| -> (i32, Vec<(String, String)>) {
        let run = host.run(args);
        let json = run.json();
        let one = json.as_array().map_or(&json, |rows| rows.first().unwrap_or(&Value::Null));
        let keys = one.as_object().into_iter().flatten().map(|(key, value)| {
            let told = if matches!(key.as_str(), "status" | "action") { value.to_string() } else { String::new() };
            (key.clone(), told)
        });
        (run.code, keys.collect())
    };
    for (verb, more) in [
        (&["guest", "show"][..], &[][..]),
        (&["snapshot", "create"], &["before"]),
        (&["snapshot", "list"], &[]),
        (&["snapshot", "rollback"], &["before", "--confirm", "before"]),
        (&["snapshot", "delete"], &["before", "--confirm", "before"]),
        (&["guest", "stop"], &["--yes"]),
        (&["guest", "stop"], &["--yes"]),
        (&["guest", "start"], &[]),
        (&["guest", "set"], &["memory=96"]),
        (&["backup", "run"], &["--storage", "local", "--mode", "snapshot"]),
        (&["guest", "restore"], &[]),
    ] {
        let of = |vmid: &str| -> (i32, Vec<(String, String)>) {
            let archive = format!("--from={vmid}");
            let guest: &[&str] = if verb[1] == "restore" { &[&archive, "--latest", "--storage", "local-lvm"] } else { &[vmid] };
            shape(&[verb, guest, more, &["-o", "json"]].concat())
        };
        let (container, machine) = (of("101"), of("201"));
        assert_eq!(container.0, 0, "{verb:?} {more:?}: {container:?}");
        assert_eq!(container, machine, "{verb:?} {more:?}");
    }
}
