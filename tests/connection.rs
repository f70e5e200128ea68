//! Reaching a host, or not: trust, credentials, endpoints, redirects. What was not sent is said to be safe to try again.

use felhom::demo::faults::{Fault, Trouble};

use crate::support::{Host, run};

const OTHER: &str = "AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA";

/// An address where nobody listens: no port that another test could be given meanwhile.
fn nobody() -> String {
    "https://127.0.0.1:1".to_owned()
}

#[test]
fn a_pinned_fingerprint_is_enough() {
    let host = Host::demo();
    let mut command = host.felhom(["api", "get", "/version", "--jq", ".release"]);
    let seen = run(command.env_remove("FELHOM_CA_FILE").env("FELHOM_FINGERPRINT", host.fingerprint())).ok();
    assert_eq!((seen.stdout.as_str(), seen.stderr.as_str()), ("9.2\n", ""));
}

#[test]
fn another_certificate_is_exit_9_and_names_both_fingerprints() {
    let host = Host::demo();
    let mut command = host.felhom(["guest", "list"]);
    let refused = run(command.env_remove("FELHOM_CA_FILE").env("FELHOM_FINGERPRINT", OTHER)).fails(9);
    assert_eq!(refused.stdout, "");
    refused.clone().says("is not the trusted one").says(OTHER).says(host.fingerprint()).says("felhom context trust");
    assert!(host.requests().is_empty(), "nothing may be sent to a stranger");

    let mut command = host.felhom(["guest", "list", "-o", "json"]);
    let error = run(command.env_remove("FELHOM_CA_FILE").env("FELHOM_FINGERPRINT", OTHER)).fails(9).error();
    assert_eq!(error["kind"], "untrusted");
    assert!(error["hint"].as_str().unwrap().contains("openssl x509"), "{error}");
}

#[test]
fn a_host_of_another_ca_is_exit_9() {
    let (host, other) = (Host::demo(), Host::demo());
    let refused = run(host.felhom(["guest", "list"]).env("FELHOM_CA_FILE", other.ca_file())).fails(9);
    refused.says("is not of the trusted CA").says(host.fingerprint());
    assert!(host.requests().is_empty());
}

#[test]
fn without_any_trust_and_without_a_terminal_nothing_is_sent() {
    let host = Host::demo();
    for more in [vec!["guest", "list"], vec!["guest", "list", "--yes"]] {
        let refused = run(host.felhom(more).env_remove("FELHOM_CA_FILE")).fails(9);
        refused.says("is not trusted yet").says(host.fingerprint()).says("--yes never accepts a certificate");
    }
    assert!(host.requests().is_empty());
}

#[test]
fn a_host_that_is_not_there_is_exit_9() {
    let host = Host::demo();
    let nobody = nobody();
    let lost = run(host.felhom(["guest", "list"]).env("FELHOM_ENDPOINT", &nobody)).fails(9);
    assert_eq!(lost.stdout, "");
    lost.says(&format!("cannot reach {}", nobody.trim_start_matches("https://"))).says("safe to try again");

    let lost = run(host.felhom(["guest", "list", "-o", "json"]).env("FELHOM_ENDPOINT", &nobody)).fails(9).error();
    assert_eq!(lost["kind"], "unreachable");

    let lost = run(host.felhom(["guest", "list"]).env("FELHOM_ENDPOINT", "https://host.invalid:8006")).fails(9);
    lost.says("cannot reach host.invalid:8006");
}

#[test]
fn a_write_to_a_host_that_is_not_there_was_not_sent() {
    let host = Host::demo();
    let mut command = host.felhom(["api", "post", "/nodes/pve1/lxc/101/status/start", "--yes"]);
    run(command.env("FELHOM_ENDPOINT", nobody())).fails(9).says("nothing was sent");
}

#[test]
fn a_wrong_secret_is_exit_4() {
    let host = Host::demo();
    let wrong = "00000000-0000-4000-8000-000000000000";
    let denied = run(host.felhom(["guest", "list"]).env("FELHOM_TOKEN_SECRET", wrong)).fails(4);
    assert_eq!(denied.stdout, "");
    assert!(!denied.stderr.contains(wrong), "{denied}");
    denied.says("pveum user token list").says("pveum user token list");

    let error = run(host.felhom(["guest", "list", "-o", "json"]).env("FELHOM_TOKEN_SECRET", wrong)).fails(4).error();
    assert_eq!(error["kind"], "unauthenticated");
}

#[test]
fn an_expired_token_is_exit_4() {
    let host = Host::demo();
    host.inject(Fault::new("*", "*", Trouble::Expired));
    host.run(["guest", "list"]).fails(4).says("expired");
}

#[test]
fn a_secret_never_shows_however_much_is_said() {
    let host = Host::demo();
    let secret = host.secret("felhom@pve!agent");
    for args in [["guest", "list", "-vv"], ["guest", "show", "-vv"]] {
        let said = host.run(args);
        assert!(!said.stderr.contains(&secret) && !said.stdout.contains(&secret), "{said}");
    }
    host.run(["guest", "stop", "101", "--yes", "-vv"]).ok();
    let journal = std::fs::read_to_string(host.home.state().join("journal.jsonl")).unwrap();
    assert!(journal.contains("guest stop") && !journal.contains(&secret), "{journal}");
}

#[test]
fn the_next_endpoint_answers_where_the_first_does_not() {
    let host = Host::demo();
    let nobody = nobody();
    host.home.configure(&format!(
        "current = \"home\"\n[contexts.home]\ntoken_id = \"felhom@pve!agent\"\nsecret = \"env:SECRET\"\nca_file = \"{}\"\n\
         [[contexts.home.endpoints]]\nurl = \"{nobody}\"\n[[contexts.home.endpoints]]\nurl = \"{}\"\n",
        host.ca_file().display(),
        host.endpoint()
    ));
    let mut command = host.home.felhom(["api", "get", "/version", "--jq", ".release"]);
    let seen = run(command.env("SECRET", host.secret("felhom@pve!agent"))).ok();
    assert_eq!(seen.stdout, "9.2\n");
}

#[test]
fn no_endpoint_at_all_names_the_first() {
    let host = Host::demo();
    let (one, two) = (nobody(), "https://127.0.0.1:2");
    host.home.configure(&format!(
        "current = \"home\"\n[contexts.home]\ntoken_id = \"felhom@pve!agent\"\nsecret = \"env:SECRET\"\nca_file = \"{}\"\n\
         [[contexts.home.endpoints]]\nurl = \"{one}\"\n[[contexts.home.endpoints]]\nurl = \"{two}\"\n",
        host.ca_file().display()
    ));
    let mut command = host.home.felhom(["guest", "list"]);
    run(command.env("SECRET", "x")).fails(9).says(one.trim_start_matches("https://"));
}

#[test]
fn a_redirect_is_not_followed() {
    let host = Host::demo();
    host.inject(Fault::new("GET", "/cluster/resources", Trouble::Redirect { to: host.endpoint() }).times(1));
    let refused = host.run(["guest", "list"]).fails(1);
    assert_eq!(refused.stdout, "");
    refused.says("Moved Permanently");
    assert_eq!(host.requests().len(), 1, "it went there: {:?}", host.requests());
}

#[test]
fn a_read_is_tried_again_where_the_line_broke() {
    let host = Host::demo();
    host.inject(Fault::new("GET", "/version", Trouble::Reset).times(2));
    let seen = host.run(["api", "get", "/version", "--jq", ".release"]).ok();
    assert_eq!(seen.stdout, "9.2\n");
    assert_eq!(host.requests().iter().map(|r| r.status).collect::<Vec<_>>(), [0, 0, 200]);
}

#[test]
fn a_read_is_given_up_within_a_bound() {
    let host = Host::demo();
    host.inject(Fault::new("GET", "/version", Trouble::Reset));
    host.run(["api", "get", "/version"]).fails(9).says("no answer");
    assert_eq!(host.requests().len(), 3);
}

#[test]
fn an_answer_that_breaks_off_is_no_answer() {
    let host = Host::demo();
    host.inject(Fault::new("GET", "/version", Trouble::CutBody).times(1));
    let seen = host.run(["api", "get", "/version", "--jq", ".release"]).ok();
    assert_eq!(seen.stdout, "9.2\n");
}

#[test]
fn an_answer_above_the_size_limit_fails_a_read_and_is_a_lost_answer_of_a_change() {
    let host = Host::demo();
    let padded = |method: &str, path: &str| host.inject(Fault::new(method, path, Trouble::Padded { bytes: 64 << 20 }).times(1));
    padded("GET", "/version");
    host.run(["api", "get", "/version"]).fails(1).says("larger than 64 MiB");
    assert_eq!(host.count("GET", "/version"), 1, "the same answer is not asked for again");
    padded("PUT", "/nodes/*/config");
    host.run(["guest", "set", "101", "memory=1024"]).fails(10).says("larger than 64 MiB").says("before you try again");
    assert_eq!(host.count("PUT", "/config"), 1);
    padded("POST", "/nodes/*/vzdump");
    host.run(["backup", "run", "101", "--storage", "local"]).ok().says("looking for the task");
    assert_eq!(host.count("POST", "/vzdump"), 1);
}

#[test]
fn an_http_endpoint_is_refused_before_anything_is_sent() {
    let host = Host::demo();
    let plain = host.endpoint().replace("https://", "http://");
    run(host.felhom(["guest", "list"]).env("FELHOM_ENDPOINT", plain)).fails(2).says("http is not spoken");
}

#[test]
fn an_insecure_context_warns_on_every_run() {
    let host = Host::demo();
    host.home.configure(&format!(
        "current = \"home\"\n[contexts.home]\ntoken_id = \"felhom@pve!agent\"\nsecret = \"env:SECRET\"\ninsecure = \"I understand\"\n\
         [[contexts.home.endpoints]]\nurl = \"{}\"\n",
        host.endpoint()
    ));
    for _ in 0..2 {
        let mut command = host.home.felhom(["api", "get", "/version", "--jq", ".release"]);
        let seen = run(command.env("SECRET", host.secret("felhom@pve!agent"))).ok();
        assert_eq!(seen.stdout, "9.2\n");
        seen.says("warning: the context 'home' is insecure");
    }
}
