//! No secret is seen anywhere it does not belong.

use std::path::Path;

use super::support::{Fresh, PASSWORD, code};
use crate::support::{Run, run, run_with};

/// Every file below a folder, with what is in it.
fn files(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push((path.display().to_string(), std::fs::read(&path).unwrap_or_default()));
        }
    }
}

#[test]
fn a_whole_session_leaves_no_secret_behind() {
    let fresh = Fresh::new();
    fresh.second_factor();
    let (address, print, code) = (fresh.address(), fresh.host.fingerprint().to_owned(), code());
    let base = ["role", "bootstrap", "--host", &address, "--fingerprint", &print, "--store", "file", "--password-stdin", "-vv"];
    let with = |more: &[&str]| -> Run {
        let mut args = base.to_vec();
        args.extend(more);
        run_with(&mut fresh.host.home.felhom(args), PASSWORD)
    };
    let mut runs = vec![with(&["--plan", "--totp", "aaaa-bbbb-cccc-dddd"]), with(&["--totp", &code, "-o", "json"])];
    runs[1].clone().ok();
    let tokens =
        || fresh.host.with_state(|s| s.access.users["felhom@pve"].tokens.values().map(|t| t.secret.clone()).collect::<Vec<_>>()).unwrap();
    let mut secrets = tokens();
    // A program that gives the secret shows its own command line and environment.
    let spy = fresh.host.home.path().join("spy");
    let (name, secret) = fresh.stored().remove(0);
    let file = fresh.host.home.config_file().with_file_name("secrets").join(name);
    let script =
        format!("#!/bin/sh\n{{ env; cat /proc/*/cmdline | tr '\\0' ' '; }} > '{}' 2>/dev/null\ncat '{}'\n", spy.display(), file.display());
    let program = fresh.write("give", &script);
    std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let config = fresh.config();
    let line = config.lines().find(|line| line.starts_with("secret = ")).unwrap().to_owned();
    fresh.host.home.configure(&config.replace(&line, &format!("secret = 'command:[\"{}\"]'", program.display())));
    let mut spied = fresh.host.home.felhom(["guest", "list", "-vv"]);
    runs.push(run(spied.env("FELHOM_TOKEN_SECRET", &secret)).ok());
    fresh.host.home.configure(&config);
    runs.push(fresh.as_admin(&["role", "check", "-vv"]));
    runs.push(fresh.felhom(&["api", "get", "/nodes/nosuch/status", "-vv", "-o", "json"]));
    runs.push(fresh.felhom(&["api", "put", "/access/acl", "path=/", "roles=PVEAdmin", "users=felhom@pve", "--yes", "-vv"]));
    runs.push(fresh.as_admin(&["role", "rotate", "--yes", "-vv", "-o", "json"]).ok());
    secrets.extend(tokens());
    secrets.extend([PASSWORD.to_owned(), fresh.host.secret("root@pam!rig"), code, "aaaa-bbbb-cccc-dddd".into()]);

    for run in &runs {
        for secret in &secrets {
            assert!(!run.stdout.contains(secret) && !run.stderr.contains(secret), "{secret} was printed\n{run}");
        }
        assert!(!run.stderr.contains("PVE:root@pam:") && !run.stderr.contains("PVE:!tfa!"), "a ticket was printed\n{run}");
    }
    let mut all = Vec::new();
    files(fresh.host.home.path(), &mut all);
    assert!(all.iter().any(|(path, _)| path.ends_with("journal.jsonl")) && all.iter().any(|(path, _)| path.ends_with("spy")));
    for (path, bytes) in all {
        // Where secrets are kept on purpose.
        if path.contains("/secrets/") || path.ends_with("root.secret") {
            continue;
        }
        let text = String::from_utf8_lossy(&bytes);
        for secret in &secrets {
            assert!(!text.contains(secret), "{path} holds {secret}");
        }
        assert!(!text.contains("PVE:root@pam:"), "{path} holds a ticket");
    }
}
