//! Ceph: daemons, OSDs, pools, file systems, flags and configuration of the cluster.

mod config;
mod daemons;
mod filesystems;
mod flags;
mod osd;
mod osd_change;
mod pool_settings;
mod pools;
mod services;
mod status;

use serde_json::Value;

use super::{Refusal, Req, Route};
use crate::demo::state::{Map, State, text};

pub(super) const ROUTES: &[&[Route]] = &[
    config::ROUTES,
    daemons::ROUTES,
    filesystems::ROUTES,
    flags::ROUTES,
    osd::ROUTES,
    osd_change::ROUTES,
    pools::ROUTES,
    services::ROUTES,
    status::ROUTES,
];

/// The section with the version that each node has installed.
const INSTALLED: &str = "ceph-installed";
/// The sections of `ceph.conf`.
const CONF: &str = "ceph-conf";
const OSD: &str = "ceph-osd";
const POOL: &str = "ceph-pool";
const FILESYSTEM: &str = "ceph-fs";
const FLAG: &str = "ceph-flag";

const VERSION: &str = "19.2.3-pve2";
const LONG_VERSION: &str = "ceph version 19.2.3-pve2 (7b4e5a1f0d6c4a9e8c2b7f3d1e0a9b8c7d6e5f40) squid (stable)";

/// Refuses the call on a node without Ceph.
fn ready(req: &Req<'_>) -> Result<(), Refusal> {
    if !is_installed(req) {
        return Err(Refusal::die("binary not installed: /usr/bin/ceph-mon"));
    }
    if req.state.section(CONF).next().is_none() {
        let why = "pveceph configuration not initialized - missing '/etc/pve/ceph.conf', missing '/etc/pve/ceph'";
        return Err(Refusal::die(why));
    }
    Ok(())
}

fn is_installed(req: &Req<'_>) -> bool {
    let node = node(req);
    req.state.section(INSTALLED).any(|(name, _)| *name == node)
}

/// The node of the path, or the one that answers.
fn node(req: &Req<'_>) -> String {
    let node = req.node();
    if node == "localhost" { req.state.local.clone() } else { node }
}

fn section<'a>(state: &'a State, section: &str, id: &str) -> Option<&'a Map> {
    state.sections.get(section)?.get(id)
}

fn number(config: &Map, key: &str) -> i64 {
    config.get(key).and_then(Value::as_i64).unwrap_or(0)
}

fn is_running(config: &Map) -> bool {
    config.get("running").and_then(Value::as_bool).unwrap_or(false)
}

/// A command that the monitors refuse.
fn mon_error(command: &str, why: impl std::fmt::Display) -> String {
    format!("error with '{command}': mon_cmd failed - {why}")
}
