//! Sections of configuration files: mappings, replication, metric servers, notification targets, SDN objects, jobs.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::sdn;
use super::section_kinds::{self, Kind};
use crate::demo::api::section::{check_digest, failed, nested, sent};
use crate::demo::api::{Answer, Refusal, Reply, Req, Route};
use crate::demo::state::{Map, sha1_hex};

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
    ("GET", "/cluster/sdn/zones", list),
    ("POST", "/cluster/sdn/zones", create),
    ("GET", "/cluster/sdn/zones/{zone}", read),
    ("PUT", "/cluster/sdn/zones/{zone}", update),
    ("DELETE", "/cluster/sdn/zones/{zone}", delete),
    ("GET", "/cluster/sdn/vnets", list),
    ("POST", "/cluster/sdn/vnets", create),
    ("GET", "/cluster/sdn/vnets/{vnet}", read),
    ("PUT", "/cluster/sdn/vnets/{vnet}", update),
    ("DELETE", "/cluster/sdn/vnets/{vnet}", delete),
    ("GET", "/cluster/jobs/realm-sync", list),
    ("GET", "/cluster/jobs/realm-sync/{id}", read),
    ("POST", "/cluster/jobs/realm-sync/{id}", create),
    ("PUT", "/cluster/jobs/realm-sync/{id}", update),
    ("DELETE", "/cluster/jobs/realm-sync/{id}", delete),
    ("GET", "/cluster/qemu/custom-cpu-models", list),
    ("POST", "/cluster/qemu/custom-cpu-models", create),
    ("GET", "/cluster/qemu/custom-cpu-models/{cputype}", read),
    ("PUT", "/cluster/qemu/custom-cpu-models/{cputype}", update),
    ("DELETE", "/cluster/qemu/custom-cpu-models/{cputype}", delete),
    ("GET", "/cluster/sdn/fabrics/all", all_fabrics),
    ("GET", "/cluster/sdn/fabrics/fabric", list),
    ("POST", "/cluster/sdn/fabrics/fabric", create),
    ("GET", "/cluster/sdn/fabrics/fabric/{id}", read),
    ("PUT", "/cluster/sdn/fabrics/fabric/{id}", update),
    ("DELETE", "/cluster/sdn/fabrics/fabric/{id}", delete),
    ("GET", "/cluster/sdn/fabrics/node", list),
    ("GET", "/cluster/sdn/fabrics/node/{fabric_id}", list),
    ("POST", "/cluster/sdn/fabrics/node/{fabric_id}", create),
    ("GET", "/cluster/sdn/fabrics/node/{fabric_id}/{node_id}", read),
    ("PUT", "/cluster/sdn/fabrics/node/{fabric_id}/{node_id}", update),
    ("DELETE", "/cluster/sdn/fabrics/node/{fabric_id}/{node_id}", delete),
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

/// Returns the kind of the path.
fn the_kind(req: &Req<'_>) -> Result<&'static Kind, Refusal> {
    let mine = |k: &&Kind| req.template.strip_prefix(k.path).is_some_and(|rest| rest.is_empty() || rest.starts_with("/{"));
    section_kinds::all().rfind(mine).ok_or_else(|| Refusal::not_implemented(req.method, req.path))
}

impl Kind {
    fn section(&self) -> &'static str {
        if self.section.is_empty() { self.path } else { self.section }
    }

    /// Returns the key of a section's name in answers; ACME plugins use `plugin`.
    fn key(&self) -> &'static str {
        if self.path.ends_with("/plugins") { "plugin" } else { self.id }
    }

    /// Returns the name of the section in the request.
    fn name(&self, req: &Req<'_>) -> String {
        (self.name)(req, req.params.text(self.id))
    }

    /// Fills the name of a section into a message; nodes of fabrics have two names.
    fn worded(template: &str, id: &str) -> String {
        let (fabric, node) = id.rsplit_once('_').unwrap_or(("", id));
        template.replace("{}", id).replace("{fabric}", fabric).replace("{node}", node)
    }

    fn digest(&self, req: &Req<'_>) -> String {
        let all: Vec<Value> = req.state.section(self.section()).map(|(id, config)| json!([id, config])).collect();
        sha1_hex(&json!(all).to_string())
    }

    fn row(&self, req: &Req<'_>, id: &str, config: &Map, listed: bool) -> Value {
        let mut row = config.clone();
        row.insert(self.key().into(), (self.shown)(id).into());
        if !self.path.contains("/notifications/") {
            row.insert("digest".into(), self.digest(req).into());
        }
        (self.show)(&mut row, id, listed);
        Value::Object(row)
    }

    fn missing(&self, id: &str) -> Refusal {
        let why = Self::worded(self.missing, id);
        if self.missing_status == 400 { Refusal::param(self.id, why) } else { Refusal::new(self.missing_status, why) }
    }

    fn is_built_in(&self, id: &str) -> Option<Value> {
        (self.built_in)().into_iter().find(|row| row[self.key()] == id)
    }

    /// Refuses an SDN change without the token of the current lock.
    fn check_lock(&self, req: &Req<'_>, failed_to: &str) -> Result<(), Refusal> {
        if self.path.starts_with("/cluster/sdn/") { sdn::check_lock(req, failed_to) } else { Ok(()) }
    }

    /// Returns the options in the request.
    fn sent(&self, req: &Req<'_>) -> Map {
        let mut steering = vec![self.id];
        if self.id != "vnet" && !self.path.contains("{vnet}") {
            steering.push("vnet");
        }
        let mut sent = sent(req, &steering);
        if req.method == "POST" && self.only_type == "subnet" {
            sent.insert("cidr".into(), req.params.text(self.id).into());
            let zone = self.name(req);
            sent.insert("zone".into(), zone.split('-').next().unwrap_or_default().into());
        }
        sent
    }

    /// Returns the options without those that are stored elsewhere.
    fn kept(&self, sent: Map) -> Map {
        sent.into_iter().filter(|(key, _)| !self.secret.contains(&key.as_str())).collect()
    }
}

fn list(req: &mut Req<'_>) -> Answer {
    let kind = the_kind(req)?;
    (kind.before)(req)?;
    Ok(rows(req, kind).into())
}

/// Lists fabrics and their nodes.
fn all_fabrics(req: &mut Req<'_>) -> Answer {
    let of = |path: &str| section_kinds::all().find(|kind| kind.path == path).map(|kind| rows(req, kind));
    Ok(json!({ "fabrics": of("/cluster/sdn/fabrics/fabric"), "nodes": of("/cluster/sdn/fabrics/node") }).into())
}

/// Returns the sections that the caller may see: configured, applied, or with pending changes.
fn rows(req: &Req<'_>, kind: &Kind) -> Value {
    if req.params.flag("pending") {
        return pending(req, kind);
    }
    // `running` asks for the applied sections, which are stored separately.
    let applied = format!("{}-applied", kind.section());
    let section = if req.params.flag("running") { applied.as_str() } else { kind.section() };
    let wanted = req.params.get("type");
    let own = req.state.section(section).filter(|(id, config)| {
        (kind.may_see)(req, id, config) && wanted.is_none_or(|wanted| config.get("type").and_then(Value::as_str) == Some(wanted))
    });
    let rows = own.map(|(id, config)| {
        let mut row = kind.row(req, id, config, true);
        if req.params.flag("running") {
            row["digest"] = Value::Null;
        }
        if req.params.has("check-node") {
            row["checks"] = json!([]);
        }
        row
    });
    let rows: Vec<Value> = rows.collect();
    (kind.built_in)().into_iter().chain(rows).collect()
}

/// Returns the applied sections with their pending changes.
fn pending(req: &Req<'_>, kind: &Kind) -> Value {
    let (none, section, applied) = (Map::new(), kind.section(), format!("{}-applied", kind.section()));
    let ids: BTreeSet<&String> = req.state.section(section).chain(req.state.section(&applied)).map(|(id, _)| id).collect();
    let config = |section: &str, id: &str| req.state.sections.get(section).and_then(|s| s.get(id)).unwrap_or(&none).clone();
    let rows = ids.into_iter().filter_map(|id| {
        let (running, wanted) = (config(&applied, id), config(section, id));
        if !(kind.may_see)(req, id, if wanted.is_empty() { &running } else { &wanted }) {
            return None;
        }
        let mut change = Map::new();
        for (key, value) in &wanted {
            if key != "type" && running.get(key) != Some(value) {
                change.insert(key.clone(), value.clone());
            }
        }
        if !wanted.is_empty() {
            change.extend(running.keys().filter(|key| !wanted.contains_key(*key)).map(|key| (key.clone(), Value::from("deleted"))));
        }
        let state = match (running.is_empty(), wanted.is_empty()) {
            (true, _) => Some("new"),
            (_, true) => Some("deleted"),
            _ if change.is_empty() => None,
            _ => Some("changed"),
        };
        let mut shown = running;
        if let Some(kind) = wanted.get("type") {
            shown.insert("type".into(), kind.clone());
        }
        shown.insert(kind.id.to_owned(), (kind.shown)(id).into());
        shown.insert("digest".into(), Value::Null);
        if let Some(state) = state {
            shown.insert("state".into(), state.into());
            shown.insert("pending".into(), Value::Object(change));
        }
        Some(Value::Object(shown))
    });
    rows.collect()
}

fn read(req: &mut Req<'_>) -> Answer {
    let kind = the_kind(req)?;
    (kind.before)(req)?;
    let id = &kind.name(req);
    if let Some(row) = kind.is_built_in(id) {
        return Ok(row.into());
    }
    let known = req.state.sections.get(kind.section()).and_then(|s| s.get(id)).ok_or_else(|| kind.missing(id))?;
    if kind.path == "/cluster/replication" && !(kind.may_see)(req, id, known) {
        return Err(Refusal::denied(&format!("/vms/{}", id.split('-').next().unwrap_or_default()), "VM.Audit"));
    }
    Ok(kind.row(req, id, known, false).into())
}

fn create(req: &mut Req<'_>) -> Answer {
    let kind = the_kind(req)?;
    (kind.before)(req)?;
    let id = kind.name(req);
    let mut sent = kind.sent(req);
    let typ = match kind.only_type {
        "" if kind.path.contains("/mapping/") => kind.path.rsplit('/').next().unwrap_or_default(),
        "" => req.params.text("type"),
        only => only,
    }
    .to_owned();
    let [failed_to, ..] = kind.failed;
    kind.check_lock(req, failed_to)?;
    // VNets are looked up before their options are checked, other sections afterwards.
    let check = |sent: &Map| kind.options.check_create(&typ, sent);
    let late = kind.only_type == "vnet";
    if !late {
        check(&sent).map_err(Refusal::die)?;
    }
    if kind.is_built_in(&id).is_some() || req.state.section(kind.section()).any(|(known, _)| *known == id) {
        return Err(failed(failed_to, Kind::worded(kind.taken, &id)));
    }
    if !typ.is_empty() {
        sent.insert("type".into(), typ.into());
    }
    (kind.on_change)(req, &id, &sent).map_err(|why| failed(failed_to, nested(&why)))?;
    req.state.section_mut(kind.section()).insert(id, kind.kept(sent));
    Ok(Reply::null())
}

fn update(req: &mut Req<'_>) -> Answer {
    let kind = the_kind(req)?;
    (kind.before)(req)?;
    let id = kind.name(req);
    let [_, failed_to, _] = kind.failed;
    kind.check_lock(req, failed_to)?;
    let (sent, gone) = (kind.sent(req), req.params.list("delete"));
    check_digest(req, &kind.digest(req)).map_err(|why| failed(failed_to, why))?;
    let Some(known) = req.state.sections.get(kind.section()).and_then(|s| s.get(&id)) else {
        return Err(match kind.path {
            "/cluster/metrics/server" => Refusal::die(format!("no such server '{id}'")),
            "/cluster/replication" => Refusal::die(format!("no such job '{id}'")),
            "/cluster/jobs/realm-sync" => Refusal::die("no such realm-sync job"),
            path if path.starts_with("/cluster/mapping/") => {
                failed(failed_to, format!("{} ID '{id}' does not exist", path.rsplit('/').next().unwrap_or_default()))
            }
            _ if kind.missing_status == 500 => failed(failed_to, kind.missing(&id).message),
            _ => kind.missing(&id),
        });
    };
    let typ = known.get("type").and_then(Value::as_str).unwrap_or_default();
    let checked = if kind.full_update {
        kind.options.check_create(typ, &sent).and_then(|()| kind.options.check_delete(typ, &sent, &gone))
    } else {
        kind.options.check_update(typ, &sent, &gone)
    };
    checked.map_err(|why| failed(failed_to, why))?;
    let mut changed = known.clone();
    for key in gone {
        changed.shift_remove(&key);
    }
    changed.extend(kind.kept(sent));
    (kind.on_change)(req, &id, &changed).map_err(|why| failed(failed_to, nested(&why)))?;
    req.state.section_mut(kind.section()).insert(id, changed);
    Ok(Reply::null())
}

fn delete(req: &mut Req<'_>) -> Answer {
    let kind = the_kind(req)?;
    (kind.before)(req)?;
    let id = kind.name(req);
    let [.., failed_to] = kind.failed;
    kind.check_lock(req, failed_to)?;
    if !req.state.section(kind.section()).any(|(known, _)| *known == id) {
        return match kind.gone {
            None => Ok(Reply::null()),
            Some(why) => {
                let status = if kind.missing_status == 404 { 404 } else { 500 };
                Err(Refusal::new(status, failed(failed_to, Kind::worded(why, &id)).message))
            }
        };
    }
    (kind.on_delete)(req, &id).map_err(|why| failed(failed_to, nested(&why)))?;
    req.state.section_mut(kind.section()).remove(&id);
    (kind.deleted)(req.state, &id);
    Ok(Reply::null())
}
