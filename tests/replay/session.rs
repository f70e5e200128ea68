//! Sends recorded requests to the demo host, with recorded IDs replaced by current ones.

use std::collections::BTreeMap;

use felhom::demo::{Host, Options};
use ring::hmac;
use serde_json::Value;

use super::compare::{self, normal};
use super::prepare::{later_baseline, running_vm, two_nodes};
use super::record::{Multipart, Record};
use crate::support::http::{Client, Reply, encode};

const TOTP_SECRET: &[u8] = b"felhom-replay-secret";

pub(super) struct Session {
    pub(super) host: Host,
    client: Client,
    /// Current names and IDs by recorded ones.
    names: BTreeMap<String, String>,
    ticket: BTreeMap<String, (String, String)>,
    last_ticket: String,
    challenge: String,
    /// Current process IDs of the guest agent by recorded ones.
    processes: BTreeMap<String, String>,
    /// Ticket and CSRF token of root@pam.
    root: Option<(String, String)>,
}

impl Session {
    pub(super) fn start() -> Self {
        let host = Host::start(&Options { baseline: true, speed: 1e6, ..Options::default() }).unwrap();
        let client = Client::new(&host.endpoint(), host.ca_pem());
        Self {
            host,
            client,
            names: BTreeMap::new(),
            ticket: BTreeMap::new(),
            last_ticket: String::new(),
            challenge: String::new(),
            processes: BTreeMap::new(),
            root: None,
        }
    }

    /// Creates objects that existed before the first record of a file.
    pub(super) fn prepare(&mut self, file: &str) {
        if file == "36" {
            self.host.with_state(two_nodes).unwrap();
            return;
        }
        if file == "35" {
            self.host.with_state(running_vm).unwrap();
            return;
        }
        if file.starts_with('2') && file != "20" {
            self.host.with_state(later_baseline).unwrap();
            return;
        }
        if file == "19" {
            self.root("PUT", "/nodes/pve1/lxc/103/config", "mp2=%2Fsrv%2Fbind%2Cmp%3D%2Fmnt%2Fbind&features=nesting%3D1%2Ckeyctl%3D1");
            return;
        }
        if file != "20" {
            return;
        }
        for (method, path, body) in [
            ("POST", "/nodes/pve1/lxc/103/snapshot", "snapname=pre&description=before%20the%20change"),
            (
                "POST",
                "/cluster/backup",
                "id=nightly&vmid=101%2C103&schedule=daily&storage=local&mode=snapshot&prune-backups=keep-last%3D3&enabled=1",
            ),
            ("POST", "/nodes/pve1/lxc/101/firewall/rules", "type=in&action=DROP&proto=tcp&dport=23&enable=1"),
            ("POST", "/nodes/pve1/lxc/101/status/start", ""),
            ("POST", "/nodes/pve1/qemu/201/status/start", ""),
            ("POST", "/cluster/ha/resources", "sid=ct%3A103&state=stopped"),
            ("PUT", "/pools/pool1", "comment=rig"),
            ("POST", "/cluster/firewall/rules", "type=in&action=ACCEPT&macro=SSH&comment=ssh&enable=1"),
            ("POST", "/cluster/sdn/zones", "zone=zsimple&type=simple"),
            ("POST", "/cluster/sdn/vnets", "vnet=vnet1&zone=zsimple"),
            (
                "POST",
                "/nodes/pve1/vzdump",
                "vmid=103&storage=local&mode=stop&compress=zstd&protected=1&notes-template=%7B%7Bguestname%7D%7D",
            ),
        ] {
            let reply = self.by_token(method, path, body);
            let upid = reply["data"].as_str().unwrap_or("").to_owned();
            if path.ends_with("vzdump") {
                self.names.insert("UPID:pve1:000001CE:00040FBA:6B00385D:vzdump:103:root@pam!rig:".into(), upid.clone());
                let log = self.log(&upid);
                if let Some(made) = log.iter().find_map(|line| archive_of(line)) {
                    self.names.insert("vzdump-lxc-103-2026_11_20-12_09_01".into(), made);
                }
            }
        }
    }

    /// Repeats steps that the transcripts omit.
    pub(super) fn unseen(&mut self, at: &str) {
        match at {
            "07:18" => {
                // `pct unlock` on the host; the API has no such call.
                let unlock = |state: &mut felhom::demo::state::State| {
                    state.guests.get_mut(&110).map(|guest| guest.config.shift_remove("lock"));
                };
                self.host.with_state(unlock).unwrap();
            }
            "16:1" => {
                self.root("PUT", "/nodes/pve1/qemu/202/config", "description=q&memory=96");
            }
            "19:32" => {
                self.root("PUT", "/nodes/pve1/lxc/103/config", "delete=mp2");
            }
            _ => {}
        }
    }

    /// Makes a call as root@pam.
    fn root(&mut self, method: &str, path: &str, body: &str) -> Value {
        let (ticket, csrf) = match &self.root {
            Some(known) => known.clone(),
            None => self.login(),
        };
        let headers = [
            ("Content-Type".to_owned(), "application/x-www-form-urlencoded".to_owned()),
            ("Cookie".to_owned(), format!("PVEAuthCookie={}", encode(&ticket))),
            ("CSRFPreventionToken".to_owned(), csrf),
        ];
        let reply = self.client.send(method, &format!("/api2/json{path}"), &headers, body.as_bytes());
        serde_json::from_slice(&reply.body).unwrap_or(Value::Null)
    }

    /// Makes a call with the recorder's token.
    fn by_token(&mut self, method: &str, path: &str, body: &str) -> Value {
        let tokens = self.host.tokens();
        let secret = tokens.iter().find(|(id, _)| id == "root@pam!rig").unwrap().1.reveal();
        let headers = [
            ("Content-Type".to_owned(), "application/x-www-form-urlencoded".to_owned()),
            ("Authorization".to_owned(), format!("PVEAPIToken=root@pam!rig={secret}")),
        ];
        let reply = self.client.send(method, &format!("/api2/json{path}"), &headers, body.as_bytes());
        serde_json::from_slice(&reply.body).unwrap_or(Value::Null)
    }

    fn login(&mut self) -> (String, String) {
        let login = format!("username=root%40pam&password={}", encode(self.host.password().reveal()));
        let form = ("Content-Type".to_owned(), "application/x-www-form-urlencoded".to_owned());
        let reply = self.client.send("POST", "/api2/json/access/ticket", &[form], login.as_bytes());
        let answer: Value = serde_json::from_slice(&reply.body).unwrap();
        let text = |key: &str| answer["data"][key].as_str().unwrap().to_owned();
        self.root.insert((text("ticket"), text("CSRFPreventionToken"))).clone()
    }

    fn mapped(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (then, now) in &self.names {
            if text.contains(then.as_str()) {
                text = text.replace(then.as_str(), now);
            }
            let encoded = then.replace(':', "%3A").replace('@', "%40").replace('!', "%21");
            if text.contains(&encoded) {
                text = text.replace(&encoded, &encode(now));
            }
        }
        text
    }

    fn value(&mut self, value: &Value) -> String {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        match text.as_str() {
            "<the password>" => self.host.password().reveal().to_owned(),
            "<the ticket>" => self.last_ticket.clone(),
            "<challenge>" => self.challenge.clone(),
            "<code>" => totp(0),
            "totp:<code>" => format!("totp:{}", totp(1)),
            _ if text.starts_with("otpauth://") => {
                format!("otpauth://totp/felhom:op?secret={}&issuer=felhom&digits=6&period=30", base32(TOTP_SECRET))
            }
            _ => self.mapped(&text),
        }
    }

    fn credentials(&self, record: &Record) -> Vec<(String, String)> {
        let token = |id: &str, secret: &str| vec![("Authorization".to_owned(), format!("PVEAPIToken={id}={secret}"))];
        match record.who.as_deref() {
            None | Some("none") => Vec::new(),
            Some("BAD_TOKEN") => token("root@pam!rig", "00000000-0000-0000-0000-000000000000"),
            Some("BAD2_TOKEN") => token("root@pam!nosuch", "00000000-0000-0000-0000-000000000000"),
            Some("BAD3_TOKEN") => token("nosuch@pve!rig", "00000000-0000-0000-0000-000000000000"),
            Some("BAD4_TOKEN") => token("nosuch", "x"),
            Some("challenge ticket") => vec![("Cookie".to_owned(), format!("PVEAuthCookie={}", encode(&self.challenge)))],
            Some(who) => match who.strip_prefix("ticket of ") {
                Some(user) => {
                    let (ticket, csrf) = self.ticket.get(user).cloned().unwrap_or_default();
                    let mut headers = vec![("Cookie".to_owned(), format!("PVEAuthCookie={}", encode(&ticket)))];
                    // Omitted only where the recorder omitted it.
                    if !record.reason.contains("csrf") {
                        headers.push(("CSRFPreventionToken".to_owned(), csrf));
                    }
                    headers
                }
                None => {
                    let tokens = self.host.tokens();
                    let secret = tokens.iter().find(|(id, _)| id == who).unwrap_or_else(|| panic!("no token {who}"));
                    token(who, secret.1.reveal())
                }
            },
        }
    }

    fn send(&mut self, record: &Record) -> Reply {
        // Later files use a ticket from before the recording.
        if record.who.as_deref() == Some("ticket of root@pam") && !self.ticket.contains_key("root@pam") {
            let login = self.login();
            self.ticket.insert("root@pam".to_owned(), login);
        }
        let mut headers = self.credentials(record);
        // A list is one parameter per entry.
        let entries = record.params.iter().flat_map(|(key, value)| match value {
            Value::Array(all) => all.iter().map(|one| (key, one)).collect::<Vec<_>>(),
            one => vec![(key, one)],
        });
        let mut params: Vec<(String, String)> = entries.map(|(key, value)| (key.clone(), self.value(value))).collect();
        for (_, pid) in params.iter_mut().filter(|(key, _)| key == "pid") {
            *pid = self.processes.get(pid).cloned().unwrap_or_else(|| pid.clone());
        }
        let mut target = format!("/api2/json{}", self.mapped(&record.path).replace(' ', "%20"));
        let form = |params: &[(String, String)]| {
            let pairs = params
                .iter()
                .map(|(key, value)| if record.unencoded { format!("{key}={value}") } else { format!("{}={}", encode(key), encode(value)) });
            pairs.collect::<Vec<_>>().join("&")
        };
        let mut body = Vec::new();
        if let Some((_, file)) = params.iter().find(|(key, value)| key == "filename" && value.starts_with('@')) {
            body = multipart(&params, file, record.multipart.as_ref());
            if record.multipart.as_ref().is_some_and(|sent| sent.chunked) {
                headers.push(("Transfer-Encoding".into(), "chunked".into()));
            }
            headers.push(("Content-Type".into(), "multipart/form-data; boundary=felhomreplay".into()));
        } else if ["GET", "DELETE"].contains(&record.method.as_str()) {
            if !params.is_empty() {
                target = format!("{target}?{}", form(&params));
            }
        } else {
            body = record.raw_body.clone().map_or_else(|| form(&params).into_bytes(), String::into_bytes);
            let kind = record.headers.get("Content-Type").and_then(Value::as_str).unwrap_or("application/x-www-form-urlencoded");
            if !body.is_empty() || record.headers.contains_key("Content-Type") {
                headers.push(("Content-Type".into(), kind.to_owned()));
            }
        }
        self.client.send(&record.method, &target, &headers, &body)
    }

    /// Sends a recorded request and returns the differences of the answer.
    pub(super) fn replay(&mut self, record: &Record) -> Vec<String> {
        let reply = self.send(record);
        let body = serde_json::from_slice::<Value>(&reply.body).unwrap_or_else(|_| match reply.body.is_empty() {
            true => Value::Null,
            false => serde_json::json!({ "_text": String::from_utf8_lossy(&reply.body) }),
        });
        self.remember(record, &body);
        let mut found = Vec::new();
        if reply.status != record.status {
            found.push(format!("status {} instead of {} ({})", reply.status, record.status, reply.reason));
        }
        if normal(&reply.reason) != normal(&self.mapped(&record.reason)) {
            found.push(format!("reason {:?} instead of {:?}", reply.reason, record.reason));
        }
        if found.is_empty() {
            compare::bodies(&record.body, &body, "", &mut found);
        }
        if let Some(exit) = &record.exit {
            self.task(record, exit, &body, &mut found);
        }
        found
    }

    /// Maps the digests in an answer, so that later requests send the valid ones.
    fn remember_digests(&mut self, then: &Value, now: &Value) {
        match (then, now) {
            (Value::Object(then), Value::Object(now)) => {
                for (key, value) in then {
                    match (key.as_str(), value.as_str(), now.get(key)) {
                        ("digest", Some(then), Some(Value::String(now))) => _ = self.names.insert(then.to_owned(), now.clone()),
                        (_, _, Some(now)) => self.remember_digests(value, now),
                        _ => {}
                    }
                }
            }
            (Value::Array(then), Value::Array(now)) => {
                then.iter().zip(now).for_each(|(then, now)| self.remember_digests(then, now));
            }
            _ => {}
        }
    }

    fn remember(&mut self, record: &Record, body: &Value) {
        self.remember_digests(&record.body, body);
        if let (Some(then), Some(now)) = (record.body["data"].as_str(), body["data"].as_str())
            && then.starts_with("UPID:")
        {
            self.names.insert(then.to_owned(), now.to_owned());
        }
        if let (Some(then), Some(now)) = (record.body["data"]["pid"].as_u64(), body["data"]["pid"].as_u64()) {
            self.processes.insert(then.to_string(), now.to_string());
        }
        let data = &body["data"];
        if record.path == "/access/ticket"
            && let Some(ticket) = data["ticket"].as_str()
        {
            if data["NeedTFA"].is_null() {
                ticket.clone_into(&mut self.last_ticket);
                let csrf = data["CSRFPreventionToken"].as_str().unwrap_or("").to_owned();
                self.ticket.insert(data["username"].as_str().unwrap_or("").to_owned(), (ticket.to_owned(), csrf));
            } else {
                ticket.clone_into(&mut self.challenge);
            }
        }
    }

    fn task(&mut self, record: &Record, exit: &str, body: &Value, found: &mut Vec<String>) {
        let Some(upid) = body["data"].as_str().map(str::to_owned) else { return };
        let status = self.status(&upid);
        let ours = status["exitstatus"].as_str().unwrap_or("").to_owned();
        if normal(&ours) != normal(&self.mapped(exit)) {
            found.push(format!("exit status {ours:?} instead of {exit:?}"));
        }
        let log = self.log(&upid);
        let stem = |log: &[String]| log.iter().find_map(|line| archive_of(line));
        if let (Some(then), Some(now)) = (stem(&record.log), stem(&log)) {
            self.names.insert(then, now);
        }
        let then: Vec<String> = record.log.iter().map(|line| self.mapped(line)).collect();
        compare::logs(&then, &log, found);
    }

    fn status(&mut self, upid: &str) -> Value {
        for _ in 0..200 {
            let reply = self.root("GET", &format!("/nodes/{}/tasks/{}/status", node_of(upid), encode(upid)), "");
            if reply["data"]["status"] == "stopped" {
                return reply["data"].clone();
            }
            // Tasks end when the host's clock has advanced.
            self.host.advance(std::time::Duration::from_secs(1));
        }
        Value::Null
    }

    fn log(&mut self, upid: &str) -> Vec<String> {
        let reply = self.root("GET", &format!("/nodes/{}/tasks/{}/log?limit=0", node_of(upid), encode(upid)), "");
        let lines = reply["data"].as_array().into_iter().flatten();
        lines.map(|line| line["t"].as_str().unwrap_or("").to_owned()).collect()
    }
}

/// Returns the node of a task.
fn node_of(upid: &str) -> &str {
    upid.split(':').nth(1).unwrap_or_default()
}

/// Returns the archive name in a log line.
fn archive_of(line: &str) -> Option<String> {
    let path = line.split("creating vzdump archive '").nth(1)?.trim_end_matches('\'');
    let file = path.rsplit('/').next()?;
    Some(file.split('.').next()?.to_owned())
}

fn multipart(params: &[(String, String)], file: &str, sent: Option<&Multipart>) -> Vec<u8> {
    let part = |head: String, value: &str| format!("--felhomreplay\r\nContent-Disposition: form-data; {head}\r\n\r\n{value}\r\n");
    let fields = params.iter().filter(|(key, _)| key != "filename");
    let mut parts: Vec<String> = fields.map(|(key, value)| part(format!("name=\"{key}\""), value)).collect();
    let (path, given) = file[1..].split_once(";filename=").unwrap_or((&file[1..], ""));
    let name = match (sent, given) {
        // The recorder sent the name without the folder.
        (Some(_), _) => path.strip_prefix("/tmp/").unwrap_or(path),
        (None, "") => path.rsplit('/').next().unwrap_or(path),
        (None, given) => given,
    };
    let bytes = "x".repeat(sent.map_or(1000, |sent| sent.size));
    let head = format!("name=\"filename\"; filename=\"{name}\"\r\nContent-Type: application/octet-stream");
    let at = if sent.is_some_and(|sent| sent.file_first) { 0 } else { parts.len() };
    parts.insert(at, part(head, &bytes));
    parts.push("--felhomreplay--\r\n".to_owned());
    parts.concat().into_bytes()
}

fn base32(bytes: &[u8]) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let bits: Vec<u8> = bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect();
    bits.chunks(5)
        .map(|chunk| ALPHABET[usize::from(chunk.iter().fold(0, |sum, bit| sum << 1 | bit) << (5 - chunk.len()))] as char)
        .collect()
}

/// Returns the current code, or one some steps later.
fn totp(later: u64) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, TOTP_SECRET);
    let tag = hmac::sign(&key, &(now / 30 + later).to_be_bytes());
    let bytes = tag.as_ref();
    let at = usize::from(bytes[19] & 0xf);
    let number = u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}
