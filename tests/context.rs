//! `felhom context …`: the configuration, from nothing to a host that is known, and back.

use std::os::unix::fs::{MetadataExt, PermissionsExt};

use serde_json::{Value, json};

use crate::support::{Home, Host, Run, Terminal, run, run_with};

const TOKEN: &str = "felhom@pve!agent";

/// The binary in the host's home, without the variables that would make a context of their own.
fn felhom(host: &Host, args: &[&str]) -> Run {
    run(&mut host.home.felhom(args))
}

/// `context add home` by flags, with the secret on stdin and kept in a file.
fn add(host: &Host, more: &[&str]) -> Run {
    let endpoint = host.endpoint();
    let mut args = vec!["context", "add", "home", "--endpoint", &endpoint, "--token-id", TOKEN, "--secret-stdin", "--store", "file"];
    args.extend(more);
    run_with(&mut host.home.felhom(args), &format!("{}\n", host.secret(TOKEN)))
}

fn added(host: &Host) {
    add(host, &["--fingerprint", host.fingerprint()]).ok();
}

fn config(home: &Home) -> String {
    std::fs::read_to_string(home.config_file()).unwrap_or_default()
}

fn mode(file: &std::path::Path) -> u32 {
    std::fs::metadata(file).unwrap().mode() & 0o777
}

#[test]
fn a_host_is_added_by_flags_and_known_by_its_clusters_ca() {
    let host = Host::demo();
    let done = add(&host, &["--fingerprint", host.fingerprint(), "--writes", "deny", "--protected-tag", "prod,db", "-o", "json"]).ok();
    let result = done.json();
    assert_eq!((&result["context"], &result["action"], &result["status"]), (&json!("home"), &json!("add"), &json!("ok")));
    assert_eq!(result["settings"]["trust"], "ca");
    assert_eq!(result["settings"]["current"], true, "the first one is the current one");
    assert_eq!((&result["proof"]["who"], &result["proof"]["version"]), (&json!(TOKEN), &json!("9.2.11")));
    assert!(done.stderr.contains("knows felhom@pve!agent (16 privileges)"), "{done}");

    let text = config(&host.home);
    assert!(text.starts_with("current = \"home\"\n"), "{text}");
    assert!(text.contains("ca_file = \"home-ca.pem\"") && text.contains("writes = \"deny\""), "{text}");
    assert!(text.contains("protected_tags = [\"prod\", \"db\"]"), "{text}");
    assert!(!text.contains("fingerprint"), "the CA takes the leaf's place: {text}");
    let secret = host.secret(TOKEN);
    assert!(![&text, &done.stdout, &done.stderr].iter().any(|shown| shown.contains(&secret)), "the secret is shown");
    let folder = host.home.config_file().parent().unwrap().to_owned();
    assert_eq!((mode(&host.home.config_file()), mode(&folder.join("secrets"))), (0o600, 0o700));
    assert_eq!(std::fs::read_to_string(folder.join("home-ca.pem")).unwrap().trim(), host.ca_pem().trim());

    felhom(&host, &["guest", "list", "-o", "id"]).ok().shows("101");
}

#[test]
fn nothing_is_trusted_unasked() {
    let host = Host::demo();
    for more in [&[][..], &["--yes"]] {
        let refused = add(&host, more).fails(9).says("is not trusted yet: its fingerprint is").says(host.fingerprint());
        assert!(refused.stderr.contains("--yes never accepts a certificate"), "{refused}");
    }
    let other = format!("AA:{}", &host.fingerprint()[3..]);
    let refused = add(&host, &["--fingerprint", &other, "-o", "json"]).fails(9);
    let error = refused.error();
    assert_eq!(error["kind"], "untrusted");
    let message = error["message"].as_str().unwrap();
    assert!(message.contains(host.fingerprint()) && message.contains(&other), "{message}");
    assert!(host.requests().is_empty(), "a request reached a host that is not trusted");
    assert!(!host.home.config_file().exists(), "{}", config(&host.home));
}

#[test]
fn another_clusters_ca_is_refused() {
    let (host, other) = (Host::demo(), Host::demo());
    let file = other.ca_file().to_string_lossy().into_owned();
    add(&host, &["--ca-file", &file]).fails(9).says("is not of that CA").says(host.fingerprint());
    let file = host.ca_file().to_string_lossy().into_owned();
    let done = add(&host, &["--ca-file", &file, "-o", "json"]).ok().json();
    assert_eq!(done["settings"]["trust"], "ca");
    let kept = done["settings"]["ca_file"].as_str().unwrap();
    assert!(kept.ends_with("/felhom/home-ca.pem"), "a copy is kept beside the configuration: {kept}");
}

#[test]
fn the_leaf_alone_is_pinned_where_that_is_wanted() {
    let host = Host::demo();
    add(&host, &["--fingerprint", host.fingerprint(), "--leaf"]).ok().shows("the host's certificate is pinned");
    assert!(config(&host.home).contains(host.fingerprint()), "{}", config(&host.home));
    let widened = felhom(&host, &["context", "trust", "home"]).ok().shows("the cluster's CA is pinned");
    assert!(widened.stderr.contains("trusted already"), "{widened}");
    assert!(!config(&host.home).contains("fingerprint"), "{}", config(&host.home));
    felhom(&host, &["context", "trust", "home"]).ok().shows("nothing was changed");
}

#[test]
fn insecurity_is_said_in_words_and_warned_about() {
    let host = Host::demo();
    add(&host, &["--insecure", "yes"]).fails(2).says("I understand");
    add(&host, &["--insecure", "I understand"]).ok().shows("nothing is verified");
    felhom(&host, &["guest", "list", "-o", "id"]).ok().says("insecure");
    let tested = felhom(&host, &["context", "test", "-o", "json"]).ok().json();
    assert_eq!(tested[0]["trust"], "insecure");
}

#[test]
fn a_wrong_secret_writes_nothing() {
    let host = Host::demo();
    let endpoint = host.endpoint();
    let args = ["context", "add", "home", "--endpoint", &endpoint, "--token-id", TOKEN, "--secret-stdin", "--store", "file"];
    let args = args.into_iter().chain(["--fingerprint", host.fingerprint()]);
    let refused = run_with(&mut host.home.felhom(args), "11111111-2222-3333-4444-555555555555\n").fails(4);
    assert!(refused.stderr.contains("nothing was written") && !refused.stderr.contains("1111-"), "{refused}");
    assert!(!host.home.config_file().exists());
    let left: Vec<_> =
        std::fs::read_dir(host.home.config_file().parent().unwrap().join("secrets")).map(Iterator::collect).unwrap_or_default();
    assert!(left.is_empty(), "a secret lies about: {left:?}");
}

#[test]
fn a_secret_on_the_command_line_is_refused() {
    let home = Home::new();
    let args = ["context", "add", "x", "--endpoint", "pve1", "--token-id", TOKEN, "--secret", "literal:geheim"];
    let refused = run(&mut home.felhom(args)).fails(2).says("does not belong on a command line");
    assert!(!refused.stdout.contains("geheim"), "{refused}");
    let args = ["context", "add", "x", "--endpoint", "pve1", "--token-id", "felhom@pve!agent=geheim"];
    run(&mut home.felhom(args)).fails(2);
}

#[test]
fn what_is_missing_is_named_where_nobody_can_be_asked() {
    let home = Home::new();
    run(&mut home.felhom(["context", "add", "x"])).fails(2).says("--endpoint");
    run(&mut home.felhom(["context", "add", "x", "--endpoint", "pve1", "--offline"])).fails(2).says("--token-id");
    let args = ["context", "add", "x", "--endpoint", "pve1", "--offline", "--token-id", TOKEN];
    run(&mut home.felhom(args)).fails(2).says("--secret-stdin");
    run(&mut home.felhom(["context", "add", "../x"])).fails(2).says("a context's name");
    let args = ["context", "add", "x", "--endpoint", "http://pve1", "--token-id", TOKEN];
    run(&mut home.felhom(args)).fails(2).says("in the clear");
    let args = ["context", "add", "x", "--endpoint", "127.0.0.1:1", "--token-id", TOKEN, "--secret", "env:X"];
    run(&mut home.felhom(args)).fails(9).says("cannot read the certificate");
    assert!(!home.config_file().exists());
}

#[test]
fn without_a_keyring_the_file_is_named() {
    let host = Host::demo();
    let endpoint = host.endpoint();
    let args =
        ["context", "add", "home", "--endpoint", &endpoint, "--token-id", TOKEN, "--secret-stdin", "--fingerprint", host.fingerprint()];
    let refused = run_with(&mut host.home.felhom(args), "x\n").fails(2).says("--store file");
    assert!(refused.stderr.contains("keyring"), "{refused}");
    assert!(!host.home.config_file().exists() && host.requests().is_empty());
}

#[test]
fn a_host_that_is_off_can_be_added_too() {
    let home = Home::new();
    let fingerprint = ["AB"; 32].join(":");
    let args = ["context", "add", "x", "--endpoint", "pve1,pve2:443", "--token-id", TOKEN, "--secret", "env:X", "--offline"];
    let args: Vec<&str> = args.into_iter().chain(["--fingerprint", &fingerprint, "--fingerprint", &fingerprint, "-o", "json"]).collect();
    let done = run(&mut home.felhom(&args)).ok().json();
    assert_eq!(done["settings"]["trust"], "fingerprint");
    let urls: Vec<&Value> = done["settings"]["endpoints"].as_array().unwrap().iter().map(|e| &e["url"]).collect();
    assert_eq!(urls, [&json!("https://pve1:8006"), &json!("https://pve2:443")]);
    run(&mut home.felhom(&args)).fails(3).says("there is a context x already");
}

#[test]
fn root_contexts_say_so() {
    let home = Home::new();
    run(&mut home.felhom(["context", "add", "box", "--transport", "ssh"])).fails(2).says("--ssh");
    let done = run(&mut home.felhom(["context", "add", "box", "--transport", "ssh", "--ssh", "root@192.0.2.10"])).ok();
    assert!(done.stderr.contains("root@pam"), "{done}");
    let shown = run(&mut home.felhom(["context", "show", "box", "-o", "json"])).ok().json();
    assert_eq!((&shown["acts_as"], &shown["ssh"], &shown["trust"]), (&json!("root@pam"), &json!("root@192.0.2.10"), &json!("ssh")));
}

#[test]
fn a_plan_shows_and_writes_nothing() {
    let host = Host::demo();
    let planned = add(&host, &["--fingerprint", host.fingerprint(), "--plan", "-o", "json"]).ok().json();
    assert_eq!(planned["status"], "planned");
    assert!(!host.home.config_file().parent().unwrap().exists(), "not even the folder is made");
    assert!(host.requests().is_empty());
    added(&host);
    let before = config(&host.home);
    for args in
        [&["context", "remove", "home", "--plan"][..], &["context", "edit", "--plan"], &["context", "trust", "--leaf", "--fingerprint"]]
    {
        let mut args = args.to_vec();
        if args.ends_with(&["--fingerprint"]) {
            args.extend([host.fingerprint(), "--plan"]);
        }
        felhom(&host, &args).ok().shows("nothing was changed").shows("then ");
    }
    assert_eq!(config(&host.home), before);
}

#[test]
fn the_current_context_is_chosen_and_forgotten() {
    let host = Host::demo();
    added(&host);
    run(&mut host.home.felhom(["context", "add", "box", "--transport", "local"])).ok();
    let list = felhom(&host, &["context", "list", "-o", "json"]).ok().json();
    let current = |list: &Value| -> Vec<(String, bool)> {
        list.as_array().unwrap().iter().map(|c| (c["name"].as_str().unwrap().to_owned(), c["current"].as_bool().unwrap())).collect()
    };
    assert_eq!(current(&list), [("box".to_owned(), false), ("home".to_owned(), true)]);
    felhom(&host, &["context", "use", "box"]).ok().shows("box is the current context");
    felhom(&host, &["context", "use", "box"]).ok().shows("nothing was changed");
    felhom(&host, &["context", "use", "hom"]).fails(2).says("did you mean 'home'?");
    assert_eq!(felhom(&host, &["context", "show", "-o", "id"]).ok().stdout, "box\n");

    let folder = host.home.config_file().parent().unwrap().to_owned();
    felhom(&host, &["context", "remove", "home"]).fails(3).says("--yes");
    assert!(config(&host.home).contains("[contexts.home]"));
    felhom(&host, &["context", "remove", "home", "--yes", "--read-only"]).ok().shows("its secret in").shows("its CA in");
    assert!(!config(&host.home).contains("home"), "{}", config(&host.home));
    assert_eq!(std::fs::read_dir(folder.join("secrets")).unwrap().count(), 0);
    assert!(!folder.join("home-ca.pem").exists());
    felhom(&host, &["context", "remove", "home", "--yes"]).fails(2).says("there is no context");
}

#[test]
fn every_endpoint_is_tested() {
    let host = Host::demo();
    added(&host);
    let rows = felhom(&host, &["context", "test", "-o", "json"]).ok().json();
    let row = &rows[0];
    assert_eq!((&row["status"], &row["trust"], &row["who"], &row["privileges"]), (&json!("ok"), &json!("ca"), &json!(TOKEN), &json!(16)));
    assert_eq!(row["fingerprint"], host.fingerprint());
    assert!(row["latency_ms"].is_u64() && row["days_left"].as_i64().unwrap() > 0, "{row}");

    // A second endpoint that is down: the context works, and the test says what does not.
    let more = config(&host.home) + "\n[[contexts.home.endpoints]]\nurl = \"https://127.0.0.1:1\"\n";
    host.home.configure(&more);
    let partly = felhom(&host, &["context", "test", "home", "-o", "json"]).fails(7);
    assert_eq!((&partly.json()[0]["status"], &partly.json()[1]["status"]), (&json!("ok"), &json!("unreachable")));
    assert_eq!(partly.error()["kind"], "partial");
    felhom(&host, &["guest", "list", "-o", "id"]).ok();

    let other = ["CD"; 32].join(":");
    let text = format!(
        "{}fingerprint = \"{other}\"\n",
        config(&host.home).split("\n[[contexts.home.endpoints]]\nurl = \"https://127.0.0.1:1\"").next().unwrap()
    );
    host.home.configure(&text);
    let untrusted = felhom(&host, &["context", "test"]).fails(9).shows("untrusted");
    assert!(untrusted.stderr.contains(&other) && untrusted.stderr.contains(host.fingerprint()), "{untrusted}");
}

#[test]
fn an_untrusted_host_in_the_configuration_gets_nothing() {
    let host = Host::demo();
    host.home.configure(&format!(
        "current = \"home\"\n[contexts.home]\ntoken_id = \"{TOKEN}\"\nsecret = \"env:S\"\n[[contexts.home.endpoints]]\nurl = \"{}\"\n",
        host.endpoint()
    ));
    let refused = felhom(&host, &["guest", "list", "--yes"]).fails(9).says(host.fingerprint()).says("felhom context trust home");
    assert!(refused.stdout.is_empty(), "{refused}");
    assert!(host.requests().is_empty());
    felhom(&host, &["context", "trust", "home", "--fingerprint", host.fingerprint()]).ok().says("could not be asked for");
    assert!(config(&host.home).contains(host.fingerprint()));
    let refused = run(host.home.felhom(["guest", "list"]).env("S", "nonsense")).fails(4);
    assert!(!refused.stderr.contains("nonsense"), "{refused}");
}

#[test]
fn an_edit_is_taken_over_only_where_it_is_good() {
    let host = Host::demo();
    added(&host);
    let before = config(&host.home);
    let editor = |script: &str| {
        let file = host.home.path().join("editor.sh");
        std::fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o755)).unwrap();
        run(host.home.felhom(["context", "edit", "home"]).env("EDITOR", &file))
    };
    editor("sed -i 's/^token_id/writs = \"deny\"\\ntoken_id/' \"$1\"").fails(2).says("did you mean 'writes'?").says("nothing was changed");
    editor("exit 1").fails(1).says("ended with a failure");
    editor("true").ok().shows("nothing was changed");
    assert_eq!(config(&host.home), before);
    editor("sed -i 's/^token_id/# mine\\nwrites = \"deny\"\\ntoken_id/' \"$1\"").ok().shows("is as edited");
    assert!(config(&host.home).contains("# mine\nwrites = \"deny\"\n"), "{}", config(&host.home));
    let folder = std::fs::read_dir(host.home.config_file().parent().unwrap()).unwrap();
    assert!(!folder.flatten().any(|entry| entry.file_name().to_string_lossy().contains("edit")), "the copy is left behind");
    run(host.home.felhom(["context", "edit"]).env("EDITOR", "felhom-no-such-editor")).fails(1).says("set EDITOR");
}

#[test]
fn the_demo_keeps_its_contexts_to_itself() {
    let host = Host::demo();
    added(&host);
    let shown = felhom(&host, &["demo", "context", "list", "-o", "id"]).ok();
    assert_eq!(shown.stdout, "demo\n");
    assert_eq!(felhom(&host, &["demo", "context", "test", "-o", "json"]).ok().json()[0]["status"], "ok");
    assert_eq!(felhom(&host, &["context", "list", "-o", "id"]).ok().stdout, "home\n");
}

#[test]
fn a_person_is_walked_through_it() {
    let host = Host::demo();
    let Some(terminal) = Terminal::start(140, 40, &host.home.env(), &["context", "add", "home", "--store", "file"]) else { return };
    terminal.until("Host (a name or an address");
    terminal.types(&host.endpoint());
    terminal.press("Enter");
    let shown = terminal.until("Is this the right host?");
    assert!(shown.contains("subject") && shown.contains("valid") && shown.contains("openssl x509"), "{shown}");
    assert!(shown.replace('\n', "").contains(host.fingerprint()), "{shown}");
    assert!(host.requests().is_empty(), "something was sent before the answer");
    terminal.types("y");
    terminal.press("Enter");
    terminal.until("Token (USER@REALM!TOKEN)");
    terminal.types("felhom");
    terminal.press("Enter");
    terminal.until("a token id is USER@REALM!TOKEN, e.g. felhom@pve!agent");
    terminal.types(TOKEN);
    terminal.press("Enter");
    terminal.until("Secret of felhom@pve!agent");
    terminal.types(&host.secret(TOKEN));
    terminal.press("Enter");
    let (code, screen) = terminal.end();
    assert_eq!(code, 0, "{screen}");
    assert!(screen.contains("the cluster's CA is pinned") && !screen.contains(&host.secret(TOKEN)), "{screen}");
    felhom(&host, &["guest", "list", "-o", "id"]).ok().shows("101");
}

#[test]
fn a_first_contact_is_pinned_or_refused() {
    let host = Host::demo();
    let text = format!(
        "current = \"home\"\n[contexts.home]\ntoken_id = \"{TOKEN}\"\nsecret = \"env:S\"\n[[contexts.home.endpoints]]\nurl = \"{}\"\n",
        host.endpoint()
    );
    host.home.configure(&text);
    let mut env = host.home.env();
    env.push(("S".to_owned(), host.secret(TOKEN)));
    let Some(terminal) = Terminal::start(140, 40, &env, &["guest", "list", "--yes", "-o", "id"]) else { return };
    terminal.until("Is this the right host?");
    terminal.types("n");
    terminal.press("Enter");
    let (code, screen) = terminal.end();
    assert_eq!((code, host.requests().len()), (3, 0), "{screen}");
    assert_eq!(config(&host.home), text);

    let Some(terminal) = Terminal::start(140, 40, &env, &["guest", "list", "-o", "id"]) else { return };
    terminal.until("Is this the right host?");
    terminal.types("y");
    terminal.press("Enter");
    let (code, screen) = terminal.end();
    assert_eq!(code, 0, "{screen}");
    assert!(config(&host.home).contains(host.fingerprint()), "{}", config(&host.home));
    run(host.home.felhom(["guest", "list", "-o", "id"]).env("S", host.secret(TOKEN))).ok().shows("101");
}
