//! Migration of a guest to another node of its cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Map, Value as Json, json};

use crate::api::GuestKind;
use crate::api::guests::MigrationTargets;
use crate::fault::{Fault, Kind, Result};
use crate::guard::tags::{self, GuardedAction};
use crate::guard::{Item, Step};
use crate::ops::bulk;
use crate::ops::guests::{self, Guest};
use crate::ops::live::{self, Live, Power};
use crate::ops::lock;
use crate::routes::Risk;
use crate::session::Session;
use crate::units;

/// How long the cluster's list may lag behind a finished task.
const LIST_LAG: Duration = Duration::from_secs(10);
/// How long the HA manager may take for a requested migration.
const HA_LIMIT: Duration = Duration::from_secs(600);

/// Options of a migration.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Whether running containers may be restarted.
    pub restart: bool,
    /// Storage on the target node for local disks [default: the same storage].
    pub storage: Option<String>,
    pub bwlimit: Option<u64>,
    /// Seconds for the shutdown of a container that is restarted.
    pub shutdown_timeout: Option<u64>,
}

/// The way a guest moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Online,
    Restart,
    Offline,
}

impl Mode {
    fn word(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Restart => "restart",
            Self::Offline => "offline",
        }
    }
}

/// What the host allows for a guest.
#[derive(Debug, Clone, Default)]
pub struct Preconditions {
    /// Nodes that can take the guest, if the host says so.
    allowed: Option<BTreeSet<String>>,
    /// Reasons against other nodes.
    against: BTreeMap<String, String>,
    /// Local disks with their sizes.
    pub local_disks: Vec<(String, u64)>,
    resources: Vec<String>,
    /// HA resources that move along.
    along: Vec<String>,
}

impl Preconditions {
    fn of(seen: MigrationTargets) -> Self {
        let against = seen.not_allowed.iter().filter_map(|(node, why)| Some((node.clone(), reason(why)?))).collect();
        let disk = |disk: &Json| {
            let size = disk.get("size").and_then(crate::api::lenient::integer).and_then(|size| u64::try_from(size).ok());
            let cdrom = disk.get("cdrom").and_then(crate::api::lenient::integer) == Some(1);
            Some((disk.get("volid")?.as_str()?.to_owned(), size.unwrap_or_default())).filter(|_| !cdrom)
        };
        Self {
            allowed: seen.allowed.map(|nodes| nodes.into_iter().collect()),
            against,
            local_disks: seen.local_disks.iter().filter_map(disk).collect(),
            resources: seen.local_resources,
            along: seen.dependent,
        }
    }

    /// Returns the reason against a node, if there is one.
    pub fn against(&self, node: &str, options: &Options) -> Option<String> {
        if !self.resources.is_empty() {
            return Some(format!("it uses local devices: {}", self.resources.join(", ")));
        }
        let reason = self.against.get(node);
        let storages_only = reason.is_none_or(|reason| reason.starts_with(MISSING));
        if options.storage.is_some() && storages_only {
            return None;
        }
        match &self.allowed {
            Some(allowed) if !allowed.contains(node) => Some(reason.cloned().unwrap_or_else(|| "the host does not allow it".to_owned())),
            _ => reason.cloned(),
        }
    }
}

const MISSING: &str = "storages missing there: ";

/// Returns the host's reason against a node; an empty object is none.
fn reason(why: &Json) -> Option<String> {
    let words = |key: &str| why.get(key).and_then(Json::as_array).filter(|list| !list.is_empty());
    if let Some(storages) = words("unavailable_storages") {
        let names: Vec<&str> = storages.iter().filter_map(Json::as_str).collect();
        return Some(format!("{MISSING}{}", names.join(", ")));
    }
    if let Some(blocking) = words("blocking-ha-resources") {
        let names: Vec<&str> = blocking.iter().filter_map(|one| one.get("sid")?.as_str()).collect();
        return Some(format!("HA rules exclude it: {}", names.join(", ")));
    }
    let other: Vec<&str> = why.as_object()?.keys().map(String::as_str).collect();
    (!other.is_empty()).then(|| format!("the host reports {}", other.join(", ")))
}

/// Asks the host where a guest can be migrated to.
pub fn preconditions(session: &Session, guest: &Guest) -> Result<Preconditions> {
    guests::with_place(session, guest, |place| session.client()?.get(&place.migration_targets())).map(Preconditions::of)
}

/// Prepares the migration. Refusals are returned as errors.
pub fn prepare(session: &Session, guest: &Guest, node: &str, options: &Options, item: Item) -> Result<Item> {
    let item = item.extra("to", node);
    if guest.node == node {
        return Ok(item.unchanged());
    }
    let live = lock::wait(session, guest, &[])?;
    let seen = preconditions(session, guest)?;
    prepare_with(session, guest, node, options, item, &live, &seen)
}

/// Prepares the migration with known preconditions.
pub fn prepare_with(
    session: &Session,
    guest: &Guest,
    node: &str,
    options: &Options,
    item: Item,
    live: &Live,
    seen: &Preconditions,
) -> Result<Item> {
    if let Some(reason) = seen.against(node, options) {
        let fault = Fault::refused(format!("{} cannot be migrated to {node}: {reason}", guest.label()));
        return Err(if reason.starts_with(MISSING) {
            fault.with_hint("add --target-storage with a storage of that node")
        } else {
            fault.with_hint(format!(
                "choose another node, or check with `felhom api get /nodes/{}/{}/{}/migrate`",
                guest.node, guest.kind, guest.vmid
            ))
        });
    }
    let mode = mode(guest, live.power, options)?;
    let tags = Some(&live.tags[..]).filter(|_| mode == Mode::Restart);
    if let Some(fault) =
        tags.and_then(|tags| tags::refusal(&session.rules, &session.tags, &guest.target(), Some(tags), GuardedAction::Reboot))
    {
        return Err(fault);
    }
    let item = item.fact("status", live.power.word()).extra("from", guest.node.as_str()).extra("mode", mode.word());
    let item = item.touches(format!("{} → {node}, {}", guest.node, mode.word()));
    let item = match mode {
        Mode::Restart => item.risk(Risk::Disruptive).caution("the container is shut down, and started on the target node"),
        Mode::Online | Mode::Offline => item.risk(Risk::Safe),
    };
    let item = match seen.local_disks.len() {
        0 => item,
        count => {
            let size: u64 = seen.local_disks.iter().map(|(_, size)| size).sum();
            let target = options.storage.as_deref().map(|id| format!(" to '{id}'")).unwrap_or_default();
            item.touches(format!("{count} local disk{} ({}) copied{target}", if count == 1 { "" } else { "s" }, units::bytes(size)))
        }
    };
    let item = if seen.along.is_empty() { item } else { item.caution(format!("HA rules move these along: {}", seen.along.join(", "))) };
    let item = match &live.ha {
        Some(_) => item.extra("ha", true).caution("managed by high availability, which carries out the migration"),
        None => item,
    };
    Ok(item.step(Step::call("migrate", call(guest, node, mode, options, !seen.local_disks.is_empty()))))
}

fn mode(guest: &Guest, power: Power, options: &Options) -> Result<Mode> {
    match (guest.kind, power) {
        (_, Power::Stopped | Power::Suspended) => Ok(Mode::Offline),
        (GuestKind::Qemu, _) => Ok(Mode::Online),
        (GuestKind::Lxc, _) if options.restart => Ok(Mode::Restart),
        (GuestKind::Lxc, _) => Err(Fault::refused(format!("{} is running, and containers cannot be migrated online", guest.label()))
            .with_hint("add --restart to shut it down and start it on the target node")),
    }
}

fn call(guest: &Guest, node: &str, mode: Mode, options: &Options, local_disks: bool) -> crate::api::Call<Json> {
    let call = guest.place().migrate().with("target", node).with_some("bwlimit", options.bwlimit);
    match guest.kind {
        GuestKind::Lxc => call
            .with_set("restart", mode == Mode::Restart)
            .with_some("timeout", options.shutdown_timeout.filter(|_| mode == Mode::Restart))
            .with_some("target-storage", options.storage.as_ref()),
        GuestKind::Qemu => call
            .with_set("online", mode == Mode::Online)
            .with_set("with-local-disks", mode == Mode::Online && local_disks)
            .with_some("targetstorage", options.storage.as_ref()),
    }
}

/// Verifies that the guest is on the node, in the state that it had.
pub fn verify(session: &Session, guest: &Guest, node: &str, ha: bool, running: bool) -> Result<Map<String, Json>> {
    let limit = if ha { session.waits.timeout.unwrap_or(HA_LIMIT) } else { LIST_LAG };
    if ha {
        session.person.note(&format!("HA accepted the request; waiting for {} on {node}", guest.label()));
    }
    let at = bulk::on_node(session, guest, node, limit)?;
    if at != node {
        let kind = if ha { Kind::Unfinished } else { Kind::Other };
        let place = if at.is_empty() { "on no node".to_owned() } else { format!("on {at}") };
        return Err(Fault::new(kind, format!("task succeeded, but {} is {place}", guest.label()))
            .with_hint(format!("check it with `felhom guest show {}`", guest.vmid)));
    }
    if running {
        let moved = Guest { node: node.to_owned(), ..guest.clone() };
        let (now, there) = live::until(session, &moved, Duration::from_secs(30), Live::running)?;
        if !there {
            return Err(Fault::other(format!("{} is on {node}, but {}", guest.label(), now.power.word()))
                .with_hint(format!("start it with `felhom guest start {}`", guest.vmid)));
        }
    }
    Ok(Map::from_iter([("node".to_owned(), json!(node))]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_reasons_are_read() {
        let seen: MigrationTargets = serde_json::from_value(json!({
            "allowed_nodes": ["pve2"], "running": 1, "local_resources": [],
            "local_disks": [{"volid": "local-lvm:vm-201-disk-0", "size": 1024, "cdrom": 0}, {"volid": "none", "cdrom": 1}],
            "not_allowed_nodes": {"pve2": {}, "pve3": {"unavailable_storages": ["nas"]}, "pve4": {"blocking-ha-resources": [{"sid": "vm:1"}]}},
        }))
        .expect("as the host answers");
        let seen = Preconditions::of(seen);
        let against =
            |node: &str, storage: Option<&str>| seen.against(node, &Options { storage: storage.map(str::to_owned), ..Options::default() });
        assert_eq!(against("pve2", None), None);
        assert_eq!(against("pve3", None).as_deref(), Some("storages missing there: nas"));
        assert_eq!(against("pve3", Some("local-lvm")), None);
        assert_eq!(against("pve4", Some("local-lvm")).as_deref(), Some("HA rules exclude it: vm:1"));
        assert!(against("pve5", None).is_some());
        assert_eq!(seen.local_disks, [("local-lvm:vm-201-disk-0".to_owned(), 1024)]);
    }
}
