//! Lists of the cluster that are kept as they are sent: mappings, replication, metric servers, notification targets, parts of SDN, ACME.

use serde_json::{Value, json};

use crate::demo::api::{Answer, Refusal, Reply, Req, Route};
use crate::demo::state::{Map, sha1_hex};

/// One kind of list.
struct Kind {
    /// The path of the list; an entry is below it.
    path: &'static str,
    /// The parameter that names an entry.
    id: &'static str,
    /// What the host calls an entry in messages.
    label: &'static str,
    /// What every host has: not kept, not changed.
    built_in: fn() -> Vec<Value>,
    /// What is asked for and kept elsewhere.
    secret: &'static [&'static str],
}

const fn kind(path: &'static str, id: &'static str, label: &'static str) -> Kind {
    Kind { path, id, label, built_in: Vec::new, secret: &[] }
}

const KINDS: &[Kind] = &[
    kind("/cluster/mapping/dir", "id", "mapping"),
    kind("/cluster/mapping/pci", "id", "mapping"),
    kind("/cluster/mapping/usb", "id", "mapping"),
    Kind { secret: &["token"], ..kind("/cluster/metrics/server", "id", "status server entry") },
    kind("/cluster/replication", "id", "replication job"),
    Kind { built_in: standalone, secret: &["data"], ..kind("/cluster/acme/plugins", "id", "ACME plugin") },
    Kind { built_in: mail_to_root, ..kind("/cluster/notifications/endpoints/sendmail", "name", "endpoint") },
    Kind { secret: &["token"], ..kind("/cluster/notifications/endpoints/gotify", "name", "endpoint") },
    Kind { secret: &["password"], ..kind("/cluster/notifications/endpoints/smtp", "name", "endpoint") },
    Kind { secret: &["secret"], ..kind("/cluster/notifications/endpoints/webhook", "name", "endpoint") },
    Kind { built_in: default_matcher, ..kind("/cluster/notifications/matchers", "name", "matcher") },
    kind("/cluster/sdn/controllers", "controller", "sdn controller object"),
    Kind { built_in: pve_ipam, secret: &["token"], ..kind("/cluster/sdn/ipams", "ipam", "sdn ipam object") },
    Kind { secret: &["key"], ..kind("/cluster/sdn/dns", "dns", "sdn dns object") },
    kind("/cluster/sdn/vnets/{vnet}/subnets", "subnet", "sdn subnet object"),
];

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/cluster/mapping/dir", list),
    ("POST", "/cluster/mapping/dir", create),
    ("GET", "/cluster/mapping/dir/{id}", read),
    ("PUT", "/cluster/mapping/dir/{id}", update),
    ("DELETE", "/cluster/mapping/dir/{id}", delete),
    ("GET", "/cluster/mapping/pci", list),
    ("POST", "/cluster/mapping/pci", create),
    ("GET", "/cluster/mapping/pci/{id}", read),
    ("PUT", "/cluster/mapping/pci/{id}", update),
    ("DELETE", "/cluster/mapping/pci/{id}", delete),
    ("GET", "/cluster/mapping/usb", list),
    ("POST", "/cluster/mapping/usb", create),
    ("GET", "/cluster/mapping/usb/{id}", read),
    ("PUT", "/cluster/mapping/usb/{id}", update),
    ("DELETE", "/cluster/mapping/usb/{id}", delete),
    ("GET", "/cluster/metrics/server", list),
    ("POST", "/cluster/metrics/server/{id}", create),
    ("GET", "/cluster/metrics/server/{id}", read),
    ("PUT", "/cluster/metrics/server/{id}", update),
    ("DELETE", "/cluster/metrics/server/{id}", delete),
    ("GET", "/cluster/replication", list),
    ("POST", "/cluster/replication", create),
    ("GET", "/cluster/replication/{id}", read),
    ("PUT", "/cluster/replication/{id}", update),
    ("DELETE", "/cluster/replication/{id}", delete),
    ("GET", "/cluster/acme/plugins", list),
    ("POST", "/cluster/acme/plugins", create),
    ("GET", "/cluster/acme/plugins/{id}", read),
    ("PUT", "/cluster/acme/plugins/{id}", update),
    ("DELETE", "/cluster/acme/plugins/{id}", delete),
    ("GET", "/cluster/notifications/endpoints/sendmail", list),
    ("POST", "/cluster/notifications/endpoints/sendmail", create),
    ("GET", "/cluster/notifications/endpoints/sendmail/{name}", read),
    ("PUT", "/cluster/notifications/endpoints/sendmail/{name}", update),
    ("DELETE", "/cluster/notifications/endpoints/sendmail/{name}", delete),
    ("GET", "/cluster/notifications/endpoints/gotify", list),
    ("POST", "/cluster/notifications/endpoints/gotify", create),
    ("GET", "/cluster/notifications/endpoints/gotify/{name}", read),
    ("PUT", "/cluster/notifications/endpoints/gotify/{name}", update),
    ("DELETE", "/cluster/notifications/endpoints/gotify/{name}", delete),
    ("GET", "/cluster/notifications/endpoints/smtp", list),
    ("POST", "/cluster/notifications/endpoints/smtp", create),
    ("GET", "/cluster/notifications/endpoints/smtp/{name}", read),
    ("PUT", "/cluster/notifications/endpoints/smtp/{name}", update),
    ("DELETE", "/cluster/notifications/endpoints/smtp/{name}", delete),
    ("GET", "/cluster/notifications/endpoints/webhook", list),
    ("POST", "/cluster/notifications/endpoints/webhook", create),
    ("GET", "/cluster/notifications/endpoints/webhook/{name}", read),
    ("PUT", "/cluster/notifications/endpoints/webhook/{name}", update),
    ("DELETE", "/cluster/notifications/endpoints/webhook/{name}", delete),
    ("GET", "/cluster/notifications/matchers", list),
    ("POST", "/cluster/notifications/matchers", create),
    ("GET", "/cluster/notifications/matchers/{name}", read),
    ("PUT", "/cluster/notifications/matchers/{name}", update),
    ("DELETE", "/cluster/notifications/matchers/{name}", delete),
    ("GET", "/cluster/sdn/controllers", list),
    ("POST", "/cluster/sdn/controllers", create),
    ("GET", "/cluster/sdn/controllers/{controller}", read),
    ("PUT", "/cluster/sdn/controllers/{controller}", update),
    ("DELETE", "/cluster/sdn/controllers/{controller}", delete),
    ("GET", "/cluster/sdn/ipams", list),
    ("POST", "/cluster/sdn/ipams", create),
    ("GET", "/cluster/sdn/ipams/{ipam}", read),
    ("PUT", "/cluster/sdn/ipams/{ipam}", update),
    ("DELETE", "/cluster/sdn/ipams/{ipam}", delete),
    ("GET", "/cluster/sdn/dns", list),
    ("POST", "/cluster/sdn/dns", create),
    ("GET", "/cluster/sdn/dns/{dns}", read),
    ("PUT", "/cluster/sdn/dns/{dns}", update),
    ("DELETE", "/cluster/sdn/dns/{dns}", delete),
    ("GET", "/cluster/sdn/vnets/{vnet}/subnets", list),
    ("POST", "/cluster/sdn/vnets/{vnet}/subnets", create),
    ("GET", "/cluster/sdn/vnets/{vnet}/subnets/{subnet}", read),
    ("PUT", "/cluster/sdn/vnets/{vnet}/subnets/{subnet}", update),
    ("DELETE", "/cluster/sdn/vnets/{vnet}/subnets/{subnet}", delete),
];

fn standalone() -> Vec<Value> {
    vec![json!({ "plugin": "standalone", "type": "standalone", "digest": sha1_hex("") })]
}

fn mail_to_root() -> Vec<Value> {
    let comment = "Send mails to root@pam's email address";
    vec![json!({ "name": "mail-to-root", "mailto-user": ["root@pam"], "comment": comment, "origin": "builtin" })]
}

fn default_matcher() -> Vec<Value> {
    let comment = "Route all notifications to mail-to-root";
    vec![json!({ "name": "default-matcher", "target": ["mail-to-root"], "mode": "all", "origin": "builtin", "comment": comment })]
}

fn pve_ipam() -> Vec<Value> {
    vec![json!({ "ipam": "pve", "type": "pve", "digest": sha1_hex("") })]
}

/// The kind that the path is about, and the section that it is kept in.
fn the_kind(req: &Req<'_>) -> Result<(&'static Kind, String), Refusal> {
    let mine = |k: &&Kind| req.template.strip_prefix(k.path).is_some_and(|rest| rest.is_empty() || rest.starts_with("/{"));
    let kind = KINDS.iter().rfind(mine).ok_or_else(|| Refusal::not_implemented(req.method, req.path))?;
    let section = match req.params.get("vnet").filter(|_| kind.path.contains("{vnet}")) {
        Some(vnet) => format!("{}/{vnet}", kind.path),
        None => kind.path.to_owned(),
    };
    Ok((kind, section))
}

impl Kind {
    /// The rest of the path's word for the name is the entry's own key: a plugin is listed under `plugin`.
    fn key(&self) -> &'static str {
        if self.path.ends_with("/plugins") { "plugin" } else { self.id }
    }

    fn row(&self, id: &str, config: &Map) -> Value {
        let mut row = config.clone();
        row.insert(self.key().into(), id.into());
        if self.path.contains("/notifications/") {
            row.insert("origin".into(), "user-created".into());
        } else {
            row.insert("digest".into(), sha1_hex(&json!(config).to_string()).into());
        }
        Value::Object(row)
    }

    fn missing(&self, id: &str) -> Refusal {
        match self.label {
            "mapping" => Refusal::die(format!("mapping '{id}' not found")),
            "ACME plugin" => Refusal::die(format!("ACME plugin '{id}' not defined")),
            "endpoint" | "matcher" => Refusal::new(404, format!("{} '{id}' does not exist", self.label)),
            label => Refusal::die(format!("{label} '{id}' does not exist")),
        }
    }

    fn exists(&self, id: &str) -> Refusal {
        match self.label {
            "mapping" => Refusal::die(format!("create mapping failed: mapping '{id}' already defined")),
            "endpoint" | "matcher" => Refusal::die(format!("Could not create {}: '{id}' already exists", self.label)),
            label => Refusal::die(format!("create {label} failed: {label} ID '{id}' already defined")),
        }
    }
}

fn list(req: &mut Req<'_>) -> Answer {
    let (kind, section) = the_kind(req)?;
    let own = req.state.section(&section).map(|(id, config)| kind.row(id, config));
    Ok((kind.built_in)().into_iter().chain(own).collect::<Value>().into())
}

fn read(req: &mut Req<'_>) -> Answer {
    let (kind, section) = the_kind(req)?;
    let id = req.params.text(kind.id);
    if let Some(row) = (kind.built_in)().into_iter().find(|row| row[kind.key()] == id) {
        return Ok(row.into());
    }
    let known = req.state.sections.get(&section).and_then(|s| s.get(id)).ok_or_else(|| kind.missing(id))?;
    Ok(kind.row(id, known).into())
}

/// What was sent, without names, secrets and what only steers the call.
fn settings(req: &Req<'_>, kind: &Kind) -> Map {
    let steering = [kind.id, "vnet", "delete", "digest", "lock-token"];
    let kept = req.params.iter().filter(|(key, _)| !steering.contains(&key.as_str()) && !kind.secret.contains(&key.as_str()));
    kept.map(|(key, value)| {
        let number = value.as_str().filter(|t| t.len() < 6).and_then(|t| t.parse::<i64>().ok());
        (key.clone(), number.map_or_else(|| value.clone(), |n| json!(n)))
    })
    .collect()
}

fn create(req: &mut Req<'_>) -> Answer {
    let (kind, section) = the_kind(req)?;
    let id = req.params.text(kind.id).to_owned();
    let taken = (kind.built_in)().iter().any(|row| row[kind.key()] == id.as_str());
    if taken || req.state.section(&section).any(|(known, _)| *known == id) {
        return Err(kind.exists(&id));
    }
    let config = settings(req, kind);
    req.state.section_mut(&section).insert(id, config);
    Ok(Reply::null())
}

fn update(req: &mut Req<'_>) -> Answer {
    let (kind, section) = the_kind(req)?;
    let id = req.params.text(kind.id).to_owned();
    let (config, gone) = (settings(req, kind), req.params.list("delete"));
    let known = req.state.section_mut(&section).get_mut(&id).ok_or_else(|| kind.missing(&id))?;
    for key in gone {
        known.shift_remove(&key);
    }
    known.extend(config);
    Ok(Reply::null())
}

fn delete(req: &mut Req<'_>) -> Answer {
    let (kind, section) = the_kind(req)?;
    let id = req.params.text(kind.id).to_owned();
    req.state.section_mut(&section).remove(&id).ok_or_else(|| kind.missing(&id))?;
    Ok(Reply::null())
}
