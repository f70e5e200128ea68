//! `felhom api ls` and `felhom api describe`: the API as the host itself describes it.

use felhom::demo::faults::{Fault, Trouble};
use serde_json::json;

use crate::support::{Demo, Host, need_shared};

#[test]
fn what_lies_below_a_path() {
    let host = Host::demo();
    let top = host.run(["api", "ls", "-o", "id"]).ok();
    assert!(top.lines().contains(&"/nodes") && top.lines().contains(&"/version"), "{top}");
    let guest = host.run(["api", "ls", "/nodes/pve1/lxc/101", "-o", "json"]).ok().json();
    let rows = guest.as_array().unwrap();
    let config = rows.iter().find(|row| row["name"] == "config").unwrap();
    assert_eq!(config["path"], "/nodes/{node}/lxc/{vmid}/config");
    assert_eq!(config["methods"], json!(["GET", "PUT"]));
    let leaf = host.run(["api", "ls", "/version", "-o", "json"]).ok().json();
    assert_eq!(leaf[0]["path"], "/version");
    host.run(["api", "ls", "/nodes/pve1"]).ok().shows("/nodes/{node}/vzdump");
}

#[test]
fn a_call_is_described() {
    let host = Host::demo();
    let done = host.run(["api", "describe", "/nodes/pve1/vzdump", "post", "-o", "json"]).ok().json();
    let call = &done[0];
    assert_eq!((done.as_array().unwrap().len(), &call["method"], &call["path"]), (1, &json!("POST"), &json!("/nodes/{node}/vzdump")));
    let parameters = call["parameters"].as_array().unwrap();
    assert_eq!((&parameters[0]["name"], &parameters[0]["required"]), (&json!("node"), &json!(true)), "those of the path come first");
    let mode = parameters.iter().find(|p| p["name"] == "mode").unwrap();
    assert_eq!((&mode["required"], &mode["default"]), (&json!(false), &json!("snapshot")));
    assert_eq!(mode["limits"], json!(["snapshot | suspend | stop"]));
    let text = host.run(["api", "describe", "/nodes/{node}/lxc/{vmid}/status/start"]).ok();
    text.shows("POST /nodes/{node}/lxc/{vmid}/status/start").shows("needs: VM.PowerMgmt on /vms/{vmid}").shows("vmid integer, required");
}

#[test]
fn what_is_not_there_is_said_with_what_is_near() {
    let host = Host::demo();
    let missing = host.run(["api", "describe", "/nodes/pve1/nosuch", "-o", "json"]).fails(5).error();
    assert!(missing["hint"].as_str().unwrap().contains("`felhom api ls /nodes/{node}`"), "{missing}");
    host.run(["api", "describe", "/version", "DELETE"]).fails(5).says("it has GET");
    host.run(["api", "ls", "nodes"]).fails(2).says("with a slash");
}

#[test]
fn it_is_fetched_once_for_a_version_and_kept_private() {
    use std::os::unix::fs::MetadataExt;
    let host = Host::demo();
    host.run(["api", "ls", "/version"]).ok();
    let folder = host.home.path().join("cache/felhom/apidoc");
    let files: Vec<_> = std::fs::read_dir(&folder).unwrap().flatten().collect();
    assert_eq!(files.len(), 1, "{files:?}");
    assert!(files[0].file_name().to_string_lossy().contains("9.2.11"), "{files:?}");
    assert_eq!(files[0].metadata().unwrap().mode() & 0o777, 0o600);
    // What is kept is what is shown; what cannot be understood is fetched again.
    std::fs::write(files[0].path(), r#"const apiSchema = [{"path": "/kept", "text": "kept", "info": {}}];"#).unwrap();
    assert_eq!(host.run(["api", "ls", "-o", "id"]).ok().stdout, "/kept\n");
    std::fs::write(files[0].path(), "<html>").unwrap();
    host.run(["api", "ls", "/version"]).ok().shows("/version");
    assert!(std::fs::read_to_string(files[0].path()).unwrap().contains("/nodes/{node}"));
}

#[test]
fn no_login_is_needed_but_trust_is() {
    let host = Host::demo();
    let mut command = host.felhom(["api", "ls", "/version"]);
    crate::support::run(command.env("FELHOM_TOKEN_SECRET", "nonsense")).ok().shows("/version");
    let mut command = host.felhom(["api", "ls", "/version"]);
    crate::support::run(command.env_remove("FELHOM_CA_FILE")).fails(9).says(host.fingerprint());
}

#[test]
fn the_demo_describes_itself() {
    let demo = Demo::new();
    demo.run(["api", "describe", "/version"]).ok().shows("GET /version").shows("needs: any login");
    assert!(!demo.home.path().join("cache/felhom/apidoc").exists(), "the demo's description is not kept among real ones");
}

#[test]
fn the_description_of_a_real_host_is_understood() {
    use std::io::Read;
    let Some(file) = need_shared("pve-api-9.2.json.gz") else { return };
    let mut text = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(file).unwrap()).read_to_string(&mut text).unwrap();
    let host = Host::demo();
    host.run(["api", "ls", "/version"]).ok();
    let cached = std::fs::read_dir(host.home.path().join("cache/felhom/apidoc")).unwrap().flatten().next().unwrap().path();
    std::fs::write(cached, format!("const apiSchema = {text}\n;\n\nlet method2cmd = {{}};\n")).unwrap();
    let call = &host.run(["api", "describe", "/nodes/pve1/lxc", "--method", "post", "-o", "json"]).ok().json()[0];
    assert!(call["description"].as_str().unwrap().starts_with("Create or restore a container"), "{}", call["description"]);
    assert!(call["permissions_note"].as_str().unwrap().contains("VM.Allocate"), "{}", call["permissions_note"]);
    let shown = host.run(["api", "describe", "/nodes/pve1/lxc"]).ok();
    assert!(shown.lines().iter().all(|line| line.chars().count() <= 130), "{shown}");
    // Every path of it can be described.
    let paths = host.run(["api", "ls", "/cluster", "-o", "id"]).ok();
    assert!(paths.lines().len() > 15, "{paths}");
}

#[test]
fn a_host_without_a_description_is_described_from_the_embedded_schema() {
    // A host that serves the API alone, as behind a proxy.
    let host = Host::demo();
    let trouble = Trouble::Status { code: 404, reason: "Not Found".into() };
    host.inject(Fault::new("GET", "/pve-docs/*", trouble));
    let shown = host.run(["api", "describe", "/nodes/pve1/vzdump", "post"]).ok();
    assert!(shown.stdout.contains("POST /nodes/{node}/vzdump") && !shown.stdout.contains("GET "), "{shown}");
    shown.says("Proxmox VE 9.2");
    assert!(host.run(["api", "ls", "/", "-o", "id"]).ok().lines().contains(&"/nodes"));
    assert!(!host.home.path().join("cache/felhom/apidoc").exists(), "it is not kept as the host's own");
}

#[test]
fn over_ssh_and_pvesh_it_is_the_embedded_schema() {
    let host = Host::demo();
    host.home.configure("[contexts.local]\ntransport = \"local\"\n");
    let shown = crate::support::run(&mut host.home.felhom(["-c", "local", "api", "describe", "/version", "get"])).ok();
    shown.shows("GET /version").says("Proxmox VE 9.2");
}

/// Number of methods with a command; the test fails when a command is removed.
const COVERED: usize = 568;

#[test]
fn every_method_has_a_command_or_a_reason() {
    let run = Host::demo().run(["api", "coverage", "-o", "json"]).ok();
    let rows = run.json();
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), felhom::api::schema::methods().count());
    let known = [
        "directory index",
        "part of a tunnel or console",
        "part of a login",
        "part of a migration",
        "an image of data that another method returns",
        "replaced by another method",
        "called by a node that joins the cluster",
        "marked as experimental by Proxmox",
        "a batch of other methods",
        "no command yet; use `felhom api`",
    ];
    let has = |row: &serde_json::Value| !row["command"].as_array().unwrap().is_empty();
    let wrong: Vec<_> = rows.iter().filter(|row| has(row) == known.iter().any(|reason| row["reason"] == *reason)).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    let covered = rows.iter().filter(|row| has(row)).count();
    assert!(covered >= COVERED, "{covered}");
    let pool = rows.iter().find(|row| row["path"] == "/pools" && row["method"] == "POST").unwrap();
    assert_eq!(pool["command"][0], "pool create");
}

#[test]
fn without_a_configured_host_the_embedded_schema_is_described() {
    let home = crate::support::Home::new();
    let run = crate::support::run(&mut home.felhom(["api", "describe", "/nodes/{node}/qemu/{vmid}/resize"]));
    let run = run.ok();
    assert!(run.stdout.contains("scsi0…scsi30") && run.stdout.contains("100 to 999999999"), "{run}");
    assert!(run.stderr.contains("9.2"), "{run}");
    crate::support::run(&mut home.felhom(["api", "ls", "/pools"])).ok();
}
