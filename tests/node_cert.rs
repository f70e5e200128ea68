//! `node certs`, `node cert upload`, `delete`: whether felhom itself is cut off is said before.

use std::path::PathBuf;

use crate::support::Host;

fn root() -> Host {
    Host::demo().with_token("root@pam!demo")
}

/// A certificate and its key from a CA that nobody knows.
fn made(host: &Host, name: &str) -> (PathBuf, PathBuf) {
    let key = rcgen::KeyPair::generate().unwrap();
    let cert = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap().self_signed(&key).unwrap();
    let (pem, secret) = (host.home.path().join("new.pem"), host.home.path().join("new.key"));
    std::fs::write(&pem, cert.pem()).unwrap();
    std::fs::write(&secret, key.serialize_pem()).unwrap();
    (pem, secret)
}

#[test]
fn the_certificates_of_a_node_with_the_one_that_it_shows() {
    let host = Host::demo();
    let all = host.run(["node", "certs", "pve1", "-o", "json"]).ok().json();
    let files: Vec<&str> = all.as_array().unwrap().iter().map(|one| one["file"].as_str().unwrap()).collect();
    assert_eq!(files, ["pve-root-ca.pem", "pve-ssl.pem"]);
    assert_eq!((&all[0]["served"], &all[1]["served"]), (&false.into(), &true.into()));
    assert_eq!(all[1]["fingerprint"].as_str().unwrap(), host.fingerprint());
}

#[test]
fn a_strangers_certificate_cuts_felhom_off_and_says_so() {
    let host = root();
    let (pem, key) = made(&host, "elsewhere.example");
    let (pem, key) = (pem.to_string_lossy(), key.to_string_lossy());
    let upload = ["node", "cert", "upload", "pve1", "--certificate", &pem, "--key", &key];
    let plan = host.run(upload.iter().chain(&["--plan"])).ok();
    for part in ["not from the CA that this context trusts", "felhom context trust", "elsewhere.example", "--restart does that now"] {
        assert!(plan.stdout.contains(part), "{part}: {plan}");
    }
    assert!(plan.stdout.contains("key=***") && !plan.stdout.contains("PRIVATE"), "{plan}");
    let commands = host.run(upload.iter().chain(&["--plan=pveum"])).ok();
    assert!(!commands.stdout.contains("PRIVATE") && commands.stdout.contains("# with the real key"), "{commands}");
    host.run(upload).fails(3).says("--yes");
    let done = host.run(upload.iter().chain(&["--yes", "-o", "json"])).ok().json();
    assert_eq!((&done[0]["status"], &done[0]["names"][0]), (&"ok".into(), &"elsewhere.example".into()));
    let all = host.run(["node", "certs", "pve1", "-o", "json"]).ok().json();
    assert_eq!(
        (&all[2]["file"], &all[2]["served"], &all[2]["fingerprint"]),
        (&"pveproxy-ssl.pem".into(), &true.into(), &done[0]["fingerprint"])
    );
    host.run(upload.iter().chain(&["--yes"])).fails(1).says("force flag is not set");
    host.run(upload.iter().chain(&["--yes", "--replace"])).ok();

    host.run(["node", "cert", "delete", "pve1", "--yes"]).ok();
    assert_eq!(host.run(["node", "cert", "delete", "pve1", "--yes", "-o", "json"]).ok().json()[0]["status"], "unchanged");
    assert_eq!(host.count("DELETE", "/certificates/custom"), 1);
}

#[test]
fn what_is_no_certificate_is_not_sent() {
    let host = root();
    let (pem, key) = made(&host, "x");
    let (pem, key) = (pem.to_string_lossy(), key.to_string_lossy());
    host.run(["node", "cert", "upload", "pve1", "--certificate", &key, "--yes"]).fails(2).says("PEM certificate");
    host.run(["node", "cert", "upload", "pve1", "--certificate", &pem, "--key", &pem, "--yes"]).fails(2).says("no private key");
    host.run(["node", "cert", "upload", "pve1", "--certificate", "/nosuch", "--yes"]).fails(1);
    // A secret in a staged change would stand in a file.
    host.run(["node", "cert", "upload", "pve1", "--certificate", &pem, "--key", &key, "--stage"]).fails(3).says("cannot be staged");
    assert_eq!(host.count("POST", "/certificates/custom"), 0);
    let journal = std::fs::read_to_string(host.home.state().join("journal.jsonl")).unwrap();
    assert!(!journal.contains("PRIVATE KEY"));
}
