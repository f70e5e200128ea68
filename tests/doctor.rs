//! `felhom doctor` against hosts that are well, and not.

use felhom::demo::Options;
use felhom::demo::state::{AclEntry, Subject};
use serde_json::{Value, json};

use crate::role::support::Fresh;
use crate::support::{Demo, Host, Terminal, demo_options};

/// The demo site without the lock that it begins with.
fn well(options: &Options) -> Host {
    let host = Host::with(options);
    host.with_state(|state| state.guests.values_mut().for_each(|guest| drop(guest.config.shift_remove("lock")))).unwrap();
    host
}

fn findings(host: &Host, code: i32) -> Vec<Value> {
    let run = host.run(["doctor", "-o", "json"]);
    assert_eq!(run.code, code, "{run}");
    run.json().as_array().unwrap().clone()
}

fn of<'a>(findings: &'a [Value], area: &str, state: &str) -> Vec<&'a str> {
    let fits = |f: &&Value| f["area"] == area && f["state"] == state;
    findings.iter().filter(fits).map(|f| f["message"].as_str().unwrap()).collect()
}

#[test]
fn a_host_that_is_well_has_no_problem() {
    let demo = Demo::new();
    let run = demo.run(["doctor", "-o", "json"]).fails(1);
    let all = run.json().as_array().unwrap().clone();
    // The demo has one guest that somebody must look after.
    let problems: Vec<&str> = all.iter().filter(|f| f["state"] == "problem").map(|f| f["message"].as_str().unwrap()).collect();
    assert!(matches!(problems[..], [only] if only.starts_with("120 (build) is locked (backup)")), "{run}");
    for area in ["reach", "certificate", "clock", "version", "login", "rights", "storage", "archives", "locks", "secret"] {
        assert!(all.iter().any(|f| f["area"] == area), "{area}: {run}");
    }
    assert!(of(&all, "storage", "ok")[0].contains("(local-lvm, tank cannot"), "{run}");
    let table = demo.run(["doctor"]).fails(1);
    assert!(table.stdout.contains("pinned CA"), "{table}");
}

#[test]
fn what_is_wrong_is_named_with_its_fix() {
    let host = well(&demo_options());
    host.with_state(|state| {
        state.guests.get_mut(&102).unwrap().config.insert("lock".into(), json!("backup"));
        for storage in state.storages.values_mut() {
            storage.config.insert("content".into(), json!("images"));
        }
    })
    .unwrap();
    let all = findings(&host, 1);
    assert!(of(&all, "locks", "problem").len() == 1 && of(&all, "locks", "problem")[0].contains("102 (db) is locked (backup)"), "{all:?}");
    assert!(of(&all, "storage", "problem")[0].contains("no visible storage"), "{all:?}");
    assert!(all.iter().filter(|f| f["state"] == "problem").all(|f| !f["fix"].as_str().unwrap().is_empty()));
}

#[test]
fn a_missing_privilege_and_unseen_archives_are_said() {
    let host = well(&demo_options());
    host.with_state(|state| {
        state.access.roles.insert("Thin".into(), ["VM.Audit", "Datastore.AllocateSpace"].map(str::to_owned).into());
        let entry = |subject| AclEntry { subject, role: "Thin".into(), propagate: true };
        let both = vec![entry(Subject::User("felhom@pve".into())), entry(Subject::Token("felhom@pve!agent".into()))];
        state.access.acl.insert("/".into(), both);
    })
    .unwrap();
    // The environment's context knows no preset: what it can do is counted.
    let all = findings(&host, 0);
    assert!(of(&all, "rights", "ok")[0].starts_with("2 privileges"), "{all:?}");
    assert!(of(&all, "archives", "note")[0].contains("VM.Backup"), "{all:?}");
    host.with_state(|state| state.access.acl.clear()).unwrap();
    let none = findings(&host, 1);
    assert!(of(&none, "rights", "problem")[0].contains("no privileges"), "{none:?}");
}

#[test]
fn a_secret_that_cannot_be_read_is_the_finding() {
    let fresh = Fresh::new();
    fresh.bootstrap(&[]).ok();
    let doctor = |code: i32| {
        let run = fresh.felhom(&["doctor", "-o", "json"]);
        assert_eq!(run.code, code, "{run}");
        run.json().as_array().unwrap().clone()
    };
    assert!(of(&doctor(0), "secret", "ok")[0].contains("file:"));
    let file = std::fs::read_dir(fresh.host.home.config_file().with_file_name("secrets")).unwrap().next().unwrap().unwrap().path();
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let open = doctor(1);
    assert!(of(&open, "secret", "problem")[0].contains("can be read by others") && of(&open, "secret", "ok").is_empty(), "{open:?}");
    assert!(of(&open, "reach", "problem").is_empty() && of(&open, "certificate", "ok").len() == 1, "{open:?}");
    std::fs::remove_file(&file).unwrap();
    let gone = doctor(1);
    let problem = gone.iter().find(|f| f["state"] == "problem").unwrap();
    assert_eq!((&problem["area"], gone.iter().filter(|f| f["state"] == "problem").count()), (&json!("secret"), 1), "{gone:?}");
    assert!(problem["fix"].as_str().unwrap().contains("`felhom role bootstrap -c "), "{problem}");
    fresh.bootstrap(&["--yes"]).ok();
    doctor(0);
}

#[test]
fn every_endpoint_is_held_against_the_trust() {
    let (fresh, other) = (Fresh::new(), Host::baseline());
    fresh.bootstrap(&[]).ok();
    let name = fresh.address().split(':').next().unwrap().to_owned();
    let more = format!(
        "{}\n[[contexts.\"{name}\".endpoints]]\nurl = \"{}\"\n[[contexts.\"{name}\".endpoints]]\nurl = \"https://127.0.0.1:1\"\n",
        fresh.config(),
        other.endpoint()
    );
    fresh.host.home.configure(&more);
    let run = fresh.felhom(&["doctor", "-o", "json"]).fails(1);
    let all = run.json().as_array().unwrap().clone();
    assert!(of(&all, "certificate", "ok")[0].starts_with(&fresh.address()), "{run}");
    assert!(of(&all, "certificate", "problem")[0].contains(other.endpoint().trim_start_matches("https://")), "{run}");
    assert!(of(&all, "reach", "note")[0].starts_with("127.0.0.1:1: "), "{run}");
    // The first endpoint answers: the rest of the page is there.
    assert_eq!(of(&all, "rights", "ok"), ["all 16 privileges of preset agent"]);
}

#[test]
fn the_end_of_the_token_is_known_where_the_host_tells_it() {
    let fresh = Fresh::new();
    fresh.bootstrap(&[]).ok();
    let login = |fresh: &Fresh| {
        let run = fresh.felhom(&["doctor", "-o", "json"]);
        run.json().as_array().unwrap().iter().find(|f| f["area"] == "login").unwrap().clone()
    };
    assert!(login(&fresh)["message"].as_str().unwrap().contains("felhom@pve!agent"));
    let soon = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() + 3 * 86_400 + 60;
    fresh
        .host
        .with_state(|state| {
            let token = state.access.users.get_mut("felhom@pve").unwrap().tokens.get_mut("agent").unwrap();
            token.expire = i64::try_from(soon).unwrap();
        })
        .unwrap();
    let ends = login(&fresh);
    assert_eq!(ends["state"], "problem", "{ends}");
    assert!(ends["message"].as_str().unwrap().contains("felhom@pve!agent, which expires in 3 days"), "{ends}");
    assert!(ends["fix"].as_str().unwrap().contains("`felhom role rotate --expire DATE`"), "{ends}");
    // Without Sys.Audit on /access the host does not tell a token about itself.
    fresh.host.with_state(|state| state.access.roles.get_mut("FelhomAgent").unwrap().remove("Sys.Audit")).unwrap();
    assert!(login(&fresh)["message"].as_str().unwrap().contains("cannot read its expiry"));
    fresh.host.with_state(|state| state.access.users.get_mut("felhom@pve").unwrap().tokens.get_mut("agent").unwrap().expire = 1).unwrap();
    assert_eq!((&login(&fresh)["state"], &login(&fresh)["message"]), (&json!("problem"), &json!("GET /version: Authentication failed!")));
}

#[test]
fn on_a_narrow_terminal_no_fix_is_cut() {
    let host = Host::demo();
    let Some(terminal) = Terminal::start(80, 50, &host.env(), &["doctor"]) else { return };
    let (exit, screen) = terminal.end();
    assert_eq!(exit, 1, "{screen}");
    assert!(screen.contains("`pct unlock 120`") && !screen.contains('…'), "{screen}");
}

#[test]
fn the_findings_are_grouped_and_have_labels() {
    let host = Host::demo();
    let run = host.run(["doctor"]).fails(1);
    let first: Vec<&str> = run.stdout.split("\n\n").filter_map(|group| group.split_whitespace().next()).collect();
    assert_eq!(first, ["Connection", "Secret", "Storage"], "{run}");
    // The area of each finding has a label, and each label is written once.
    let json = host.run(["doctor", "-o", "json"]).json();
    let areas: std::collections::BTreeSet<&str> = json.as_array().unwrap().iter().map(|f| f["area"].as_str().unwrap()).collect();
    let labelled = |line: &&str| line.starts_with(char::is_alphabetic);
    assert_eq!(run.stdout.lines().filter(labelled).count(), areas.len(), "{run}");
    for finding in json.as_array().unwrap() {
        let message = finding["message"].as_str().unwrap().split(" in ").next().unwrap().rsplit(": ").next().unwrap();
        assert!(run.stdout.contains(message), "{message}: {run}");
    }
    // Other formats and options still see a list.
    assert_eq!(host.run(["doctor", "--filter", "state=problem", "-o", "id"]).fails(1).stdout, "locks\n");
    assert!(host.run(["doctor", "--columns", "area,fix"]).fails(1).stdout.starts_with("AREA"), "{run}");
    let only = host.run(["doctor", "--filter", "state=problem"]).fails(1);
    let lines: Vec<&str> = only.stdout.lines().collect();
    assert!(matches!(lines[..], [_, fix] if fix.trim().starts_with("fix: run `pct unlock 120`")), "{only}");
    let value = lines[0].find("120 (build)").unwrap();
    assert_eq!((lines[0].get(..5), lines[1].find("fix:")), (Some("Locks"), Some(value)), "{only}");
}

#[test]
fn a_distant_end_of_a_certificate_is_not_counted_in_days() {
    let host = Host::demo();
    let run = host.run(["doctor"]).fails(1);
    assert!(run.stdout.contains("never expires") && !run.stdout.contains(" days"), "{run}");
    let certs = host.run(["node", "certs"]).ok();
    assert!(certs.stdout.contains("never"), "{certs}");
    assert!(host.run(["node", "certs", "-o", "json"]).json()[0]["days_left"].as_i64().unwrap() > 365_000);
}

#[test]
fn a_clock_that_is_off_and_a_token_that_is_not_known() {
    let host = well(&Options { skew_ms: 3_600_000, ..demo_options() });
    let all = findings(&host, 1);
    assert!(of(&all, "clock", "problem")[0].contains("3600 s") || of(&all, "clock", "problem")[0].contains("3599 s"), "{all:?}");
    host.with_state(|state| state.access.users.get_mut("felhom@pve").unwrap().tokens.clear()).unwrap();
    let out = findings(&host, 1);
    assert_eq!(of(&out, "login", "problem").len(), 1, "{out:?}");
}
