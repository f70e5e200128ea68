//! A run as by cron: no terminal, an empty environment, the secret from a file or from systemd.

use std::os::unix::fs::PermissionsExt;

use super::{ids, power_on};
use crate::support::{Host, run};

fn configured(host: &Host, secret: &str) {
    let ca = host.ca_file().to_string_lossy().into_owned();
    host.home.configure(&format!(
        "current = \"home\"\n[contexts.home]\ntransport = \"https\"\ntoken_id = \"root@pam!rig\"\nsecret = \"{secret}\"\nca_file = \"{ca}\"\n\
         [[contexts.home.endpoints]]\nurl = \"{}\"\n",
        host.endpoint()
    ));
}

fn secret_file(host: &Host) -> std::path::PathBuf {
    let file = host.home.path().join("secret");
    std::fs::write(&file, host.secret("root@pam!rig")).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    file
}

const NIGHTLY: [&str; 7] = ["backup", "run", "--all", "--mode", "snapshot", "--keep", "last=3"];

#[test]
fn a_cron_run_prints_a_short_log_and_one_table_and_keeps_three() {
    let host = Host::baseline();
    power_on(&host, 101);
    let file = secret_file(&host);
    configured(&host, &format!("file:{}", file.display()));
    for _ in 0..4 {
        let run = run(&mut host.home.felhom(NIGHTLY)).ok();
        let lines = run.lines();
        assert_eq!(lines.len(), 6, "a header and five guests: {run}");
        assert!(lines[0].contains("VMID") && lines[0].contains("BACKUP"), "{run}");
        assert!(lines[1..].iter().all(|line| line.contains(" ok ") && line.contains("local:backup/")), "{run}");
        assert!(run.stderr.lines().count() <= 4 * 5, "few lines per guest: {run}");
        assert!(!run.stderr.contains('\u{1b}') && !run.stderr.contains('\r'), "no colors, no progress bars: {run}");
        assert!(!run.stdout.contains(&host.secret("root@pam!rig")) && !run.stderr.contains(&host.secret("root@pam!rig")));
    }
    assert_eq!(ids(&host).len(), 15, "three of each");
}

#[test]
fn the_secret_may_be_a_credential_of_systemd() {
    let host = Host::baseline();
    secret_file(&host);
    configured(&host, "credential:secret");
    let run = run(host.home.felhom(NIGHTLY).env("CREDENTIALS_DIRECTORY", host.home.path()));
    assert_eq!(run.code, 0, "{run}");
}

#[test]
fn failures_set_the_exit_code() {
    let host = Host::baseline();
    let file = secret_file(&host);
    configured(&host, &format!("file:{}", file.display()));
    super::set(&host, 102, "lock", "migrate");
    let partly = run(&mut host.home.felhom(NIGHTLY)).fails(7);
    assert_eq!(partly.stdout.lines().filter(|line| line.contains(" ok ")).count(), 4, "{partly}");
    assert!(partly.stderr.contains("is locked (migrate)"), "{partly}");
}
