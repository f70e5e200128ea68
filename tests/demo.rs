//! `felhom demo …`: the demo host for commands and for other clients.

use serde_json::Value;

use crate::support::{Demo, Server, need_tool, run};

#[test]
fn commands_share_the_state() {
    let demo = Demo::new();
    let backup = ["api", "post", "/nodes/pve1/vzdump", "vmid=101", "storage=local", "mode=snapshot"];
    demo.run(backup).ok();
    let archives = demo.run(["storage", "content", "local", "--content", "backup", "-o", "id"]).ok();
    assert!(archives.lines().iter().any(|volume| volume.starts_with("local:backup/vzdump-lxc-101-")), "{archives}");
    demo.run(["reset"]).ok();
    let archives = demo.run(["storage", "content", "local", "--content", "backup", "-o", "id"]).ok();
    assert!(!archives.stdout.contains("vzdump-lxc-101-"), "{archives}");
}

#[test]
fn a_detached_task_continues_between_commands() {
    let demo = Demo::new().speed(20.0);
    let started = demo.run(["api", "post", "/nodes/pve1/vzdump", "vmid=101", "storage=local", "mode=snapshot", "--detach"]).ok();
    demo.run(["task", "wait", started.stdout.trim()]).ok().shows("OK");
}

#[test]
fn the_demo_ignores_a_configured_host() {
    let demo = Demo::new();
    let mut command = demo.command(["guest", "list", "-o", "id"]);
    let list =
        run(command.env("FELHOM_ENDPOINT", "https://host.invalid:8006").env("FELHOM_TOKEN_ID", "x@pve!y").env("FELHOM_CONTEXT", "z"));
    assert!(list.ok().stdout.starts_with("101\n"));
}

#[test]
fn the_state_is_summarized() {
    let demo = Demo::new();
    demo.run(["reset", "--guests", "40", "--nodes", "2"]).ok();
    let state = demo.run(["state", "-o", "json"]).ok().json();
    assert_eq!((state["guests"].as_u64(), state["nodes"].as_array().map(Vec::len)), (Some(40), Some(2)));
}

#[test]
fn the_tour_completes() {
    let demo = Demo::new();
    let tour = demo.run(["tour", "--speed", "200"]);
    assert_eq!(tour.code, 0, "{tour}");
    let tour = tour.shows("$ felhom guest list").shows("$ felhom role bootstrap").shows("$ felhom guest restore").shows("(exit code 4)");
    assert!(tour.stdout.trim_end().ends_with("lists them."), "{tour}");
}

#[test]
fn other_clients_are_served() {
    let Some(curl) = need_tool("curl") else { return };
    let server = Server::start(&["--baseline", "--speed", "100"]);
    let token = server.first["tokens"]["root@pam!rig"].as_str().unwrap();
    let header = format!("Authorization: PVEAPIToken=root@pam!rig={token}");
    let ask = |args: &[&str]| -> Value {
        let mut command = assert_cmd::Command::new(&curl);
        let path = format!("{}/api2/json{}", server.text("endpoint"), args[0]);
        command.args(["-sS", "--cacert", server.text("ca_file"), "-H", &header, &path]).args(&args[1..]);
        run(&mut command).ok().json()["data"].clone()
    };
    assert_eq!(ask(&["/version"])["version"], "9.2.11");
    assert_eq!(ask(&["/nodes/pve1/lxc"]).as_array().unwrap().len(), 3);
    assert_eq!(ask(&["/nodes/pve1/lxc/101/config"])["hostname"], "ct101");
    let upid = ask(&["/nodes/pve1/lxc/101/status/start", "-X", "POST"]);
    let upid = upid.as_str().unwrap();
    assert!(upid.starts_with("UPID:pve1:"), "{upid}");
    crate::support::eventually("the task ends", || ask(&[&format!("/nodes/pve1/tasks/{upid}/status")])["exitstatus"] == "OK");
    assert_eq!(ask(&["/nodes/pve1/lxc/101/status/current"])["status"], "running");
    let login = format!("username=root@pam&password={}", server.text("password"));
    let ticket = ask(&["/access/ticket", "-d", &login]);
    assert!(ticket["ticket"].as_str().unwrap().starts_with("PVE:root@pam:"), "{ticket}");
}

#[test]
fn the_first_line_says_all_that_a_client_needs() {
    let server = Server::start(&[]);
    for key in ["endpoint", "fingerprint", "ca_file", "password"] {
        assert!(!server.text(key).is_empty());
    }
    assert!(server.first["tokens"]["felhom@pve!agent"].is_string(), "{}", server.first);
    let mut listing = server.felhom(&["guest", "list", "-o", "id"]);
    assert!(
        run(listing.env_remove("FELHOM_CA_FILE").env("FELHOM_FINGERPRINT", server.text("fingerprint"))).ok().stdout.starts_with("101\n")
    );
}
