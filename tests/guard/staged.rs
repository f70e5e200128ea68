//! Staged changes: applied once, by the one for whom they were staged, on a host that is as it was.

use crate::support::Host;

fn stage(host: &Host, words: &[&str]) -> String {
    let staged = host.run(words.iter().copied().chain(["--stage", "-o", "id"])).ok();
    staged.lines()[0].to_owned()
}

fn set(file: &std::path::Path, key: &str, value: serde_json::Value) {
    let mut json: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    json[key] = value;
    std::fs::write(file, json.to_string()).unwrap();
}

#[test]
fn applied_once_with_the_confirmation_that_it_needs() {
    let host = Host::demo();
    let id = stage(&host, &["guest", "set", "110", "memory=1536"]);
    assert_eq!(host.count("PUT", "/lxc/110/config"), 0);
    host.run(["plan", "show", &id]).ok().shows("memory=1536").shows("as it was:");
    host.run(["plan", "apply", &id]).ok();
    assert_eq!(host.count("PUT", "/lxc/110/config"), 1);
    host.run(["plan", "apply", &id]).fails(3).says("has been applied already");
    assert_eq!(host.count("PUT", "/lxc/110/config"), 1);

    let stop = stage(&host, &["guest", "stop", "110"]);
    host.run(["plan", "apply", &stop]).fails(3).says("--yes");
    host.run(["plan", "apply", &stop, "--yes", "--read-only"]).fails(3).says("FELHOM_READ_ONLY");
    host.run(["plan", "apply", &stop, "--yes", "-o", "table"]).ok().shows("ok");
}

#[test]
fn drift_is_shown_and_refused_unless_accepted() {
    let host = Host::demo();
    let id = stage(&host, &["guest", "set", "110", "memory=1536"]);
    host.run(["guest", "set", "110", "cores=3"]).ok();
    host.run(["plan", "apply", &id]).fails(3).says("has changed since it was staged").says("--accept-drift");
    host.run(["plan", "apply", &id, "--accept-drift"]).ok();
    let memory = host.run(["guest", "config", "110", "--jq", ".memory"]).ok();
    assert_eq!(memory.stdout.trim(), "1536");
}

#[test]
fn expiry_another_token_and_discarding() {
    let host = Host::demo();
    let id = stage(&host, &["guest", "set", "110", "memory=1536"]);
    let file = host.home.state().join(format!("staged/{id}.json"));
    set(&file, "who", "root@pam!demo".into());
    host.run(["plan", "apply", &id]).fails(3).says("for another token");
    set(&file, "who", "felhom@pve!agent".into());
    set(&file, "expires", 1.into());
    host.run(["plan", "apply", &id]).fails(3).says("has expired");
    host.run(["plan", "discard", &id]).ok();
    host.run(["plan", "show", &id]).fails(5);
    assert_eq!(host.count("PUT", "/lxc/110/config"), 0);
}

#[test]
fn a_secret_is_not_staged() {
    let host = Host::demo().with_token("root@pam!demo");
    host.run(["api", "put", "/nodes/pve2/qemu/201/config", "cipassword=hunter2", "--stage"]).fails(3).says("cannot be staged");
    let journal = std::fs::read_to_string(host.home.state().join("journal.jsonl")).unwrap();
    assert!(!journal.contains("hunter2"), "{journal}");
}
