//! Every verb that changes anything, before every gate that is closed.

use super::leaves::{CHANGES, HERE};
use super::site::{Site, owned};
use crate::support::{Host, Run, run, run_with};

/// Runs every line that changes a host so, and has a look at what came of each. Nothing may reach a host, and no file may change.
fn every_change(site: &Site, context: &str, extra: &[&str], env: &[(&str, &str)], look: impl Fn(&str, &Run, &[serde_json::Value])) {
    let (sent, files) = (site.sent(), site.files());
    for (verb, words) in CHANGES {
        let before = site.journal().len();
        let args = [site.words(words), owned(&["-c", context, "--force"]), owned(extra)].concat();
        let done = run(site.felhom(&args).envs(env.iter().copied()));
        assert_eq!(site.sent(), sent, "{verb} {extra:?} {env:?} in {context}: {done}");
        let now = site.files();
        let touched: Vec<_> = now.keys().chain(files.keys()).filter(|path| now.get(*path) != files.get(*path)).collect();
        assert!(touched.is_empty(), "{verb} {extra:?} {env:?} in {context} changed {touched:?}: {done}");
        look(verb, &done, &site.journal()[before..]);
    }
}

/// It was refused in these words, and the journal says by which gate.
fn blocked<'a>(by: &'a str, says: &'a str) -> impl Fn(&str, &Run, &[serde_json::Value]) + 'a {
    move |verb, run, records| {
        assert_eq!(run.code, 3, "{verb}: {run}");
        assert!(run.stderr.contains(says) && run.stderr.contains("hint: "), "{verb}: {run}");
        let [record] = records else { panic!("{verb} is {} times in the journal: {run}", records.len()) };
        assert_eq!((&record["record"], &record["by"], &record["verb"]), (&"blocked".into(), &by.into(), &verb.into()), "{verb}");
    }
}

#[test]
fn a_plan_reads_and_changes_nothing() {
    let site = Site::new();
    for form in ["--plan", "--plan=pveum"] {
        every_change(&site, "allow", &[form], &[], |verb, run, records| {
            assert!(run.code == 0 && !run.stdout.is_empty(), "{verb} {form}: {run}");
            assert!(records.is_empty(), "{verb}: a plan is no change");
        });
    }
    every_change(&site, "allow", &["--plan", "-o", "json"], &[], |verb, run, _| {
        let plan = run.clone().ok().json();
        assert!(plan["risk"] == "safe" || plan["risk"] == "disruptive" || plan["risk"] == "irreversible", "{verb}: {plan}");
        assert!(plan["items"][0]["steps"].as_array().is_some_and(|steps| !steps.is_empty()), "{verb}: {plan}");
    });
}

#[test]
fn the_gates_do_not_stand_in_a_plans_way() {
    let site = Site::new();
    for context in ["deny", "stage"] {
        every_change(&site, context, &["--plan", "--read-only"], &[], |verb, run, records| {
            assert!(run.code == 0 && run.stdout.ends_with("nothing was changed\n"), "{verb}: {run}");
            assert!(records.is_empty(), "{verb}: a plan is no change");
        });
    }
}

#[test]
fn read_only_sends_nothing_and_is_written_down() {
    let site = Site::new();
    let says = blocked("read-only", "FELHOM_READ_ONLY");
    every_change(&site, "allow", &["--yes"], &[("FELHOM_READ_ONLY", "1")], &says);
    // The flag does the same, and a staging context or a staged change is no way round it.
    every_change(&site, "stage", &["--read-only", "--stage"], &[], &says);
}

#[test]
fn a_context_that_denies_sends_nothing_and_is_written_down() {
    let site = Site::new();
    let says = blocked("deny", "writes = \"deny\"");
    every_change(&site, "deny", &["--yes"], &[], &says);
    every_change(&site, "deny", &["--stage"], &[("FELHOM_READ_ONLY", "0")], &says);
}

#[test]
fn a_context_that_stages_keeps_every_change() {
    let site = Site::new();
    every_change(&site, "stage", &["--yes"], &[], |verb, run, records| {
        assert_eq!(run.code, 0, "{verb}: {run}");
        assert!(run.stdout.contains("staged as "), "{verb}: {run}");
        let [record] = records else { panic!("{verb} is {} times in the journal: {run}", records.len()) };
        assert_eq!((&record["record"], &record["by"], &record["verb"]), (&"blocked".into(), &"stage".into(), &verb.into()));
    });
    let list = run(&mut site.host.home.felhom(["plan", "list", "-o", "json"])).ok().json();
    assert_eq!(list.as_array().unwrap().len(), CHANGES.len(), "{list}");
}

#[test]
fn an_open_gate_lets_through_what_the_closed_ones_keep() {
    let site = Site::new();
    for words in [
        &["usb", "mount", "SSD", "--name", "backup", "--as-storage", "usbdisk"][..],
        &["usb", "unmount", "stage1"],
        &["fence", "install", "--ssh", "root@fence", "--create-user", "--helper", "HELPER"],
        &[
            "guest",
            "create",
            "lxc",
            "local:vztmpl/debian-13-standard_13.1-2_amd64.tar.zst",
            "--vmid",
            "9050",
            "--hostname",
            "gold",
            "--storage",
            "local-lvm",
            "--golden",
        ],
    ] {
        let before = site.sent().len();
        let _ = site.in_context("allow", &site.words(words), &["--yes"]);
        assert!(site.sent().len() > before, "{words:?} should have been noticed");
    }
}

#[test]
fn what_changes_only_this_machine_reaches_no_host() {
    let site = Site::new();
    let sent = site.sent();
    let ca = site.host.ca_file().display().to_string();
    let endpoint = site.host.endpoint();
    let secret = format!("file:{}", site.host.home.path().join("secret").display());
    let staged = || site.in_context("allow", &owned(&["guest", "stop", "110"]), &["--stage", "-o", "id"]).ok().lines()[0].to_owned();
    let (first, second) = (staged(), staged());
    let add = ["context", "add", "new", "--endpoint", &endpoint, "--token-id", "root@pam!demo", "--secret", &secret, "--ca-file", &ca];
    let lines: &[(&str, &[&str])] = &[
        ("context add", &add),
        ("context use", &["context", "use", "new"]),
        ("context edit", &["context", "edit", "new"]),
        ("context trust", &["context", "trust", "new", "--ca-file", &ca]),
        ("context remove", &["context", "remove", "new", "--yes"]),
        ("plan discard", &["plan", "discard", &first, &second]),
        ("demo reset", &["demo", "reset"]),
    ];
    let with_editor = |args: &[String]| run(site.felhom(args).env("EDITOR", "sed -i s/writes/writes/").env("FELHOM_READ_ONLY", "1"));
    for (verb, words) in lines {
        // It can be shown but not staged.
        let before = site.files();
        let shown = with_editor(&[owned(words), owned(&["--plan"])].concat());
        assert!(shown.code == 0 && shown.stdout.ends_with("nothing was changed\n"), "{verb}: {shown}");
        with_editor(&[owned(words), owned(&["--stage"])].concat()).fails(2).says("--stage").says("this machine");
        assert_eq!(site.files(), before, "{verb}");
        // The write gate is the host's: it does not stand in the way.
        let done = with_editor(&owned(words));
        assert_eq!(done.code, 0, "{verb}: {done}");
    }
    assert_eq!(site.sent(), sent);
    let tried: Vec<&str> = lines.iter().map(|(verb, _)| *verb).chain(["demo serve", "demo tour"]).collect();
    let rest: Vec<&&str> = HERE.iter().map(|(verb, _)| verb).filter(|verb| !tried.contains(*verb)).collect();
    assert!(rest.is_empty(), "not tried: {rest:?}");
}

#[test]
fn nobody_is_asked_for_a_password_behind_a_closed_gate() {
    let site = Site::new();
    let before = site.host.requests().len();
    for (context, extra, by) in [("allow", "--read-only", "read-only"), ("deny", "--yes", "deny")] {
        let words = ["role", "bootstrap", "--user", "gate@pve", "--store", "file", "--password-stdin", "-c", context, extra];
        run_with(&mut site.felhom(&owned(&words)), "felhom-demo").fails(3).says("read-only mode");
        assert_eq!(site.journal().last().unwrap()["by"], by);
    }
    let asked: Vec<_> = site.host.requests().drain(before..).filter(|request| request.method != "GET").collect();
    assert!(asked.is_empty(), "{asked:?}");
}

#[test]
fn an_installation_minds_the_context_that_is_about_its_host() {
    let site = Site::new();
    let sent = site.sent();
    let install = site.words(&["fence", "install", "--ssh", "root@fence", "--create-user", "--helper", "HELPER"]);
    // No context is named, but one of those about this host denies changes.
    run(&mut site.felhom(&install)).fails(3).says("writes = \"deny\"");
    assert_eq!(site.sent(), sent);
    // Another host is nobody's.
    let other = site.words(&["fence", "install", "--ssh", "root@other", "--create-user", "--helper", "HELPER"]);
    run(&mut site.felhom(&other)).ok();
    let record = site.journal().into_iter().rev().find(|record| record["record"] == "intent").unwrap();
    assert_eq!((&record["context"], &record["who"]), (&"root@other".into(), &"root".into()));
}

#[test]
fn the_demo_reaches_no_real_host() {
    let site = Site::new();
    let sent = site.sent();
    for words in [
        &["demo", "fence", "install", "--ssh", "root@fence"][..],
        &["demo", "fence", "install", "--local", "--create-user"],
        &["demo", "role", "bootstrap", "--via", "local"],
        &["demo", "role", "bootstrap", "--via", "ssh"],
        &["demo", "role", "rotate", "--via", "local"],
        &["demo", "role", "revoke", "--via", "ssh"],
    ] {
        run(&mut site.felhom(&owned(words))).fails(2).says("demo host");
    }
    assert_eq!(site.sent(), sent);
}

#[test]
fn nothing_follows_a_task_that_nobody_waits_for() {
    let host = Host::demo();
    let template = "local:vztmpl/debian-13-standard_13.1-2_amd64.tar.zst";
    let create = ["guest", "create", "lxc", template, "--node", "pve1", "--hostname", "x", "--storage", "local-lvm", "--detach"];
    host.run(create.iter().chain(&["--start"])).fails(2).says("'start' must wait");
    assert_eq!(host.count("POST", "/lxc"), 0);
    host.run(create).ok();
}

#[test]
fn a_raw_call_meets_the_tags_too() {
    let host = Host::demo();
    host.with_state(|state| state.guests.get_mut(&110).unwrap().config.insert("tags".into(), "docker;production".into())).unwrap();
    for args in [
        &["api", "post", "/nodes/pve1/lxc/110/status/stop", "--yes"][..],
        &["api", "delete", "/nodes/pve1/lxc/110", "--confirm", "110"],
        &["guest", "stop", "110", "--yes"],
    ] {
        host.run(args.iter().copied()).fails(3).says("production").says("--force");
    }
    assert!(host.requests().iter().all(|request| request.method == "GET"));
    host.run(["api", "post", "/nodes/pve1/lxc/110/status/stop", "--yes", "--force"]).ok();
}
