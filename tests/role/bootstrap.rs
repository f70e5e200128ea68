//! From nothing to a proved token, and what a second run does.

use serde_json::json;

use super::support::{Fresh, PASSWORD, texts, token, user};

const SIXTEEN: [&str; 16] = [
    "Datastore.Allocate",
    "Datastore.AllocateSpace",
    "Datastore.Audit",
    "SDN.Use",
    "Sys.Audit",
    "VM.Allocate",
    "VM.Audit",
    "VM.Backup",
    "VM.Config.CPU",
    "VM.Config.Disk",
    "VM.Config.Memory",
    "VM.Config.Network",
    "VM.Config.Options",
    "VM.PowerMgmt",
    "VM.Snapshot",
    "VM.Snapshot.Rollback",
];

#[test]
fn a_root_token_makes_everything_and_the_second_run_nothing() {
    let fresh = Fresh::new();
    let made = fresh.bootstrap(&["-o", "json"]).ok().json();
    assert_eq!(made["role"], "FelhomAgent");
    assert_eq!(made["token_id"], "felhom@pve!agent");
    assert_eq!((&made["paths"], &made["granted"]), (&json!(["/"]), &json!({"user": ["/"], "token": ["/"]})));
    assert_eq!(texts(&made["privileges"]), SIXTEEN);
    assert_eq!(texts(&made["effective"]), SIXTEEN);
    assert_eq!((&made["missing"], &made["trust"]), (&json!([]), &json!("ca")));
    assert!(texts(&made["also_possible"]).iter().any(|line| line.contains("close to root")), "{made}");
    assert_eq!(fresh.roles_of(&user(), "/"), ["FelhomAgent"]);
    assert_eq!(fresh.roles_of(&token("agent"), "/"), ["FelhomAgent"]);
    let config = fresh.config();
    assert!(config.contains("preset = \"agent\"") && config.contains("ca_file = ") && !config.contains("fingerprint"), "{config}");
    assert_eq!(fresh.stored().len(), 1);

    let list = fresh.felhom(&["guest", "list", "-o", "id"]).ok();
    assert_eq!(list.lines(), ["101", "102", "103", "201", "202"]);

    let writes = |fresh: &Fresh| fresh.host.requests().iter().filter(|r| r.method != "GET").count();
    let before = writes(&fresh);
    assert_eq!(fresh.bootstrap(&[]).ok().stdout, "nothing to do\n");
    assert_eq!(fresh.as_admin(&["role", "bootstrap"]).ok().stdout, "nothing to do\n");
    assert_eq!(writes(&fresh), before, "a second run changes nothing");
    assert_eq!(fresh.config(), config);
    let json = fresh.bootstrap(&["-o", "json"]).ok().json();
    assert_eq!(json["changed"], json!([]));
}

#[test]
fn a_half_done_run_is_repaired() {
    for broken in ["role", "user-grant", "token-grant", "secret", "token", "context"] {
        let fresh = Fresh::new();
        fresh.bootstrap(&[]).ok();
        fresh
            .host
            .with_state(|state| {
                let entries = state.access.acl.get_mut("/").unwrap();
                match broken {
                    "role" => drop(state.access.roles.remove("FelhomAgent")),
                    "user-grant" => entries.retain(|e| e.subject != user()),
                    "token-grant" => entries.retain(|e| e.subject != token("agent")),
                    "token" => {
                        entries.retain(|e| e.subject != token("agent"));
                        state.access.users.get_mut("felhom@pve").unwrap().tokens.remove("agent");
                    }
                    _ => {}
                }
            })
            .unwrap();
        match broken {
            "secret" => std::fs::remove_dir_all(fresh.host.home.config_file().with_file_name("secrets")).unwrap(),
            "context" => std::fs::remove_file(fresh.host.home.config_file()).unwrap(),
            _ => {}
        }
        // A secret that others may be using is not changed without a word.
        if broken == "secret" {
            let refused = fresh.bootstrap(&["-o", "json"]).fails(3);
            assert_eq!(refused.error()["kind"], "refused", "{refused}");
        }
        let again = fresh.bootstrap(&["--yes", "-o", "json"]).ok().json();
        assert!(!texts(&again["changed"]).is_empty(), "{broken}: {again}");
        assert_eq!(texts(&again["effective"]), SIXTEEN, "{broken}");
        fresh.felhom(&["guest", "list"]).ok();
        assert_eq!(fresh.bootstrap(&[]).ok().stdout, "nothing to do\n", "{broken}");
    }
}

#[test]
fn a_differing_role_is_shown_and_changed_only_with_yes() {
    let fresh = Fresh::new();
    fresh.bootstrap(&[]).ok();
    fresh
        .host
        .with_state(|state| {
            let role = state.access.roles.get_mut("FelhomAgent").unwrap();
            role.remove("VM.Backup");
            role.insert("VM.Clone".into());
        })
        .unwrap();
    let plan = fresh.bootstrap(&["--plan"]).ok();
    assert!(plan.stdout.contains("+VM.Backup -VM.Clone"), "{plan}");
    fresh.bootstrap(&[]).fails(3).says("--yes");
    let changed = fresh.bootstrap(&["--yes", "-o", "json"]).ok().json();
    assert_eq!(texts(&changed["changed"]), ["role FelhomAgent: +VM.Backup -VM.Clone"]);
    let put = fresh.host.requests().into_iter().rfind(|r| r.method == "PUT" && r.path == "/access/roles/FelhomAgent").unwrap();
    assert!(put.params.contains_key("privs"), "a PUT without them empties the role");
}

#[test]
fn a_plan_needs_no_login_and_sends_nothing() {
    let fresh = Fresh::new();
    let plan = fresh.felhom(&["role", "bootstrap", "--host", &fresh.address(), "--plan=pveum"]).ok();
    let lines: Vec<&str> = plan.lines().into_iter().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(lines.len(), 5, "{plan}");
    assert!(lines[0].starts_with("pveum role add FelhomAgent --privs "), "{plan}");
    assert_eq!(lines[4], "pveum acl modify / --tokens 'felhom@pve!agent' --roles FelhomAgent");
    assert!(fresh.host.requests().is_empty());
    assert!(fresh.config().is_empty() && fresh.stored().is_empty());
}

#[test]
fn without_a_way_to_compare_a_certificate_nothing_is_sent() {
    let fresh = Fresh::new();
    let run = fresh.with_stdin(&["role", "bootstrap", "--host", &fresh.address(), "--password-stdin", "--yes", "-o", "json"], PASSWORD);
    let error = run.fails(9).error();
    assert_eq!(error["kind"], "untrusted");
    assert!(error["hint"].as_str().unwrap().contains("--fingerprint"), "{error}");
    assert!(fresh.host.requests().is_empty());
}

#[test]
fn a_store_that_does_not_work_is_found_out_before_the_token_is_made() {
    let fresh = Fresh::new();
    let folder = fresh.host.home.config_file().with_file_name("secrets");
    std::fs::create_dir_all(folder.parent().unwrap()).unwrap();
    std::fs::write(&folder, "in the way").unwrap();
    fresh.bootstrap(&[]).fails(2).says("store does not work");
    assert_eq!(fresh.host.count("POST", "/token/agent"), 0);
}

#[test]
fn a_grant_below_takes_nothing_away_that_came_from_above() {
    let fresh = Fresh::new();
    fresh.bootstrap(&[]).ok();
    let made = fresh.bootstrap(&["--allow", "guest config", "--guest", "101", "-o", "json"]).ok().json();
    assert_eq!(made["role"], "FelhomGuestConfig");
    let mut roles = fresh.roles_of(&token("agent"), "/vms/101");
    roles.sort();
    assert_eq!(roles, ["FelhomAgent", "FelhomGuestConfig"]);
    let check = fresh.felhom(&["role", "check", "--guest", "101", "-o", "json"]).ok().json();
    assert_eq!(check["missing"], json!([]));
    assert!(fresh.config().contains("preset = \"agent\""));
}

#[test]
fn a_secret_that_is_shown_is_shown_once() {
    let fresh = Fresh::new();
    let (address, secret, print) = (fresh.address(), fresh.root_secret(), fresh.host.fingerprint().to_owned());
    let args = ["role", "bootstrap", "--host", &address, "--fingerprint", &print, "--store", "print", "--admin-token", "root@pam!rig"];
    let args = [&args[..], &["--admin-secret", &secret]].concat();
    let first = fresh.felhom(&args).ok();
    let value = fresh.host.with_state(|s| s.access.users["felhom@pve"].tokens["agent"].secret.clone()).unwrap();
    assert!(first.stderr.contains(&value) && !first.stdout.contains(&value), "{first}");
    let again = fresh.felhom(&args).ok();
    assert!(again.stdout == "nothing to do\n" && !again.stderr.contains(&value), "{again}");
    assert!(fresh.stored().is_empty());
}

#[test]
fn another_name_is_another_context() {
    let fresh = Fresh::new();
    fresh.bootstrap(&[]).ok();
    let first = fresh.config();
    fresh.bootstrap(&["-c", "cron", "--user", "cron@pve", "-o", "json"]).ok();
    let both = fresh.config();
    assert!(both.starts_with(first.trim_end()) && both.contains("[contexts.cron]") && both.contains("cron@pve!agent"), "{both}");
    assert_eq!(fresh.stored().len(), 2);
    fresh.felhom(&["guest", "list"]).ok();
    fresh.felhom(&["-c", "cron", "guest", "list"]).ok();
    assert_eq!(fresh.bootstrap(&["-c", "cron"]).ok().stdout, "nothing to do\n");
}

#[test]
fn a_context_changes_its_token_only_when_that_is_wanted() {
    let fresh = Fresh::new();
    fresh.bootstrap(&[]).ok();
    let before = fresh.config();
    let narrow = ["role", "bootstrap", "--preset", "self-backup", "--guest", "101", "--storage", "local", "--token-name", "web101"];
    let with = |more: &[&str]| fresh.as_admin(&[&narrow[..], &["--store", "file"], more].concat());
    with(&[]).fails(3).says("--yes");
    with(&["--plan"]).ok().shows("felhom@pve!agent");
    assert_eq!(fresh.config(), before);
    with(&["--yes"]).ok().shows("felhom@pve!web101 replaces felhom@pve!agent");
    assert!(fresh.config().contains("felhom@pve!web101"), "{}", fresh.config());
}
