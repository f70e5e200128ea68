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
