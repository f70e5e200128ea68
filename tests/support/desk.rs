//! A demo host in this process, with calls by token or user.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use felhom::demo::{Host, Options};
use serde_json::Value;

use super::http::{Client, encode};

/// A demo host with instant tasks, and the token for calls.
pub struct Demo {
    pub host: Host,
    client: Client,
    token: &'static str,
    /// Ticket and CSRF token of root@pam.
    ticket: OnceLock<(String, String)>,
}

/// An answer: its status, its reason and its body.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub reason: String,
    pub body: Value,
}

impl Answer {
    pub fn data(&self) -> &Value {
        assert_eq!(self.status, 200, "{self:?}");
        &self.body["data"]
    }
}

pub const ROOT: &str = "root@pam!rig";
pub const LIMITED: &str = "felhom@pve!rig";

impl Demo {
    pub fn start() -> Self {
        Self::at_speed(1e6)
    }

    pub fn at_speed(speed: f64) -> Self {
        Self::with(Options { speed, ..Options::default() })
    }

    /// The recorded host's baseline.
    pub fn with(options: Options) -> Self {
        Self::open(&Options { baseline: true, ..options }, ROOT)
    }

    /// The demo site: three nodes with Ceph.
    pub fn site() -> Self {
        Self::open(&Options { speed: 1e6, ..Options::default() }, "root@pam!demo")
    }

    fn open(options: &Options, token: &'static str) -> Self {
        let host = Host::start(options).unwrap();
        let client = Client::new(&host.endpoint(), host.ca_pem());
        Self { host, client, token, ticket: OnceLock::new() }
    }

    /// Makes a call as root@pam, with a ticket.
    pub fn as_root(&self, method: &str, path: &str, params: &[(&str, &str)]) -> Answer {
        let (ticket, csrf) = self.ticket.get_or_init(|| {
            let login = [("username", "root@pam"), ("password", self.host.password().reveal())];
            let answer = self.send(Vec::new(), "POST", "/access/ticket", &login);
            let text = |key: &str| answer.data()[key].as_str().unwrap().to_owned();
            (text("ticket"), text("CSRFPreventionToken"))
        });
        let headers =
            vec![("Cookie".to_owned(), format!("PVEAuthCookie={}", encode(ticket))), ("CSRFPreventionToken".to_owned(), csrf.clone())];
        self.send(headers, method, path, params)
    }

    pub fn call(&self, who: &str, method: &str, path: &str, params: &[(&str, &str)]) -> Answer {
        let tokens: BTreeMap<String, String> =
            self.host.tokens().into_iter().map(|(id, secret)| (id, secret.reveal().to_owned())).collect();
        let secret = tokens.get(who).unwrap_or_else(|| panic!("no token {who}"));
        self.send(vec![("Authorization".to_owned(), format!("PVEAPIToken={who}={secret}"))], method, path, params)
    }

    fn send(&self, mut headers: Vec<(String, String)>, method: &str, path: &str, params: &[(&str, &str)]) -> Answer {
        let form = params.iter().map(|(key, value)| format!("{}={}", encode(key), encode(value))).collect::<Vec<_>>().join("&");
        let mut target = format!("/api2/json{path}");
        let mut body = String::new();
        if method == "GET" || method == "DELETE" {
            if !form.is_empty() {
                target = format!("{target}?{form}");
            }
        } else {
            headers.push(("Content-Type".to_owned(), "application/x-www-form-urlencoded".to_owned()));
            body = form;
        }
        let reply = self.client.send(method, &target, &headers, body.as_bytes());
        Answer { status: reply.status, reason: reply.reason, body: serde_json::from_slice(&reply.body).unwrap_or(Value::Null) }
    }

    pub fn get(&self, path: &str) -> Value {
        self.call(self.token, "GET", path, &[]).data().clone()
    }

    pub fn put(&self, path: &str, params: &[(&str, &str)]) -> Answer {
        self.call(self.token, "PUT", path, params)
    }

    pub fn post(&self, path: &str, params: &[(&str, &str)]) -> Answer {
        self.call(self.token, "POST", path, params)
    }

    pub fn delete(&self, path: &str) -> Answer {
        self.call(self.token, "DELETE", path, &[])
    }

    /// Grants a role to a token and its user.
    pub fn grant(&self, token: &str, path: &str, role: &str) {
        let user = token.split('!').next().unwrap();
        self.put("/access/acl", &[("path", path), ("roles", role), ("users", user), ("tokens", token)]).data();
    }

    /// Returns the exit status of a task.
    pub fn exit(&self, answer: &Answer) -> String {
        let upid = answer.data().as_str().unwrap().to_owned();
        for _ in 0..400 {
            let status = self.get(&format!("/nodes/{}/tasks/{}/status", node_of(&upid), encode(&upid)));
            if status["status"] == "stopped" {
                return status["exitstatus"].as_str().unwrap().to_owned();
            }
            let (_keep, never) = std::sync::mpsc::channel::<()>();
            let _ = never.recv_timeout(std::time::Duration::from_millis(5));
        }
        panic!("{upid} does not end");
    }

    pub fn log(&self, answer: &Answer) -> Vec<String> {
        self.exit(answer);
        let upid = answer.data().as_str().unwrap().to_owned();
        let lines = self.get(&format!("/nodes/{}/tasks/{}/log?limit=0", node_of(&upid), encode(&upid)));
        lines.as_array().unwrap().iter().map(|line| line["t"].as_str().unwrap().to_owned()).collect()
    }
}

/// Returns the node of a task.
fn node_of(upid: &str) -> &str {
    upid.split(':').nth(1).unwrap()
}
