//! A cluster without quorum: reads work, changes fail with one of three messages, depending on the file that they write.

use super::api::{Refusal, Reply, Req};
use super::state::State;
use super::tasks::TaskSpec;

impl State {
    /// Whether a majority of the nodes is online.
    pub fn quorate(&self) -> bool {
        self.cluster.is_none() || self.nodes.values().filter(|node| node.online).count() * 2 > self.nodes.len()
    }

    /// Returns the error about a file below `/etc/pve` that cannot be written.
    pub fn unwritable(&self, path: &str) -> String {
        format!("unable to open file '/etc/pve/{path}.tmp.{}' - Permission denied", self.next_pid)
    }
}

/// Returns the result of a change without quorum; `None` if it requires no quorum.
pub(super) fn refuse(req: &mut Req<'_>) -> Option<Result<Reply, Refusal>> {
    if req.method == "GET" || req.state.quorate() {
        return None;
    }
    let template = req.template;
    if let Some(what) = template.strip_prefix("/nodes/{node}/lxc").or_else(|| template.strip_prefix("/nodes/{node}/qemu")) {
        return guest(req, what);
    }
    if template.starts_with("/access/ticket") || template.starts_with("/nodes/") {
        return None;
    }
    let (file, failed_to) = match (req.method, template) {
        ("POST", "/pools") => ("user", "create pool failed: "),
        ("PUT", "/access/acl") => ("user", "ACL update failed: "),
        ("POST", "/access/users") => ("user", "create user failed: "),
        _ if template.starts_with("/access") || template.starts_with("/pools") => ("user", ""),
        _ if template.starts_with("/storage") => ("storage", ""),
        _ => ("datacenter", ""),
    };
    Some(Err(Refusal::die(format!("{failed_to}cfs-lock 'file-{file}_cfg' error: no quorum!"))))
}

fn guest(req: &mut Req<'_>, what: &str) -> Option<Result<Reply, Refusal>> {
    let lxc = req.template.contains("/lxc");
    let kind = if lxc { crate::demo::state::GuestKind::Lxc } else { crate::demo::state::GuestKind::Qemu };
    let vmid = req.vmid();
    let verb = match (req.method, what) {
        (_, "" | "/{vmid}/status/start" | "/{vmid}/migrate" | "/{vmid}/clone") => {
            return Some(Err(Refusal::die("cluster not ready - no quorum?")));
        }
        ("POST", "/{vmid}/snapshot") => "snapshot",
        ("DELETE", "/{vmid}/snapshot/{snapname}") => "delsnapshot",
        ("POST", "/{vmid}/snapshot/{snapname}/rollback") => "rollback",
        ("DELETE", "/{vmid}") => "destroy",
        (_, "/{vmid}/config" | "/{vmid}/resize" | "/{vmid}/move_disk" | "/{vmid}/move_volume" | "/{vmid}/template") => "",
        // Stopping a guest writes no configuration.
        _ => return None,
    };
    let words = match req.guest(kind) {
        Ok(guest) => req.state.unwritable(&kind.config_path(&guest.node, vmid)),
        Err(_) => return None,
    };
    if verb.is_empty() {
        return Some(Err(Refusal::die(words)));
    }
    let prefix = if lxc { "vz" } else { "qm" };
    Some(req.start(TaskSpec::new(format!("{prefix}{verb}"), vmid).takes(0.2).fail(words)))
}
