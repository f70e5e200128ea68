//! Requests as handlers receive them.

use super::{Answer, Params, Refusal};
use crate::demo::auth::{self, Who};
use crate::demo::state::{Guest, GuestKind, State, Storage};
use crate::demo::tasks::{self, TaskSpec};

/// An uploaded file.
#[derive(Debug, Clone)]
pub struct Upload {
    pub filename: String,
    pub size: u64,
    /// The digest by the algorithm that the request names, if it is supported.
    pub digest: Option<String>,
    /// The beginning of the file.
    pub start: Vec<u8>,
}

/// An authenticated request with the state.
pub struct Req<'a> {
    pub state: &'a mut State,
    pub who: &'a Who,
    pub method: &'a str,
    /// The decoded path below `/api2/json`.
    pub path: &'a str,
    /// The path template: `/nodes/{node}/status`.
    pub template: &'static str,
    pub params: Params,
    pub now_ms: i64,
    pub upload: Option<Upload>,
    /// Makes another call for the same caller.
    pub call: Call,
}

/// A function that makes a call: state, caller, method, path, parameters, time.
pub type Call = fn(&mut State, &Who, &str, &str, Params, i64) -> Answer;

impl Req<'_> {
    /// Unix seconds.
    pub fn now(&self) -> i64 {
        self.now_ms / 1000
    }

    /// Returns the node of the path, or the local one.
    pub fn node(&self) -> String {
        self.params.get("node").filter(|node| *node != "localhost").map_or_else(|| self.state.local.clone(), str::to_owned)
    }

    pub fn vmid(&self) -> u32 {
        self.params.int("vmid").and_then(|id| u32::try_from(id).ok()).unwrap_or(0)
    }

    /// Returns the guest of the path, or the error about its missing configuration file.
    pub fn guest(&self, kind: GuestKind) -> Result<&Guest, Refusal> {
        let (vmid, node) = (self.vmid(), self.node());
        self.state.guests.get(&vmid).filter(|g| g.kind == kind && g.node == node).ok_or_else(|| no_guest(kind, &node, vmid))
    }

    pub fn guest_mut(&mut self, kind: GuestKind) -> Result<&mut Guest, Refusal> {
        let (vmid, node) = (self.vmid(), self.node());
        self.state.guests.get_mut(&vmid).filter(|g| g.kind == kind && g.node == node).ok_or_else(|| no_guest(kind, &node, vmid))
    }

    pub fn storage(&self, id: &str) -> Result<&Storage, Refusal> {
        self.state.storages.get(id).ok_or_else(|| Refusal::die(format!("storage '{id}' does not exist")))
    }

    /// Checks that a pool exists; a missing one is a permission error.
    pub fn pool_exists(&self, pool: Option<&str>) -> Result<(), Refusal> {
        match pool.filter(|pool| !self.state.pools.contains_key(*pool)) {
            Some(pool) => Err(Refusal::forbidden(format!("Permission check failed (pool '{pool}' does not exist)"))),
            None => Ok(()),
        }
    }

    /// Requires all privileges on a path; the 403 names the first missing one.
    pub fn check(&self, path: &str, privileges: &[&str]) -> Result<(), Refusal> {
        auth::check(self.state, self.who, path, privileges)
    }

    /// Requires one of the privileges on a path; the 403 names all of them.
    pub fn check_any(&self, path: &str, privileges: &[&str]) -> Result<(), Refusal> {
        auth::check_any(self.state, self.who, path, privileges)
    }

    /// Whether the caller has all privileges on a path.
    pub fn may(&self, path: &str, privileges: &[&str]) -> bool {
        self.check(path, privileges).is_ok()
    }

    /// [`Req::may`] for many guests.
    pub fn on_guests<'b>(&'b self, privileges: &'b [&'b str]) -> auth::OnGuests<'b> {
        auth::OnGuests::new(self.state, self.who, privileges)
    }

    pub fn may_any(&self, path: &str, privileges: &[&str]) -> bool {
        self.check_any(path, privileges).is_ok()
    }

    /// Whether the caller is `root@pam` with a ticket.
    pub fn is_root(&self) -> bool {
        self.who.is_root()
    }

    /// Starts a task on the node of the path and returns its UPID.
    pub fn start(&mut self, spec: TaskSpec) -> Answer {
        let node = self.node();
        self.start_on(&node, spec)
    }

    pub fn start_on(&mut self, node: &str, spec: TaskSpec) -> Answer {
        let user = self.who.name();
        let upid = tasks::start(self.state, spec, node, &user, self.now_ms);
        Ok(serde_json::Value::String(upid).into())
    }
}

fn no_guest(kind: GuestKind, node: &str, vmid: u32) -> Refusal {
    Refusal::die(format!("Configuration file '{}' does not exist", kind.config_path(node, vmid)))
}
