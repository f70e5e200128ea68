//! The demo host over HTTPS: offline nodes, faults, many guests, several processes, second factors.

use std::time::Instant;

use felhom::demo::faults::{Fault, Trouble};
use felhom::demo::{Host, Options, seed};
use serde_json::{Value, json};

use crate::support::http::{Client, Reply, encode};

/// A demo host with a client.
struct Desk {
    host: Host,
    client: Client,
    headers: Vec<(String, String)>,
}

impl Desk {
    fn open(options: &Options, token: &str) -> Self {
        let host = Host::start(options).unwrap();
        let client = Client::new(&host.endpoint(), host.ca_pem());
        let tokens = host.tokens();
        let secret = tokens.iter().find(|(id, _)| id == token).map(|(_, secret)| secret.reveal().to_owned()).unwrap_or_default();
        let headers = vec![("Authorization".to_owned(), format!("PVEAPIToken={token}={secret}"))];
        Self { host, client, headers }
    }

    fn fast(token: &str) -> Self {
        Self::open(&Options { speed: 1e6, ..Options::default() }, token)
    }

    fn send(&self, method: &str, path: &str, form: &[(&str, &str)]) -> Reply {
        let body: Vec<String> = form.iter().map(|(k, v)| format!("{}={}", encode(k), encode(v))).collect();
        let mut headers = self.headers.clone();
        if !form.is_empty() {
            headers.push(("Content-Type".to_owned(), "application/x-www-form-urlencoded".to_owned()));
        }
        self.client.send(method, &format!("/api2/json{path}"), &headers, body.join("&").as_bytes())
    }

    fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[])
    }

    fn data(&self, path: &str) -> Value {
        data(&self.get(path))
    }
}

fn data(reply: &Reply) -> Value {
    assert_eq!(reply.status, 200, "{} {}", reply.reason, String::from_utf8_lossy(&reply.body));
    let body: Value = serde_json::from_slice(&reply.body).unwrap();
    body["data"].clone()
}

#[test]
fn a_member_that_is_down_answers_595_and_its_guests_keep_their_last_status() {
    let desk = Desk::open(&Options { offline: vec!["pve2".into()], ..Options::default() }, "root@pam!demo");
    let reply = desk.get("/nodes/pve2/status");
    assert_eq!((reply.status, reply.reason.as_str(), reply.body.len()), (595, "No route to host", 0));
    assert_eq!(desk.get("/nodes/pve1/status").status, 200);
    let nodes = desk.data("/nodes");
    let pve2 = nodes.as_array().unwrap().iter().find(|n| n["node"] == "pve2").unwrap();
    assert_eq!((&pve2["status"], &pve2["uptime"]), (&json!("offline"), &Value::Null));
    let guests = desk.data("/cluster/resources?type=vm");
    assert!(guests.as_array().unwrap().iter().any(|g| g["node"] == "pve2" && g["status"] == "running"));
    assert_eq!(desk.data("/cluster/status")[0]["quorate"], 1);
}

#[test]
fn a_change_with_a_lost_answer_was_made() {
    let desk = Desk::fast("root@pam!demo");
    desk.host.inject(Fault::new("POST", "/pools", Trouble::LostAnswer).times(1));
    let lost = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| desk.send("POST", "/pools", &[("poolid", "p9")])));
    assert!(lost.is_err(), "an answer came");
    assert!(desk.data("/pools").as_array().unwrap().iter().any(|p| p["poolid"] == "p9"));
    assert_eq!(desk.host.requests()[0].params["poolid"], "p9");
}

#[test]
fn a_fault_occurs_once_and_is_logged() {
    let desk = Desk::fast("root@pam!demo");
    desk.host.inject("GET /nodes/*/status 596:Broken_pipe x1".parse().unwrap());
    let reply = desk.get("/nodes/pve1/status");
    assert_eq!((reply.status, reply.reason.as_str()), (596, "Broken pipe"));
    assert_eq!(desk.get("/nodes/pve1/status").status, 200);
    assert_eq!(desk.host.requests().iter().map(|r| r.status).collect::<Vec<_>>(), [596, 200]);
}

#[test]
fn two_thousand_guests_are_listed_quickly() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { guests: Some(2000), state_dir: Some(dir.path().to_path_buf()), ..Options::default() };
    let desk = Desk::open(&options, "felhom@pve!agent");
    assert_eq!(desk.data("/cluster/resources?type=vm").as_array().unwrap().len(), 2000);
    let begin = Instant::now();
    for _ in 0..5 {
        desk.get("/cluster/resources?type=vm");
    }
    let each = begin.elapsed() / 5;
    // A few milliseconds in a release build. The bound only detects quadratic time.
    assert!(each.as_millis() < 2000, "{each:?}");
}

#[test]
fn hosts_with_one_directory_share_the_state() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { state_dir: Some(dir.path().to_path_buf()), speed: 1e6, ..Options::default() };
    let first = Desk::open(&options, "root@pam!demo");
    let second = Desk::open(&options, "root@pam!demo");
    assert_eq!(first.host.fingerprint(), second.host.fingerprint());
    let upid = data(&first.send("POST", "/nodes/pve3/qemu/202/status/start", &[]));
    let task = second.data(&format!("/nodes/pve3/tasks/{}/status", encode(upid.as_str().unwrap())));
    assert_eq!(task["exitstatus"], "OK");
    assert_eq!(second.data("/nodes/pve3/qemu/202/status/current")["status"], "running");
    data(&second.send("POST", "/pools", &[("poolid", "shared")]));
    assert!(first.data("/pools").as_array().unwrap().iter().any(|p| p["poolid"] == "shared"));
}

#[test]
fn the_agent_has_exactly_the_privileges_of_its_role() {
    let desk = Desk::fast("felhom@pve!agent");
    assert_eq!(desk.get("/nodes/pve1/lxc/101/config").status, 200);
    let denied = desk.send("POST", "/nodes/pve1/lxc/101/clone", &[("newid", "150")]);
    assert_eq!((denied.status, denied.reason.as_str()), (403, "Permission check failed (/vms/101, VM.Clone)"));
    assert_eq!(desk.get("/nodes/pve1/syslog").reason, "Permission check failed (/nodes/pve1, Sys.Syslog)");
    let own = desk.data("/access/permissions?path=%2F");
    assert_eq!(own["/"].as_object().unwrap().len(), 16);
}

#[test]
fn an_expired_token_or_one_of_a_deleted_user_is_refused() {
    let desk = Desk::fast("viewer@pve!tok");
    assert_eq!(desk.get("/version").status, 200);
    let change = |work: fn(&mut felhom::demo::state::User)| {
        desk.host.with_state(|state| work(state.access.users.get_mut("viewer@pve").unwrap())).unwrap();
    };
    change(|user| user.tokens.get_mut("tok").unwrap().expire = 1);
    assert_eq!((desk.get("/version").status, desk.get("/version").reason.as_str()), (401, "Authentication failed!"));
    change(|user| user.tokens.get_mut("tok").unwrap().expire = 0);
    change(|user| user.enable = false);
    assert_eq!(desk.get("/version").status, 401);
}

#[test]
fn a_ticket_needs_its_csrf_token_for_changes() {
    let desk = Desk::fast("nobody");
    let login = desk.send("POST", "/access/ticket", &[("username", "root@pam"), ("password", seed::PASSWORD)]);
    let login = data(&login);
    let cookie = ("Cookie".to_owned(), format!("PVEAuthCookie={}", encode(login["ticket"].as_str().unwrap())));
    let csrf = ("CSRFPreventionToken".to_owned(), login["CSRFPreventionToken"].as_str().unwrap().to_owned());
    let form = ("Content-Type".to_owned(), "application/x-www-form-urlencoded".to_owned());
    let make = |headers: &[(String, String)]| desk.client.send("POST", "/api2/json/pools", headers, b"poolid=made");
    assert_eq!(make(&[cookie.clone(), form.clone()]).reason, "Permission denied - invalid csrf token");
    assert_eq!(make(&[cookie.clone(), form, csrf]).status, 200);
    assert_eq!(desk.client.send("GET", "/api2/json/pools/made", &[cookie], b"").status, 200);
    assert!(desk.host.requests().iter().all(|r| r.params.get("password").is_none_or(|p| p == "***")));
}

#[test]
fn a_managed_guest_moves_after_the_manager_was_asked() {
    let desk = Desk::open(&Options { speed: 20.0, ..Options::default() }, "root@pam!demo");
    let upid = data(&desk.send("POST", "/nodes/pve2/lxc/104/status/stop", &[]));
    let upid = upid.as_str().unwrap();
    assert!(upid.contains(":hastop:104:"), "{upid}");
    let path = format!("/nodes/pve2/tasks/{}/status", encode(upid));
    let done = |what: &dyn Fn() -> bool| {
        let begin = Instant::now();
        while !what() {
            assert!(begin.elapsed().as_secs() < 20, "it never came");
        }
    };
    done(&|| desk.data(&path)["status"] == "stopped");
    assert_eq!(desk.data(&path)["exitstatus"], "OK");
    done(&|| desk.data("/nodes/pve2/lxc/104/status/current")["status"] == "stopped");
    let kinds = desk.data("/nodes/pve2/tasks?vmid=104&limit=5");
    assert!(kinds.as_array().unwrap().iter().any(|t| t["type"] == "vzstop"), "{kinds}");
}

#[test]
fn an_unmounted_disk_cannot_become_a_storage() {
    let dir = tempfile::tempdir().unwrap();
    let desk = Desk::open(&Options { state_dir: Some(dir.path().to_path_buf()), ..Options::default() }, "root@pam!demo");
    let form = [("storage", "usb"), ("type", "dir"), ("path", "/mnt/pve/usb"), ("content", "backup"), ("is_mountpoint", "1")];
    let refused = desk.send("POST", "/storage", &form);
    assert_eq!(refused.status, 500);
    assert!(refused.reason.contains("expected to be a mount point but is not mounted: '/mnt/pve/usb'"), "{}", refused.reason);
    let info = felhom::demo::mounts::host_root(dir.path()).join("proc/self");
    std::fs::create_dir_all(&info).unwrap();
    std::fs::write(info.join("mountinfo"), "90 28 8:17 / /mnt/pve/usb rw - ext4 /dev/sdb1 rw\n").unwrap();
    assert_eq!(data(&desk.send("POST", "/storage", &form)), json!({ "storage": "usb", "type": "dir" }));
    assert_eq!(desk.data("/nodes/pve1/storage/usb/status")["active"], 1);
    std::fs::write(info.join("mountinfo"), "").unwrap();
    assert_eq!(desk.data("/nodes/pve1/storage/usb/status")["active"], 0);
}
