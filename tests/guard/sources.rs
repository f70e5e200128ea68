//! Secrets and staging: a secret is not kept for later, where it comes from is.

use std::os::unix::fs::PermissionsExt;

use super::site::{Site, owned};
use crate::support::{Host, run, run_with};

const SECRET: &str = "hunter2-geheim";

/// Everything that felhom keeps of its own.
fn kept(host: &Host) -> String {
    let state = host.home.state();
    let staged = std::fs::read_dir(state.join("staged")).into_iter().flatten().flatten();
    let staged = staged.map(|entry| std::fs::read_to_string(entry.path()).unwrap_or_default());
    staged.chain([std::fs::read_to_string(state.join("journal.jsonl")).unwrap_or_default()]).collect()
}

#[test]
fn a_secret_is_not_staged() {
    let host = Host::demo().with_token("root@pam!demo");
    let here = host.home.path().join("here");
    std::fs::write(&here, SECRET).unwrap();
    let template = "local:vztmpl/debian-13-standard_13.1-2_amd64.tar.zst";
    let literal = format!("cipassword={SECRET}");
    let create = ["guest", "create", "lxc", template, "--node", "pve1", "--hostname", "x", "--storage", "local-lvm", "--password-stdin"];
    let put = ["api", "put", "/nodes/pve2/qemu/201/config", literal.as_str()];
    for (words, stdin, says) in [
        (&put[..], "", "cipassword=@/FULL/PATH"),
        (&["guest", "set", "201", "cipassword=@-"], SECRET, "stdin cannot be read again"),
        (&["guest", "set", "201", "cipassword=@here"], "", "full path"),
        (&create, SECRET, "stdin cannot be read again"),
    ] {
        let mut command = host.felhom(words.iter().copied().chain(["--stage"]));
        command.current_dir(host.home.path());
        run_with(&mut command, stdin).fails(3).says("cannot be staged").says(says);
    }
    let journal = kept(&host);
    assert!(!journal.contains(SECRET), "{journal}");
    assert_eq!(journal.matches("\"by\":\"secret\"").count(), 4, "each is written down: {journal}");
    host.run(["history", "--status", "blocked", "-o", "id"]).ok();
    assert!(host.requests().iter().all(|request| request.method == "GET"));
    host.run(["plan", "list", "-o", "json"]).ok().shows("[]");
}

#[test]
fn neither_is_one_for_the_fence() {
    let site = Site::new();
    let mut words = site.words(&["guest", "create", "lxc", "local:vztmpl/debian-13-standard_13.1-2_amd64.tar.zst", "--vmid", "9050"]);
    words.extend(owned(&["--hostname", "gold", "--storage", "local-lvm", "--golden", "--password-stdin", "-c", "stage"]));
    run_with(&mut site.felhom(&words), SECRET).fails(3).says("(password) cannot be staged");
    assert!(!kept(&site.host).contains(SECRET));
}

#[test]
fn the_file_that_holds_it_is_kept_instead() {
    let host = Host::demo().with_token("root@pam!demo");
    let file = host.home.path().join("ci.secret");
    std::fs::write(&file, SECRET).unwrap();
    let setting = format!("cipassword=@{}", file.display());
    let staged = host.run(["guest", "set", "201", &setting, "--stage", "-o", "id"]).ok();
    let id = staged.lines()[0].to_owned();
    host.run(["plan", "show", &id]).ok().shows(&setting).shows("cipassword=***");
    assert!(!kept(&host).contains(SECRET));
    // What is in the file counts when it is applied.
    std::fs::write(&file, "another").unwrap();
    host.run(["plan", "apply", &id]).ok();
    let set = host.with_state(|state| state.guests[&201].pending.get("cipassword").cloned()).unwrap();
    assert_eq!(set, Some("another".into()));
    assert!(!kept(&host).contains("another"));
}

#[test]
fn an_administrators_token_is_named_by_its_source_and_the_new_secret_is_made_when_it_is_applied() {
    let site = Site::new();
    let words = site.words(&["role", "bootstrap", "--user", "gate@pve", "--token-name", "gate", "--store", "file", "ADMIN"]);
    let staged = site.in_context("stage", &words, &["-o", "id"]).ok();
    let id = staged.lines()[0].to_owned();
    assert!(site.sent().iter().all(|call| !call.contains("gate@pve")));
    let secrets = site.host.home.config_file().with_file_name("secrets");
    assert!(!secrets.exists(), "nothing was tried out before it is needed");
    // The context uses another token until now, so it asks.
    run(&mut site.felhom(&owned(&["plan", "apply", &id, "--yes"]))).ok();
    assert!(site.sent().iter().any(|call| call == "POST /access/users/gate@pve/token/gate"), "{:?}", site.sent());
    let files: Vec<_> = std::fs::read_dir(&secrets).unwrap().flatten().map(|entry| entry.path()).collect();
    let [file] = &files[..] else { panic!("{files:?}") };
    assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    let secret = std::fs::read_to_string(file).unwrap();
    assert!(!kept(&site.host).contains(secret.trim()));

    // The same for a rotation: the context has the new token by now.
    let rotate = site.in_context("stage", &site.words(&["role", "rotate", "ADMIN"]), &["-o", "id"]).ok();
    let id = rotate.lines()[0].to_owned();
    run(&mut site.felhom(&owned(&["plan", "apply", &id]))).fails(3).says("--yes");
    run(&mut site.felhom(&owned(&["plan", "apply", &id, "--yes"]))).ok();
    assert!(site.sent().iter().any(|call| call == "DELETE /access/users/gate@pve/token/gate"), "{:?}", site.sent());
}

#[test]
fn what_the_fence_is_to_do_is_applied_through_the_fence() {
    let site = Site::new();
    for (words, word) in [
        (&["usb", "mount", "SSD", "--name", "backup"][..], "usb-mount"),
        (&["usb", "unmount", "stage1"], "usb-unmount"),
        (&["fence", "install", "--ssh", "root@fence", "--create-user", "--helper", "HELPER"], "useradd"),
    ] {
        let staged = site.in_context("stage", &site.words(words), &["-o", "id"]).ok();
        let id = staged.lines()[0].to_owned();
        let asked = || site.sent().iter().filter(|line| line.contains(word)).count();
        assert_eq!(asked(), 0, "{words:?}");
        let applied = run(&mut site.felhom(&owned(&["plan", "apply", &id, "--yes"])));
        assert_eq!((applied.code, asked()), (0, 1), "{words:?}: {applied}");
    }
}
