use std::time::{Duration, Instant};

use super::*;
use crate::config::Paths;
use crate::config::secrets::{Source, Store, Vault};

fn vault(env: &Env) -> Vault {
    let paths = Paths::from_env(&Env::from_pairs([("HOME", "/nowhere")])).expect("a home");
    Vault::new(env, &paths, &Interrupt::never().expect("a socket pair"))
}

#[test]
fn without_a_session_bus_it_refuses_and_names_the_way_round() {
    let start = Instant::now();
    let vault = vault(&Env::from_pairs([("XDG_RUNTIME_DIR", "/nowhere")]));
    let fault = vault.read(&Source::Keyring, &Account::new("home", "felhom@pve!agent")).expect_err("there is no bus");
    let wanted = "cannot read the secret of context home (keyring): there is no keyring to use: this session has no D-Bus session bus";
    assert_eq!((fault.message.as_str(), fault.exit_code()), (wanted, 2));
    assert!(fault.hint().contains("--store file"), "{}", fault.hint());
    let fault = vault.probe(Store::Keyring).expect_err("there is no bus");
    assert!(fault.message.starts_with("the keyring store does not work: there is no keyring to use: "), "{fault}");
    assert!(start.elapsed() < Duration::from_secs(1));
}

#[test]
fn what_never_answers_is_given_up() {
    let quiet = Interrupt::never().expect("a socket pair");
    let (_keep, never) = std::sync::mpsc::channel::<()>();
    let fault = real::within(Duration::from_millis(50), &quiet, move || {
        let _ = never.recv();
        Ok(())
    });
    assert_eq!(fault.expect_err("it waits").message, "there is no keyring to use: it did not answer within 0 s");
}

/// The keyring looks at the process's own environment, so a bus of the test's making needs a process of its own.
#[cfg(feature = "exec")]
#[test]
fn a_dead_session_bus_is_refused_in_words() {
    let dir = tempfile::tempdir().expect("a folder");
    let address = format!("unix:path={}", dir.path().join("bus").display());
    let child = crate::exec::Cmd::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "--ignored", "--nocapture", "config::secrets::keyring::tests::child_with_a_dead_bus"])
        .env("DBUS_SESSION_BUS_ADDRESS", address)
        .timeout(Duration::from_secs(90));
    let done = child.run(&Interrupt::never().expect("a socket pair")).expect("it runs");
    assert!(done.ok() && done.stdout_text().contains("1 passed"), "{}\n{}", done.stdout_text(), done.stderr_text());
}

#[test]
#[ignore = "run by a_dead_session_bus_is_refused_in_words, with an environment of its own"]
fn child_with_a_dead_bus() {
    let fault = vault(&Env::system()).probe(Store::Keyring).expect_err("nobody is on that bus");
    assert!(fault.message.starts_with("the keyring store does not work: there is no keyring to use: "), "{fault}");
    assert!(fault.hint().contains("--store file"), "{}", fault.hint());
}

/// A real Secret Service on a bus of its own, with an unlocked keyring in a home of its own.
#[cfg(feature = "exec")]
#[test]
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn a_real_secret_service_keeps_reads_and_forgets() {
    let quiet = Interrupt::never().expect("a socket pair");
    for tool in ["dbus-run-session", "gnome-keyring-daemon"] {
        let there = crate::exec::Cmd::new(tool).arg("--version").run(&quiet).is_ok_and(|done| done.ok());
        if !there {
            assert!(std::env::var_os("FELHOM_REQUIRE_REAL").is_none(), "{tool} is not installed");
            eprintln!("skipped: {tool} is not installed");
            return;
        }
    }
    let home = tempfile::tempdir().expect("a folder");
    let script = r#"printf test | gnome-keyring-daemon --unlock --components=secrets >/dev/null && exec "$@""#;
    let child = crate::exec::Cmd::new("dbus-run-session")
        .args(["--", "sh", "-c", script, "sh"])
        .arg(std::env::current_exe().expect("this test"))
        .args(["--exact", "--ignored", "--nocapture", "config::secrets::keyring::tests::child_with_a_real_keyring"])
        .env("HOME", home.path())
        .env("XDG_DATA_HOME", home.path().join("data"))
        .env("XDG_RUNTIME_DIR", home.path())
        .timeout(Duration::from_secs(60));
    let done = child.run(&quiet).expect("it runs");
    assert!(done.ok() && done.stdout_text().contains("1 passed"), "{}\n{}", done.stdout_text(), done.stderr_text());
}

#[test]
#[ignore = "run by a_real_secret_service_keeps_reads_and_forgets, with an environment of its own"]
fn child_with_a_real_keyring() {
    let vault = vault(&Env::system());
    vault.probe(Store::Keyring).expect("it works");
    let (one, two) = (Account::new("home", "felhom@pve!agent"), Account::new("home", "felhom@pve!agent-b"));
    assert_eq!(vault.put(Store::Keyring, &one, &Secret::new("first")).ok(), Some(Source::Keyring));
    vault.put(Store::Keyring, &two, &Secret::new("second")).expect("it is kept");
    let read = |account| vault.read(&Source::Keyring, account).map(|secret| secret.reveal().to_owned());
    assert_eq!(read(&one).ok().as_deref(), Some("first"), "a rotation leaves the one in use alone");
    assert_eq!(read(&two).ok().as_deref(), Some("second"));
    assert_eq!(vault.forget(&Source::Keyring, &one).ok(), Some(true));
    assert_eq!(vault.forget(&Source::Keyring, &one).ok(), Some(false));
    let fault = read(&one).expect_err("it is gone");
    assert_eq!(fault.message, "cannot read the secret of context home (keyring): the keyring holds no such secret");
}
