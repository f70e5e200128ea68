//! What is missing, on which side, and how a denial says so.

use serde_json::Value;

use super::support::{Fresh, token, user};
use crate::support::{Host, Run, run};

/// The baseline with a grant on either side, asked by felhom@pve!rig.
fn rig(user_role: Option<&str>, token_role: Option<&str>) -> Fresh {
    let fresh = Fresh { host: Host::baseline().with_token("felhom@pve!rig") };
    if let Some(role) = user_role {
        fresh.grant("/vms/101", user(), role);
    }
    if let Some(role) = token_role {
        fresh.grant("/vms/101", token("rig"), role);
    }
    fresh
}

fn check(fresh: &Fresh, more: &[&str]) -> (Run, Value) {
    let mut args = vec!["role", "check", "-o", "json"];
    args.extend(more);
    let run = fresh.host.run(&args);
    let json = run.json();
    (run, json)
}

fn verb<'a>(check: &'a Value, name: &str) -> &'a Value {
    check["verbs"].as_array().unwrap().iter().find(|line| line["verb"] == name).unwrap()
}

#[test]
fn the_recorded_cases_are_told_apart_by_name() {
    let wide = Some("PVEVMAdmin");
    for (user_role, token_role, case, side) in [
        (None, None, "no-grant", "both"),
        (None, wide, "token-only", "user"),
        (wide, None, "user-only", "token"),
        (wide, wide, "both", ""),
        (Some("PVEVMUser"), wide, "user-narrower", "user"),
    ] {
        let fresh = rig(user_role, token_role);
        let secret = fresh.root_secret();
        let admin = ["--guest", "101", "--preset", "agent", "--admin-token", "root@pam!rig", "--admin-secret", &secret];
        let (_, alone) = check(&fresh, &["--guest", "101", "--preset", "agent"]);
        let (run, told) = check(&fresh, &admin);
        assert_eq!((alone["case"].as_str(), told["case"].as_str()), (Some("unknown"), Some(case)), "{run}");
        let snapshot = |json: &Value| {
            let missing = json["missing"].as_array().unwrap().iter();
            missing.filter(|m| m["privilege"] == "VM.Snapshot").map(|m| m["side"].as_str().unwrap().to_owned()).next()
        };
        assert_eq!(snapshot(&told).unwrap_or_default(), side, "{case}: {told}");
        assert_eq!(snapshot(&alone).as_deref().unwrap_or("unknown"), "unknown", "{case}");
        let config = verb(&told, "guest config")["allowed"].as_str().unwrap();
        assert_eq!(config == "yes", user_role.is_some() && token_role.is_some(), "{case}");
    }
}

#[test]
fn a_denied_command_says_who_lacks_what_where_and_what_grants_it() {
    let fresh = rig(None, Some("PVEVMAdmin"));
    let config = ["api", "get", "/nodes/pve1/lxc/101/config"];
    let told = |args: &[&str]| {
        let run = fresh.host.run(args).fails(4);
        let lines: Vec<&str> = run.stderr.lines().collect();
        assert!(lines.len() <= 5 && lines[0].ends_with(": permission denied"), "{run}");
        let hint = lines.last().unwrap().strip_prefix("hint: ").unwrap_or_else(|| panic!("{run}")).to_owned();
        assert_eq!(hint.matches('`').count(), 2, "one command: {run}");
        (lines[1].trim().to_owned(), hint.split('`').nth(1).unwrap().to_owned())
    };
    let (reason, command) = told(&config);
    assert!(reason.contains("felhom@pve!rig or its user lacks VM.Audit on /vms/101"), "{reason}");
    assert_eq!(command, "felhom role bootstrap --allow VM.Audit --path /vms/101");
    let error = fresh.host.run(config.iter().chain(&["-o", "json"])).fails(4).error();
    assert_eq!(
        (error["path"].as_str(), error["privilege"].as_str(), error["who"].as_str()),
        (Some("/vms/101"), Some("VM.Audit"), Some("unknown"))
    );
    // With Sys.Audit on /access on both sides the token can look itself.
    for subject in [user(), token("rig")] {
        fresh.grant("/access", subject, "PVEAuditor");
    }
    let (reason, _) = told(&config);
    assert!(reason.starts_with("the user felhom@pve lacks VM.Audit on /vms/101"), "{reason}");
    for subject in [user(), token("rig")] {
        fresh.grant("/", subject, "PVEAuditor");
    }
    let (reason, command) = told(&["api", "get", "/nodes/pve1/syslog"]);
    assert!(reason.contains("the token felhom@pve!rig and its user lack Sys.Syslog on /nodes/pve1"), "{reason}");
    assert_eq!(command, "felhom role bootstrap --allow Sys.Syslog --path /nodes/pve1", "PVESysAdmin has more than that");
    // A role that has no more is granted, with the roles that the entry would override.
    fresh.host.with_state(|state| state.access.roles.insert("Logs".into(), ["Sys.Syslog".to_owned()].into())).unwrap();
    let (_, command) = told(&["api", "get", "/nodes/pve1/syslog"]);
    assert_eq!(command, "pveum acl modify /nodes/pve1 --users 'felhom@pve' --tokens 'felhom@pve!rig' --roles Logs,PVEAuditor");
}

#[test]
fn a_narrow_context_is_told_the_grant_for_this_command_alone() {
    let fresh = Fresh::new();
    fresh.bootstrap(&["--allow", "guest config", "--guest", "101"]).ok();
    let denied = fresh.felhom(&["guest", "start", "101"]).fails(4);
    let lines: Vec<&str> = denied.stderr.lines().collect();
    let message = lines.iter().find(|line| line.starts_with("error: ")).unwrap();
    assert_eq!(*message, "error: cannot start 101 (ct101): permission denied", "{denied}");
    assert!(denied.stderr.contains("lacks VM.PowerMgmt on /vms/101"), "{denied}");
    let command = denied.stderr.split('`').nth(1).unwrap().to_owned();
    assert!(command.ends_with("--allow 'guest start' --guest 101") && !denied.stderr.contains("FelhomAgent"), "{denied}");
    fresh.bootstrap(&["--allow", "guest start", "--guest", "101"]).ok();
    fresh.felhom(&["guest", "start", "101"]).ok();
    fresh.felhom(&["guest", "config", "101"]).ok();
}

#[test]
fn a_single_privilege_can_be_granted() {
    let host = Host::demo();
    let denied = host.run(["guest", "reboot", "201", "--wait-ip", "--yes"]).fails(4);
    assert!(denied.stderr.contains("VM.GuestAgent.Audit") && !denied.stderr.contains("PVEVMAdmin"), "{denied}");
    assert!(!denied.stdout.contains("VM.GuestAgent.Audit|"), "a privilege that the message names is not repeated: {denied}");
    let line = "felhom role bootstrap --allow VM.GuestAgent.Audit --path /vms/201";
    assert_eq!(denied.stderr.split('`').nth(1), Some(line), "{denied}");
    let fresh = Fresh::new();
    let made = fresh.bootstrap(&["--allow", "VM.GuestAgent.Audit", "--path", "/vms/201", "-o", "json"]).ok().json();
    assert_eq!((&made["privileges"], &made["paths"]), (&serde_json::json!(["VM.GuestAgent.Audit"]), &serde_json::json!(["/vms/201"])));
}

#[test]
fn a_denial_inside_a_task_is_explained_as_well() {
    let fresh = rig(None, None);
    for subject in [user(), token("rig")] {
        fresh.grant("/storage/local", subject.clone(), "PVEDatastoreUser");
        fresh.grant("/vms/101", subject, "PVEAuditor");
    }
    let run = fresh.host.run(["api", "post", "/nodes/pve1/vzdump", "vmid=101", "storage=local", "--yes", "-o", "json"]).fails(4);
    let error = run.error();
    assert_eq!((error["path"].as_str(), error["privilege"].as_str()), (Some("/vms/101"), Some("VM.Backup")), "{run}");
    let run = fresh.host.run(["backup", "run", "101", "--storage", "local", "--yes"]).fails(4);
    let text = run.stderr.split_once("error: ").unwrap().1;
    assert!(text.starts_with("cannot back up 101 (ct101) to local: permission denied; no backup was created\n"), "{run}");
    assert!(text.lines().count() <= 5 && text.contains("felhom@pve!rig or its user lacks VM.Backup on /vms/101"), "{run}");
    assert!(text.contains("--allow 'backup run' --guest 101`"), "{run}");
}

#[test]
fn an_empty_list_says_that_nothing_may_be_seen() {
    let fresh = rig(None, None);
    let run = fresh.host.run(["guest", "list"]).ok();
    assert!(run.stderr.contains("VM.Audit"), "{run}");
    let seen = Fresh::new();
    seen.host.with_state(|state| state.guests.clear()).unwrap();
    let run = seen.host.run(["guest", "list"]).ok();
    assert!(!run.stderr.contains("nowhere"), "{run}");
}

/// Each of the sixteen, taken from either side.
#[test]
fn each_privilege_is_named_with_its_side() {
    let fresh = Fresh::new();
    fresh.bootstrap(&[]).ok();
    let all: Vec<String> = fresh.host.with_state(|state| state.access.roles["FelhomAgent"].iter().cloned().collect()).unwrap();
    assert_eq!(all.len(), 16);
    for privilege in &all {
        for side in ["user", "token"] {
            fresh
                .host
                .with_state(|state| {
                    let less = state.access.roles["FelhomAgent"].iter().filter(|p| *p != privilege).cloned().collect();
                    state.access.roles.insert("Less".into(), less);
                    let (short, full) = if side == "user" { (user(), token("agent")) } else { (token("agent"), user()) };
                    for entry in state.access.acl.get_mut("/").unwrap() {
                        entry.role = if entry.subject == short { "Less".into() } else { entry.role.clone() };
                        if entry.subject == full {
                            entry.role = "FelhomAgent".into();
                        }
                    }
                })
                .unwrap();
            let named = |run: &Run| {
                let json = run.json();
                let missing = json["missing"].as_array().unwrap().clone();
                assert_eq!(missing.len(), 1, "{privilege} {side}: {run}");
                assert_eq!((missing[0]["privilege"].as_str(), missing[0]["path"].as_str()), (Some(privilege.as_str()), Some("/")));
                missing[0]["side"].as_str().unwrap().to_owned()
            };
            let alone = fresh.felhom(&["role", "check", "-o", "json"]).fails(4);
            // Only with Sys.Audit on /access may a token look at its user.
            let wanted = if privilege == "Sys.Audit" { "unknown" } else { side };
            assert_eq!(named(&alone), wanted, "{privilege} taken from the {side}");
            let told = fresh.as_admin(&["role", "check", "-o", "json"]).fails(4);
            assert_eq!(named(&told), side, "{privilege} taken from the {side}");
        }
    }
}

#[test]
fn an_expired_or_wrong_admin_is_no_answer() {
    let fresh = rig(None, None);
    let file = fresh.write("bad", "00000000-0000-0000-0000-000000000000");
    let source = format!("file:{}", file.display());
    let mut command = fresh.host.felhom(["role", "check", "--admin-token", "root@pam!rig", "--admin-secret", &source]);
    run(&mut command).fails(4);
}

#[test]
fn a_guest_that_was_shut_is_seen_though_the_host_leaves_it_out() {
    let fresh = Fresh::new();
    fresh.bootstrap(&[]).ok();
    fresh.grant("/vms/102", user(), "NoAccess");
    fresh.grant("/vms/101", token("agent"), "PVEAuditor");
    let all = fresh.felhom(&["role", "check", "-o", "json"]).ok().json();
    let narrower: Vec<(&str, bool)> =
        all["narrower"].as_array().unwrap().iter().map(|n| (n["path"].as_str().unwrap(), n["nothing"].as_bool().unwrap())).collect();
    assert_eq!(narrower, [("/vms/101", false), ("/vms/102", true)]);
    fresh.felhom(&["role", "check"]).ok().says("on /vms/102: nothing;").says("on /vms/101: not VM.Allocate");
    let run = fresh.felhom(&["role", "check", "--guest", "102", "-o", "json"]).fails(4);
    let one = run.json();
    assert_eq!((&one["missing"][0]["side"], &one["missing"][0]["fix"]), (&"user".into(), &Value::Null), "a grant beside NoAccess is none");
    assert_eq!(one["missing"][0]["grant_first"][0], "pveum acl delete /vms/102 --users 'felhom@pve' --roles NoAccess");
    assert_eq!(verb(&one, "guest config")["allowed"], "no");
    // Without NoAccess a grant on the path itself is what helps: on `/` it is there already.
    let other = fresh.felhom(&["role", "check", "--guest", "101", "-o", "json"]).fails(4).json();
    assert_eq!((&other["missing"][0]["side"], &other["missing"][0]["grant_first"]), (&"token".into(), &serde_json::json!([])), "{other}");
    let address = fresh.address();
    let fix = other["missing"][0]["fix"].as_str().unwrap();
    assert_eq!(fix, format!("felhom role bootstrap -c {} --path /vms/101", address.split(':').next().unwrap()));
    let denied = fresh.felhom(&["api", "post", "/nodes/pve1/lxc/101/status/start", "-o", "json"]).fails(4).error();
    assert_eq!(denied["hint"].as_str().unwrap().split('`').nth(1), Some(fix), "{denied}");
    fresh.bootstrap(&["--path", "/vms/101"]).ok();
    fresh.felhom(&["role", "check", "--guest", "101"]).ok();
}

#[test]
fn what_the_same_commands_grant_is_said_once() {
    let fresh = Fresh::new();
    fresh.bootstrap(&[]).ok();
    let thin = ["VM.Audit", "VM.PowerMgmt"].map(str::to_owned);
    fresh.host.with_state(|state| state.access.roles.insert("FelhomAgent".into(), thin.into())).unwrap();
    let run = fresh.felhom(&["role", "check"]).fails(4).says("missing on / (side: unknown): VM.Allocate, VM.Config.Disk, ");
    assert_eq!(run.stderr.matches("missing on").count(), 1, "{run}");
    // The role is granted already: what helps is to give it what it lacks.
    assert!(run.stderr.contains("or by hand: pveum role modify FelhomAgent --privs VM.Allocate,VM.Config.Disk,"), "{run}");
    let denied = fresh.felhom(&["api", "post", "/nodes/pve1/lxc/101/snapshot", "snapname=s1", "-o", "json"]).fails(4).error();
    let hint = denied["hint"].as_str().unwrap();
    // The context's own preset is repaired.
    assert!(hint.contains("`felhom role bootstrap -c ") && !hint.contains("--allow"), "{hint}");
    // The pool is another way to the same; a privilege is named once.
    let json = fresh.felhom(&["role", "check", "-o", "json"]).fails(4).json();
    let missing = verb(&json, "guest restore")["missing"].as_array().unwrap().clone();
    assert!(missing.iter().any(|m| m["privilege"] == "VM.Allocate" && m["path"] == "/vms"), "{missing:?}");
    assert!(verb(&json, "node smart")["missing"].as_array().unwrap().len() == 1, "{json}");
}

#[test]
fn what_verbs_lack_is_said_with_the_line_that_grants_it() {
    let fresh = Fresh::new();
    fresh.bootstrap(&["--preset", "auditor"]).ok();
    let check = fresh.felhom(&["role", "check"]).ok().says("--columns verb,fix shows every line");
    let line = check.stderr.lines().find_map(|line| line.split('`').nth(1)).unwrap_or_else(|| panic!("{check}")).to_owned();
    assert!(line.starts_with("felhom role bootstrap") && line.contains("--allow 'guest create lxc'"), "{line}");
}
