//! What is seen before anything is sent: plans, and words that would fail late.

use super::support::{Fresh, PASSWORD};

#[test]
fn pveum_in_the_wrong_place_is_told_where_it_belongs() {
    let fresh = Fresh::new();
    for words in [&["--plan", "-o", "pveum"][..], &["--plan", "pveum"]] {
        let args = [&["role", "bootstrap", "--host", "pve1"][..], words].concat();
        fresh.felhom(&args).fails(2).says("tip: --plan=pveum, with the equals sign");
    }
    let json = fresh.felhom(&["role", "bootstrap", "-o", "json", "--plan", "pveum"]).fails(2).error();
    assert!(json["hint"].as_str().unwrap().contains("--plan=pveum"), "{json}");
}

#[test]
fn what_the_host_would_refuse_at_the_end_is_refused_at_the_beginning() {
    let fresh = Fresh::new();
    for (words, says) in [
        (["--path", "vms/101"], "a path is `/`"),
        (["--path", "/vm/101"], "a path is `/`"),
        (["--path", "/vms//101"], "a path is `/`"),
        (["--expire", "2001-01-01"], "that is past"),
        (["--expire", "soon"], "'soon'"),
        (["--token-name", "x"], "two characters or more"),
        (["--token-name", "x y"], "letters, digits"),
        (["--token-name", "7days"], "a letter, then"),
        (["--user", "felhom"], "write USER@REALM"),
    ] {
        fresh.bootstrap(&words).fails(2).says(says);
    }
    assert!(fresh.host.requests().is_empty(), "{:?}", fresh.host.requests());
    fresh.bootstrap(&["--path", "/vms/101", "--path", "/storage/local"]).ok();
}

#[test]
fn a_user_is_made_only_in_a_realm_that_is_there() {
    let fresh = Fresh::new();
    fresh.bootstrap(&["--user", "felhom@pvee"]).fails(2).says("no realm 'pvee'").says("pam, pve");
    assert!(fresh.host.requests().iter().all(|request| request.method == "GET"));
    fresh.bootstrap(&["--user", "robot@pve"]).ok();
}

#[test]
fn a_context_that_is_root_needs_no_token_and_no_plan_for_one() {
    let fresh = Fresh::new();
    fresh.felhom(&["context", "add", "box", "--transport", "ssh", "--ssh", "root@192.0.2.1"]).ok().says("made as root@pam");
    for args in [&["role", "bootstrap", "--plan"][..], &["role", "bootstrap"]] {
        fresh.felhom(args).fails(2).says("acts as root@pam through ssh: it needs no token").says("--via ssh -c NAME");
    }
    let plan = fresh.felhom(&["role", "bootstrap", "--host", "192.0.2.1", "-c", "other", "--plan"]).ok();
    plan.shows("root@pam").shows("check 16 privileges on 1 path\n");
}

#[test]
fn without_a_terminal_the_refusal_shows_the_difference() {
    let fresh = Fresh::new();
    fresh.bootstrap(&[]).ok();
    fresh.host.with_state(|state| state.access.roles.get_mut("FelhomAgent").unwrap().insert("VM.Clone".into())).unwrap();
    fresh.bootstrap(&[]).fails(3).says("-VM.Clone");
}

#[test]
fn an_administrator_who_is_none_is_told_so() {
    let fresh = Fresh::new();
    let secret = fresh.host.secret("felhom@pve!full");
    let source = format!("file:{}", fresh.write("full.secret", &secret).display());
    let (address, print) = (fresh.address(), fresh.host.fingerprint().to_owned());
    let common = ["role", "bootstrap", "--host", &address, "--fingerprint", &print, "--store", "file", "--user", "new@pve"];
    let run = fresh.felhom(&[&common[..], &["--admin-token", "felhom@pve!full", "--admin-secret", &source]].concat()).fails(4);
    run.says("felhom@pve!full lacks Sys.Modify on /access").says("--admin root@pam");
    let lost = fresh.felhom(&[&common[..], &["--admin-token", "root@pam!rig", "--admin-secret", "file:/nosuch"]].concat()).fails(2);
    lost.says("--admin-secret: cannot read").says("the secret of root@pam!rig was to be");
}

#[test]
fn an_end_can_be_set_and_taken_away() {
    let fresh = Fresh::new();
    let end = |fresh: &Fresh| fresh.host.with_state(|s| s.access.users["felhom@pve"].tokens["agent"].expire).unwrap();
    fresh.bootstrap(&["--expire", "2100-01-01T00:00:00Z"]).ok();
    assert_eq!(end(&fresh), 4_102_444_800);
    assert_eq!(fresh.bootstrap(&[]).ok().stdout, "nothing to do\n", "without the flag the end stays");
    fresh.bootstrap(&["--expire", "never"]).fails(3).says("no longer expires");
    fresh.bootstrap(&["--expire", "never", "--yes"]).ok();
    assert_eq!(end(&fresh), 0);
}

#[test]
fn a_password_file_that_is_not_there_is_named() {
    let fresh = Fresh::new();
    let address = fresh.address();
    let args = ["role", "bootstrap", "--host", &address, "--fingerprint", fresh.host.fingerprint(), "--store", "file"];
    let mut command = fresh.host.home.felhom(args);
    crate::support::run(command.env("FELHOM_PASSWORD_FILE", "/nosuch")).fails(2).says("FELHOM_PASSWORD_FILE: cannot open /nosuch");
    let open = fresh.write("open", PASSWORD);
    std::fs::set_permissions(&open, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let mut command = fresh.host.home.felhom(args);
    crate::support::run(command.env("FELHOM_PASSWORD_FILE", open)).fails(2).says("can be read by others");
    assert!(fresh.host.requests().iter().all(|request| request.method == "GET"), "nothing was logged in with");
}
