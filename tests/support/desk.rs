//! A demo host in this process, asked by name of the caller.

use std::collections::BTreeMap;

use felhom::demo::{Host, Options};
use serde_json::Value;

use super::http::{Client, encode};

/// The recorded host's baseline, with tasks that take no time.
pub struct Demo {
    pub host: Host,
    client: Client,
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

    pub fn with(options: Options) -> Self {
        let host = Host::start(&Options { baseline: true, ..options }).unwrap();
        let client = Client::new(&host.endpoint(), host.ca_pem());
        Self { host, client }
    }

    pub fn call(&self, who: &str, method: &str, path: &str, params: &[(&str, &str)]) -> Answer {
        let tokens: BTreeMap<String, String> =
            self.host.tokens().into_iter().map(|(id, secret)| (id, secret.reveal().to_owned())).collect();
        let secret = tokens.get(who).unwrap_or_else(|| panic!("no token {who}"));
        let mut headers = vec![("Authorization".to_owned(), format!("PVEAPIToken={who}={secret}"))];
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
        self.call(ROOT, "GET", path, &[]).data().clone()
    }

    pub fn put(&self, path: &str, params: &[(&str, &str)]) -> Answer {
        self.call(ROOT, "PUT", path, params)
    }

    pub fn post(&self, path: &str, params: &[(&str, &str)]) -> Answer {
        self.call(ROOT, "POST", path, params)
    }

    pub fn delete(&self, path: &str) -> Answer {
        self.call(ROOT, "DELETE", path, &[])
    }

    /// Grants a role to a user and a token of theirs.
    pub fn grant(&self, token: &str, path: &str, role: &str) {
        let user = token.split('!').next().unwrap();
        self.put("/access/acl", &[("path", path), ("roles", role), ("users", user), ("tokens", token)]).data();
    }

    /// How a task ended that an answer names.
    pub fn exit(&self, answer: &Answer) -> String {
        let upid = answer.data().as_str().unwrap().to_owned();
        for _ in 0..400 {
            let status = self.get(&format!("/nodes/pve1/tasks/{}/status", encode(&upid)));
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
        let lines = self.get(&format!("/nodes/pve1/tasks/{}/log?limit=0", encode(&upid)));
        lines.as_array().unwrap().iter().map(|line| line["t"].as_str().unwrap().to_owned()).collect()
    }
}
