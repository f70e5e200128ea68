//! APT repositories: the files, and the standard repositories that can be added.

use serde_json::{Value, json};

use super::the_node;
use crate::demo::api::section::MODIFIED;
use crate::demo::api::{Answer, Refusal, Reply, Req, Route};
use crate::demo::state::{Map, map, sha1_hex};

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/nodes/{node}/apt/repositories", list),
    ("PUT", "/nodes/{node}/apt/repositories", add),
    ("POST", "/nodes/{node}/apt/repositories", change),
];

/// The section of the added repositories and of the disabled ones, by node.
const SECTION: &str = "apt-repositories";
const SOURCES: &str = "/etc/apt/sources.list";
const PROXMOX: &str = "http://download.proxmox.com/debian";
const ENTERPRISE: &str = "https://enterprise.proxmox.com/debian";

/// A standard repository: handle, name, description, file, address, component.
struct Standard(&'static str, &'static str, &'static str, &'static str, &'static str, &'static str);

const STANDARD: &[Standard] = &[
    Standard("enterprise", "Enterprise", "The stable repository for subscribers.", "pve-enterprise", "pve", "pve-enterprise"),
    Standard("no-subscription", "No-Subscription", "For testing and use without a subscription.", "proxmox", "pve", "pve-no-subscription"),
    Standard("test", "Test", "The latest packages, for test labs.", "pve-test", "pve", "pve-test"),
    Standard("ceph-squid-enterprise", "Ceph Squid Enterprise", "Production-ready Ceph Squid packages.", "ceph", "ceph-squid", "enterprise"),
    Standard(
        "ceph-squid-no-subscription",
        "Ceph Squid No-Subscription",
        "Ceph Squid packages without a subscription.",
        "ceph",
        "ceph-squid",
        "no-subscription",
    ),
    Standard(
        "ceph-squid-test",
        "Ceph Squid Test",
        "Ceph Squid packages before they reach the main repository.",
        "ceph",
        "ceph-squid",
        "test",
    ),
];

impl Standard {
    fn path(&self) -> String {
        format!("/etc/apt/sources.list.d/{}.sources", self.3)
    }

    fn repository(&self) -> Value {
        let host = if self.0.ends_with("enterprise") { ENTERPRISE } else { PROXMOX };
        entry("sources", &format!("{host}/{}", self.4), "trixie", self.5)
    }
}

fn entry(format: &str, uri: &str, suite: &str, component: &str) -> Value {
    json!({ "Enabled": 1, "FileType": format, "Types": ["deb"], "URIs": [uri], "Suites": [suite], "Components": [component] })
}

/// Returns the repositories of the node, by file.
fn files(req: &Req<'_>) -> Map {
    let debian = [
        entry("list", "http://deb.debian.org/debian", "trixie", "main"),
        entry("list", "http://security.debian.org/debian-security", "trixie-security", "main"),
    ];
    let known = req.state.sections.get(SECTION).and_then(|nodes| nodes.get(&the_node(req).name));
    known.cloned().unwrap_or_else(|| map(json!({ SOURCES: debian })))
}

fn keep(req: &mut Req<'_>, files: Map) -> Answer {
    let node = the_node(req).name.clone();
    req.state.section_mut(SECTION).insert(node, files);
    Ok(Reply::null())
}

fn digest(files: &Map) -> String {
    sha1_hex(&json!(files).to_string())
}

fn check_digest(req: &Req<'_>, files: &Map) -> Result<(), Refusal> {
    match req.params.get("digest") {
        Some(given) if given != digest(files) => Err(Refusal::die(MODIFIED)),
        _ => Ok(()),
    }
}

/// Returns the configured entry of a standard repository.
fn configured<'a>(files: &'a mut Map, standard: &Standard) -> Option<&'a mut Value> {
    let wanted = standard.repository();
    let same = |row: &Value| row["URIs"] == wanted["URIs"] && row["Components"] == wanted["Components"];
    files.values_mut().filter_map(Value::as_array_mut).flatten().find(|row| same(row))
}

fn list(req: &mut Req<'_>) -> Answer {
    let mut files = files(req);
    let standard: Vec<Value> = STANDARD
        .iter()
        .map(|standard| {
            let mut row = json!({ "handle": standard.0, "name": standard.1, "description": standard.2 });
            if let Some(known) = configured(&mut files, standard) {
                row["status"] = known["Enabled"].clone();
            }
            row
        })
        .collect();
    let rows = |path: &str| files[path].as_array().map_or(0, Vec::len);
    let origin = |path: &str| if path == SOURCES { "Debian" } else { "Proxmox" };
    let infos: Vec<Value> = files
        .keys()
        .flat_map(|path| {
            (0..rows(path)).map(move |index| json!({ "path": path, "index": index, "kind": "origin", "message": origin(path) }))
        })
        .collect();
    let shown: Vec<Value> = files
        .iter()
        .map(|(path, rows)| {
            let bytes: Vec<u8> = sha1_hex(path).bytes().take(32).collect();
            json!({ "path": path, "file-type": if path == SOURCES { "list" } else { "sources" }, "digest": bytes, "repositories": rows })
        })
        .collect();
    Ok(json!({ "digest": digest(&files), "errors": [], "files": shown, "infos": infos, "standard-repos": standard }).into())
}

/// Adds a standard repository, or enables it if it is disabled.
fn add(req: &mut Req<'_>) -> Answer {
    let handle = req.params.text("handle");
    let Some(standard) = STANDARD.iter().find(|standard| standard.0 == handle) else {
        return Err(Refusal::die(format!("unknown repository handle '{handle}'")));
    };
    let mut files = files(req);
    check_digest(req, &files)?;
    if let Some(known) = configured(&mut files, standard) {
        known["Enabled"] = 1.into();
    } else if let Some(rows) = files.entry(standard.path()).or_insert_with(|| json!([])).as_array_mut() {
        rows.push(standard.repository());
    }
    keep(req, files)
}

fn change(req: &mut Req<'_>) -> Answer {
    let (path, index) = (req.params.text("path").to_owned(), req.params.int("index").unwrap_or(0));
    let mut files = files(req);
    check_digest(req, &files)?;
    let Some(rows) = files.get_mut(&path).and_then(Value::as_array_mut) else {
        return Err(Refusal::die(format!("invalid path: {path}")));
    };
    let Some(row) = usize::try_from(index).ok().and_then(|index| rows.get_mut(index)) else {
        return Err(Refusal::die(format!("invalid index: {index}")));
    };
    if let Some(enabled) = req.params.bool("enabled") {
        row["Enabled"] = u8::from(enabled).into();
    }
    keep(req, files)
}
