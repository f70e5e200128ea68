//! The administrator's login: password, second factor, prompts.

use std::time::Duration;

use felhom::config::{Context, Endpoint, Env};
use felhom::transport::https::{Https, Login};

use super::support::{Fresh, PASSWORD, PHONE, code};
use crate::support::Terminal;

fn args<'a>(fresh: &'a Fresh, address: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut all = vec!["role", "bootstrap", "--host", address, "--fingerprint", fresh.host.fingerprint(), "--store", "file"];
    all.extend(more);
    all
}

#[test]
fn password_and_second_factor_by_flags() {
    let fresh = Fresh::new();
    fresh.second_factor();
    let address = fresh.address();
    let wrong = fresh.with_stdin(&args(&fresh, &address, &["--password-stdin", "-o", "json"]), "wrong\n").fails(4);
    assert_eq!(wrong.error()["kind"], "unauthenticated");
    let without = fresh.with_stdin(&args(&fresh, &address, &["--password-stdin"]), PASSWORD).fails(2);
    assert!(without.stderr.contains("--totp"), "{without}");
    let bad = fresh.with_stdin(&args(&fresh, &address, &["--password-stdin", "--totp", "000000"]), PASSWORD).fails(4);
    assert!(bad.stderr.contains("second factor of root@pam"), "{bad}");
    let code = code();
    fresh.with_stdin(&args(&fresh, &address, &["--password-stdin", "--totp", &code]), PASSWORD).ok();
    // A recovery key works in its place, and the password may come from a file.
    let file = fresh.write("password", "felhom-demo\n");
    let mut command = fresh.host.home.felhom(args(&fresh, &address, &["--totp", "aaaa-bbbb-cccc-dddd"]));
    let again = crate::support::run(command.env("FELHOM_PASSWORD_FILE", file));
    assert_eq!(again.ok().stdout, "nothing to do\n");
}

#[test]
fn a_realm_that_is_not_there_is_named() {
    let fresh = Fresh::new();
    let address = fresh.address();
    let run = fresh.with_stdin(&args(&fresh, &address, &["--admin", "root@nosuch", "--password-stdin"]), PASSWORD).fails(4);
    assert!(run.stderr.contains("'nosuch'") && run.stderr.contains("pam"), "{run}");
    let bare = fresh.with_stdin(&args(&fresh, &address, &["--admin", "root", "--password-stdin"]), PASSWORD).fails(2);
    assert!(bare.stderr.contains("root@REALM"), "{bare}");
}

#[test]
fn a_person_compares_types_and_is_asked_for_the_code() {
    let fresh = Fresh::new();
    fresh.second_factor();
    let address = fresh.address();
    let args = ["role", "bootstrap", "--host", &address, "--store", "file"];
    let Some(terminal) = Terminal::start(160, 50, &fresh.host.home.env(), &args) else { return };
    let screen = terminal.until("Is this the right host?");
    assert!(screen.contains(fresh.host.fingerprint()) && screen.contains("openssl x509"), "{screen}");
    terminal.types("y");
    terminal.press("Enter");
    terminal.until("Password of root@pam");
    terminal.types("mistyped");
    terminal.press("Enter");
    terminal.until("try again");
    terminal.types(PASSWORD);
    terminal.press("Enter");
    terminal.until("Second factor code");
    terminal.types(&code());
    terminal.press("Enter");
    let (exit, screen) = terminal.end();
    assert_eq!(exit, 0, "{screen}");
    assert!(!screen.contains(PASSWORD) && screen.contains("felhom@pve!agent"), "{screen}");
    fresh.felhom(&["guest", "list"]).ok();
    assert!(fresh.config().contains("ca_file"), "the CA is pinned after the trusted login: {}", fresh.config());
}

#[test]
fn the_demo_too_begins_from_nothing() {
    let demo = crate::support::Demo::new();
    demo.run(["guest", "list"]).ok();
    let file = demo.home.state().join("demo/state.json");
    let mut state: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    state["access"]["users"].as_object_mut().unwrap().remove("felhom@pve");
    state["access"]["roles"].as_object_mut().unwrap().remove("FelhomAgent");
    state["access"]["acl"].as_object_mut().unwrap().remove("/");
    std::fs::write(&file, state.to_string()).unwrap();
    demo.run(["guest", "list"]).fails(2);
    let made = crate::support::run_with(&mut demo.command(["role", "bootstrap", "--password-stdin"]), PASSWORD).ok();
    assert!(made.stdout.contains("felhom@pve!agent"), "{made}");
    demo.run(["guest", "list"]).ok();
    let again = crate::support::run_with(&mut demo.command(["role", "bootstrap", "--password-stdin"]), PASSWORD).ok();
    assert_eq!(again.stdout, "nothing to do\n");
    assert!(!demo.home.config_file().exists(), "the demo leaves the real configuration alone");
}

#[test]
fn the_demo_asks_for_password_and_code_and_takes_a_recovery_key() {
    let demo = crate::support::Demo::new();
    demo.run(["guest", "list"]).ok();
    let file = demo.home.state().join("demo/state.json");
    let mut state: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    for gone in [("users", "felhom@pve"), ("roles", "FelhomAgent"), ("acl", "/")] {
        state["access"][gone.0].as_object_mut().unwrap().remove(gone.1);
    }
    let factor = |kind: &str, secret: &str, keys: serde_json::Value| serde_json::json!({"id": kind, "kind": kind, "description": "phone", "created": 1, "enable": true, "secret": secret, "keys": keys, "last_step": 0});
    state["access"]["tfa"]["root@pam"] = serde_json::json!([
        factor("totp", PHONE, serde_json::json!([])),
        factor("recovery", "", serde_json::json!(["aaaa-bbbb-cccc-dddd"]))
    ]);
    std::fs::write(&file, state.to_string()).unwrap();
    let log_in = |second: &str| {
        let terminal = Terminal::start(120, 60, &demo.home.env(), &["demo", "role", "bootstrap"])?;
        terminal.until("Password of root@pam");
        terminal.types(PASSWORD);
        terminal.press("Enter");
        terminal.until("Second factor code or recovery key");
        terminal.types(second);
        terminal.press("Enter");
        let (exit, screen) = terminal.end();
        assert_eq!(exit, 0, "{screen}");
        assert!(!screen.contains(PASSWORD) && !screen.contains(second), "{screen}");
        Some(screen)
    };
    let Some(made) = log_in(&code()) else { return };
    assert!(made.contains("felhom@pve!agent"), "{made}");
    demo.run(["guest", "list"]).ok();
    let again = log_in("aaaa-bbbb-cccc-dddd").unwrap();
    assert!(again.contains("nothing to do"), "{again}");
}

#[test]
fn a_ticket_is_renewed_before_it_ends() {
    let fresh = Fresh::new();
    let mut endpoint = Endpoint::new(fresh.address().parse().unwrap());
    endpoint.fingerprint = Some(fresh.host.fingerprint().parse().unwrap());
    let context = Context { endpoints: vec![endpoint], ..Context::new("t") };
    let env = Env::from_pairs::<&str, &str>([]);
    let interrupt = felhom::interrupt::Interrupt::never().unwrap();
    let nobody = Https::new(&context, &env, interrupt.clone(), Login::Nobody, Box::new(|_| {})).unwrap();
    let first = nobody.log_in("root@pam", &felhom::secret::Secret::new(PASSWORD), None).unwrap();
    let login = Login::Ticket { user: "root@pam".into(), ticket: first.ticket(), csrf: first.csrf() };
    let read = |https: &Https| https.ask(&felhom::api::cluster::version()).map(drop);
    let young = Https::new(&context, &env, interrupt.clone(), login.clone(), Box::new(|_| {})).unwrap();
    read(&young).unwrap();
    assert_eq!(fresh.host.count("POST", "/access/ticket"), 1);
    let old = Https::new(&context, &env, interrupt.clone(), login, Box::new(|_| {})).unwrap().renewing_after(Duration::ZERO);
    read(&old).unwrap();
    read(&old).unwrap();
    assert_eq!(fresh.host.count("POST", "/access/ticket"), 3, "each use of an old one renews it first");
}
