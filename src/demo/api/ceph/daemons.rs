//! Monitors, managers and metadata servers.

use serde_json::{Value, json};

use super::{CONF, LONG_VERSION, VERSION, is_running, node, ready, section, text};
use crate::demo::api::{Answer, Refusal, Req, Route};
use crate::demo::state::{Map, State, map};
use crate::demo::tasks::{Effect, TaskSpec};

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/nodes/{node}/ceph/mon", |req| list(req, Kind::Mon)),
    ("POST", "/nodes/{node}/ceph/mon/{monid}", |req| create(req, Kind::Mon)),
    ("DELETE", "/nodes/{node}/ceph/mon/{monid}", |req| destroy(req, Kind::Mon)),
    ("GET", "/nodes/{node}/ceph/mgr", |req| list(req, Kind::Mgr)),
    ("POST", "/nodes/{node}/ceph/mgr/{id}", |req| create(req, Kind::Mgr)),
    ("DELETE", "/nodes/{node}/ceph/mgr/{id}", |req| destroy(req, Kind::Mgr)),
    ("GET", "/nodes/{node}/ceph/mds", |req| list(req, Kind::Mds)),
    ("POST", "/nodes/{node}/ceph/mds/{name}", |req| create(req, Kind::Mds)),
    ("DELETE", "/nodes/{node}/ceph/mds/{name}", |req| destroy(req, Kind::Mds)),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Mon,
    Mgr,
    Mds,
}

impl Kind {
    pub(super) const ALL: [Self; 3] = [Self::Mon, Self::Mgr, Self::Mds];

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Mon => "mon",
            Self::Mgr => "mgr",
            Self::Mds => "mds",
        }
    }

    /// The section of the state.
    pub(super) fn section(self) -> &'static str {
        match self {
            Self::Mon => "ceph-mon",
            Self::Mgr => "ceph-mgr",
            Self::Mds => "ceph-mds",
        }
    }

    /// The parameter with the daemon's name.
    fn id(self) -> &'static str {
        match self {
            Self::Mon => "monid",
            Self::Mgr => "id",
            Self::Mds => "name",
        }
    }

    fn folder(self, id: &str) -> String {
        format!("/var/lib/ceph/{}/ceph-{id}", self.word())
    }
}

/// The names of the running daemons of a kind, in order.
pub(super) fn running(state: &State, kind: Kind) -> Vec<&str> {
    state.section(kind.section()).filter(|(_, daemon)| is_running(daemon)).map(|(name, _)| name.as_str()).collect()
}

/// The rank of a monitor.
fn rank(state: &State, name: &str) -> usize {
    state.section(Kind::Mon.section()).position(|(id, _)| id == name).unwrap_or(0)
}

/// The file system that a metadata server is active for: the first ones serve, the others stand by.
pub(super) fn served<'a>(state: &'a State, name: &str) -> Option<&'a str> {
    let position = running(state, Kind::Mds).iter().position(|id| *id == name)?;
    state.section(super::FILESYSTEM).nth(position).map(|(fs, _)| fs.as_str())
}

/// A daemon as the lists show it.
pub(super) fn row(state: &State, kind: Kind, name: &str, daemon: &Map) -> Map {
    let mut row = map(json!({
        "name": name, "host": text(daemon, "node"), "addr": text(daemon, "addr"), "service": 1, "direxists": 1, "state": "stopped",
    }));
    if !is_running(daemon) {
        return row;
    }
    row.extend(map(json!({ "ceph_version": LONG_VERSION, "ceph_version_short": VERSION })));
    match kind {
        Kind::Mon => row.extend(map(json!({ "state": "running", "quorum": 1, "rank": rank(state, name) }))),
        Kind::Mgr => {
            let active = running(state, kind).first() == Some(&name);
            row.insert("state".into(), if active { "active" } else { "standby" }.into());
        }
        Kind::Mds => match served(state, name) {
            Some(fs) => row.extend(map(json!({ "state": "up:active", "fs_name": fs, "rank": 0, "standby_replay": 0 }))),
            None => row.extend(map(json!({ "state": "up:standby", "rank": -1, "standby_replay": 0 }))),
        },
    }
    row
}

fn list(req: &mut Req<'_>, kind: Kind) -> Answer {
    ready(req)?;
    let rows = req.state.section(kind.section()).map(|(name, daemon)| Value::Object(row(req.state, kind, name, daemon)));
    Ok(rows.collect::<Value>().into())
}

fn create(req: &mut Req<'_>, kind: Kind) -> Answer {
    ready(req)?;
    let (node, id) = (node(req), req.params.text(kind.id()).to_owned());
    let task = TaskSpec::new(format!("cephcreate{}", kind.word()), format!("{}.{id}", kind.word()));
    let exists = section(req.state, kind.section(), &id).is_some();
    let ip = req.state.nodes[&node].ip.clone();
    let addr = match kind {
        Kind::Mon => req.params.get("mon-address").map_or(ip, str::to_owned),
        _ => ip,
    };
    match kind {
        Kind::Mon => check_mon(req, &id, &addr, exists)?,
        Kind::Mds if id.starts_with(|c: char| c.is_ascii_digit()) => {
            return Err(Refusal::die("ID of the MDS cannot start with a number!"));
        }
        Kind::Mds if exists => return req.start(task.fail(format!("MDS '{id}' already referenced in ceph config, abort!"))),
        Kind::Mgr if exists => {
            return req.start(task.fail(format!("ceph manager directory '{}' already exists", kind.folder(&id))));
        }
        _ => {}
    }
    let task = match kind {
        Kind::Mon => task.log("Configuring keyring for ceph-crash.service"),
        Kind::Mgr => task
            .log(format!("creating manager directory '{}'", kind.folder(&id)))
            .log(format!("creating keys for 'mgr.{id}'"))
            .log("setting owner for directory")
            .log(format!("enabling service 'ceph-mgr@{id}.service'")),
        Kind::Mds => task.log(format!("creating MDS directory '{}'", kind.folder(&id))),
    };
    let port = if kind == Kind::Mon { 6789 } else { 6801 };
    let daemon = map(json!({ "node": node, "addr": format!("{addr}:{port}/0"), "running": true }));
    let conf = Effect::put_section(CONF, format!("{}.{id}", kind.word()), map(json!({ "host": node, "public_addr": addr })));
    req.start(task.takes(2.0).then(conf).then(Effect::put_section(kind.section(), id, daemon)).ok())
}

fn check_mon(req: &Req<'_>, id: &str, addr: &str, exists: bool) -> Result<(), Refusal> {
    if exists {
        return Err(Refusal::die(format!("monitor '{id}' already exists")));
    }
    let taken = req.state.section(Kind::Mon.section()).any(|(_, mon)| text(mon, "addr").split(':').next() == Some(addr));
    if taken { Err(Refusal::die(format!("monitor address '{addr}' already in use"))) } else { Ok(()) }
}

fn destroy(req: &mut Req<'_>, kind: Kind) -> Answer {
    ready(req)?;
    let (node, id) = (node(req), req.params.text(kind.id()).to_owned());
    let here = section(req.state, kind.section(), &id).filter(|daemon| text(daemon, "node") == node).is_some();
    let task = TaskSpec::new(format!("cephdestroy{}", kind.word()), format!("{}.{id}", kind.word()));
    let folder = kind.folder(&id);
    let task = match kind {
        Kind::Mon => {
            if section(req.state, kind.section(), &id).is_none() {
                return Err(Refusal::die(format!("no such monitor id '{id}'")));
            }
            if !here {
                return Err(Refusal::die(format!("monitor filesystem '{folder}' does not exist on this node")));
            }
            if req.state.section(kind.section()).count() <= 1 {
                return Err(Refusal::die("can't remove last monitor"));
            }
            task
        }
        Kind::Mgr if !here => return req.start(task.fail(format!("ceph manager directory '{folder}' not found"))),
        Kind::Mgr => task
            .log(format!("disabling service 'ceph-mgr@{id}.service'"))
            .log(format!("stopping service 'ceph-mgr@{id}.service'"))
            .log(format!("removing manager directory '{folder}'"))
            .log(format!("removing authkeys for mgr.{id}")),
        Kind::Mds => task
            .log(format!("disabling service 'ceph-mds@{id}.service'"))
            .log(format!("stopping service 'ceph-mds@{id}.service'"))
            .log(format!("removing ceph-mds directory '{folder}'"))
            .log(format!("removing ceph auth for 'mds.{id}'")),
    };
    let conf = Effect::remove_section(CONF, format!("{}.{id}", kind.word()));
    req.start(task.takes(1.5).then(conf).then(Effect::remove_section(kind.section(), id)).ok())
}
