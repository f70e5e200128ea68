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
    let wanted = "cannot read the secret of context home (keyring): no keyring available: this session has no D-Bus session bus";
    assert_eq!((fault.message.as_str(), fault.exit_code()), (wanted, 2));
    assert!(fault.hint().contains("--store file"), "{}", fault.hint());
    let fault = vault.probe(Store::Keyring).expect_err("there is no bus");
    assert!(fault.message.starts_with("the keyring store does not work: no keyring available: "), "{fault}");
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
    assert_eq!(fault.expect_err("it waits").message, "no keyring available: it did not answer within 0 s");
}

/// Set for tests that run themselves in a separate process, because the keyring reads the process's environment.
#[cfg(feature = "exec")]
const INNER: &str = "FELHOM_TEST_INNER";

/// Returns the command that runs one test of this file again.
#[cfg(feature = "exec")]
fn again(before: &[&str], test: &str) -> crate::exec::Cmd {
    let this = std::env::current_exe().expect("this test").to_string_lossy().into_owned();
    let words: Vec<&str> = before.iter().copied().chain([this.as_str(), "--exact", "--nocapture"]).collect();
    crate::exec::Cmd::new(words[0])
        .args(&words[1..])
        .arg(format!("config::secrets::keyring::tests::{test}"))
        .env(INNER, "1")
        .timeout(Duration::from_secs(90))
}

#[cfg(feature = "exec")]
#[test]
fn a_dead_session_bus_is_refused_in_words() {
    if std::env::var_os(INNER).is_some() {
        let fault = vault(&Env::system()).probe(Store::Keyring).expect_err("nobody is on that bus");
        assert!(fault.message.starts_with("the keyring store does not work: no keyring available: "), "{fault}");
        assert!(fault.hint().contains("--store file"), "{}", fault.hint());
        return;
    }
    let dir = tempfile::tempdir().expect("a folder");
    let address = format!("unix:path={}", dir.path().join("bus").display());
    let child = again(&[], "a_dead_session_bus_is_refused_in_words").env("DBUS_SESSION_BUS_ADDRESS", address);
    let done = child.run(&Interrupt::never().expect("a socket pair")).expect("it runs");
    assert!(done.ok() && done.stdout_text().contains("1 passed"), "{}\n{}", done.stdout_text(), done.stderr_text());
}

/// A real Secret Service with its own bus, home folder and unlocked keyring.
#[cfg(feature = "exec")]
#[test]
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn a_real_secret_service_keeps_reads_and_forgets() {
    if std::env::var_os(INNER).is_some() {
        return with_a_real_keyring();
    }
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
    let before = ["dbus-run-session", "--", "sh", "-c", script, "sh"];
    let child = again(&before, "a_real_secret_service_keeps_reads_and_forgets")
        .env("HOME", home.path())
        .env("XDG_DATA_HOME", home.path().join("data"))
        .env("XDG_RUNTIME_DIR", home.path());
    let done = child.run(&quiet).expect("it runs");
    assert!(done.ok() && done.stdout_text().contains("1 passed"), "{}\n{}", done.stdout_text(), done.stderr_text());
}

#[cfg(feature = "exec")]
fn with_a_real_keyring() {
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
    assert_eq!(fault.message, "cannot read the secret of context home (keyring): the keyring has no such secret");
}
