//! Creating backups: preparing the change for each guest.

use std::collections::BTreeMap;

use clap::ValueEnum;
use serde_json::{Map, Value as Json};

use crate::api::storage::{self, Storage};
use crate::api::{Form, GuestKind, Property, Value, backup, cluster, lenient};
use crate::fault::{Fault, Kind, Result};
use crate::guard::plan::holds;
use crate::guard::{Change, Item, Step};
use crate::ops::backup::Keep;
use crate::ops::backup::archive::Archive;
use crate::ops::backup::scope::{self, Consistency, Mode, Part};
use crate::ops::backup::store::{self, PerNode};
use crate::ops::guests::{self, Guest};
use crate::ops::{live, lock};
use crate::routes::{Grant, Risk};
use crate::session::Session;
use crate::units;

/// Compression of a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Compress {
    Zstd,
    Gzip,
    Lzo,
    None,
}

impl Compress {
    pub fn word(self) -> &'static str {
        match self {
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
            Self::Lzo => "lzo",
            Self::None => "0",
        }
    }
}

/// Notification mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Notify {
    /// Notify the cluster's targets, once per guest
    Always,
    /// Mail root of the node, only about failures
    Failure,
    /// Do not notify
    Never,
}

impl Notify {
    /// The host's parameters. The notification system has no "failures only" for a single call; the legacy mail mode has, and sends
    /// nothing without an address.
    pub fn params(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Always => &[("notification-mode", "notification-system")],
            Self::Failure => &[("notification-mode", "legacy-sendmail"), ("mailnotification", "failure"), ("mailto", "root")],
            Self::Never => &[("notification-mode", "legacy-sendmail")],
        }
    }
}

/// Options of the backups.
#[derive(Debug, Clone)]
pub struct Options {
    pub mode: Mode,
    pub storage: Option<String>,
    pub compress: Compress,
    pub notes: Option<String>,
    pub protect: bool,
    pub keep: Option<Keep>,
    /// KiB/s.
    pub bwlimit: Option<u64>,
    pub notify: Notify,
    /// Number of nodes that work in parallel.
    pub jobs: usize,
    /// Other settings of a scheduled job.
    pub more: Vec<(String, Value)>,
}

/// The state of a guest before its backup.
struct GuestState {
    config: Result<Map<String, Json>>,
    running: bool,
    agent: bool,
    lock: Option<Fault>,
    /// Its HA state, if it is managed by HA.
    ha: Option<String>,
}

/// Prepares the backups of these guests.
pub fn plan(session: &Session, chosen: &[Guest], options: &Options) -> Result<Change> {
    may_limit(session, options)?;
    let stores = store::per_node(session, chosen.iter().map(|guest| guest.node.as_str()))?;
    let storage = store::choose(&stores, options.storage.as_deref())?;
    let states = live::each(chosen, |guest| read_state(session, guest, options.mode));
    let known = known_archives(session, &stores, &storage);
    let words: Vec<String> = chosen.iter().map(Guest::label).collect();
    let mut change = Change::new(match &words[..] {
        [one] => format!("back up {one} to {storage}"),
        many => format!("back up {} guests to {storage}", many.len()),
    });
    change.jobs = options.jobs;
    for (guest, state) in chosen.iter().zip(states) {
        change.items.push(item(session, guest, state, options, &storage, &stores, &known));
    }
    warn_of_space(session, chosen, &change, &stores, &storage, &known);
    Ok(change)
}

/// Checks the privilege that the host requires for a bandwidth limit.
fn may_limit(session: &Session, options: &Options) -> Result<()> {
    if options.bwlimit.is_none() {
        return Ok(());
    }
    let grant = Grant { path: "/".into(), privilege: "Sys.Modify".into() };
    let held = session.client()?.get(&cluster::permissions())?;
    if holds(&held, &grant) {
        return Ok(());
    }
    let mut fault = Fault::new(Kind::Denied, "--bwlimit needs Sys.Modify on /, which the token lacks; no request was sent")
        .with_hint("omit --bwlimit: the limits of the storage and the cluster apply anyway");
    (fault.path, fault.privilege) = (Some(grant.path), Some(grant.privilege));
    Err(fault)
}

fn read_state(session: &Session, guest: &Guest, mode: Mode) -> GuestState {
    let (now, locked) = match lock::wait(session, guest, &[]) {
        Ok(live) => (Some(live), None),
        Err(fault) if fault.kind == Kind::Locked => (None, Some(fault)),
        // Other errors are reported by the backup itself.
        Err(_) => (None, None),
    };
    let ha = now.as_ref().and_then(|live| live.ha.clone());
    let running = now.map_or_else(|| guest.running(), |live| live.running());
    let config = guests::with_place(session, guest, |place| session.client()?.get(&place.config()));
    let agent = running && mode == Mode::Snapshot && guest.kind == GuestKind::Qemu && agent_answers(session, guest, &config);
    GuestState { config, running, agent, lock: locked, ha }
}

/// Whether the guest agent is enabled, may freeze file systems, and answers.
fn agent_answers(session: &Session, guest: &Guest, config: &Result<Map<String, Json>>) -> bool {
    let Some(text) = config.as_ref().ok().and_then(|config| config.get("agent")).and_then(lenient::text) else { return false };
    let agent = Property::parse(Form::Default("enabled"), &text);
    let freezes = agent.get("freeze-fs-on-backup").is_none() || agent.flag("freeze-fs-on-backup");
    agent.flag("enabled") && freezes && session.client().and_then(|client| client.get_once(&guest.place().agent_interfaces())).is_ok()
}

/// Returns the backups on the storage by guest, latest first, to estimate sizes.
fn known_archives(session: &Session, stores: &PerNode, storage: &str) -> BTreeMap<u32, Vec<Archive>> {
    let mut known: BTreeMap<u32, Vec<Archive>> = BTreeMap::new();
    for (node, answer) in stores {
        let Ok(list) = answer else { continue };
        let Some(found) = list.iter().find(|s| s.storage == storage && s.active) else { continue };
        let call = storage::content(node, storage).with("content", "backup");
        let volumes = session.client().and_then(|client| client.get(&call)).unwrap_or_default();
        for archive in volumes.into_iter().map(|volume| Archive::of(&session.context, node, volume)) {
            known.entry(archive.vmid.unwrap_or_default()).or_default().push(archive);
        }
        if found.shared {
            break;
        }
    }
    known.values_mut().for_each(|list| list.sort_by_key(|archive| -archive.ctime));
    known
}

fn item(
    session: &Session,
    guest: &Guest,
    state: GuestState,
    options: &Options,
    storage: &str,
    stores: &PerNode,
    known: &BTreeMap<u32, Vec<Archive>>,
) -> Item {
    let consistency = Consistency::expected(options.mode, state.running, state.agent);
    let mut item = Item::new("backup", guest.target())
        .lane(&guest.node)
        .fact("status", if state.running { "running" } else { "stopped" })
        .extra("mode", options.mode.word())
        .extra("consistency", consistency.word())
        .extra("storage", storage)
        .extra("archive", Json::Null)
        .extra("size_bytes", Json::Null);
    let parts = state.config.as_ref().map(|config| scope::of(guest.kind, config)).unwrap_or_default();
    item = item.extra("included", named(&parts, true)).extra("excluded", named(&parts, false));
    match &state.config {
        Ok(_) => {
            let holds = format!("{}: {}; {}", guest.label(), scope::line(&parts), consistency_text(consistency));
            session.person.note(&holds);
            item = item.touches(holds);
        }
        Err(fault) => item = item.caution(format!("cannot determine what the backup includes: {}", fault.message)),
    }
    let found = match stores.get(&guest.node) {
        Some(Ok(list)) => store::check(list, storage, &guest.node, "backup"),
        Some(Err(fault)) => Err(fault.clone()),
        None => Err(Fault::other(format!("the storages of {} are not known", guest.node))),
    };
    let found = match found {
        Ok(found) => found,
        Err(fault) => return item.refused(fault),
    };
    if let Some(fault) = state.lock {
        return item.refused(fault);
    }
    // The host reports this only in the task.
    if options.mode == Mode::Stop && state.ha.as_ref().is_some_and(|state| !matches!(state.as_str(), "ignored" | "disabled")) {
        return item.refused(
            Fault::refused(format!("{} is managed by HA, which allows no backup in stop mode", guest.label()))
                .with_hint(format!("use --mode snapshot, or set the HA resource of {} to `ignored` for the backup", guest.vmid)),
        );
    }
    if state.running && options.mode != Mode::Snapshot {
        let what = if options.mode == Mode::Stop { "is stopped during the backup" } else { "is suspended for a moment" };
        item = item.risk(Risk::Disruptive).caution(format!("{} {what}", guest.label()));
    }
    if let Some(keep) = &options.keep {
        let count = known.get(&guest.vmid).map_or(0, Vec::len);
        item = item.loses(format!("of the {count} backups of {} on {storage}, those not kept by {keep}", guest.vmid));
    }
    item.step(Step::call("backup", call(guest, options, found)))
}

fn consistency_text(consistency: Consistency) -> &'static str {
    match consistency {
        Consistency::Stopped => "consistent, because it is stopped",
        Consistency::Fsfreeze => "the guest agent freezes the file systems",
        Consistency::Crash => "crash-consistent",
    }
}

fn named(parts: &[Part], included: bool) -> Vec<String> {
    parts.iter().filter(|part| part.included == included).map(Part::label).collect()
}

fn call(guest: &Guest, options: &Options, storage: &Storage) -> crate::api::Call<Json> {
    let mut call = backup::vzdump(&guest.node, guest.vmid).with("storage", &storage.storage).with("mode", options.mode.word());
    if storage.kind != "pbs" {
        // A Proxmox Backup Server compresses by itself.
        call = call.with("compress", options.compress.word());
    }
    call = call
        .with_some("notes-template", options.notes.as_ref())
        .with_set("protected", options.protect)
        .with_some("prune-backups", options.keep.as_ref().map(Keep::wire))
        .with_some("bwlimit", options.bwlimit);
    for (name, value) in options.notify.params() {
        call = call.with(*name, *value);
    }
    for (name, value) in &options.more {
        call = call.with(name.clone(), value.clone());
    }
    call
}

/// Warns if the estimated size exceeds the free space.
fn warn_of_space(
    session: &Session,
    chosen: &[Guest],
    change: &Change,
    stores: &PerNode,
    storage: &str,
    known: &BTreeMap<u32, Vec<Archive>>,
) {
    for (node, answer) in stores {
        let Some(found) = answer.as_ref().ok().and_then(|list| list.iter().find(|s| s.storage == storage)) else { continue };
        if found.kind == "pbs" {
            // A Proxmox Backup Server stores only new data, which cannot be estimated.
            return;
        }
        let here = chosen.iter().zip(&change.items).filter(|(guest, item)| item.pending() && (found.shared || guest.node == *node));
        let needed: u64 = here
            .map(|(guest, _)| {
                let last = known.get(&guest.vmid).and_then(|list| list.first()).and_then(|archive| archive.size_bytes);
                last.or(guest.disk_bytes).unwrap_or_default()
            })
            .sum();
        if let Some(free) = found.avail.filter(|free| *free < needed) {
            session.person.warn(&format!(
                "{storage} on {node} has {} free; about {} may be needed (estimated from the latest backups or the disks)",
                units::bytes(free),
                units::bytes(needed)
            ));
        }
        if found.shared {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn failure_notifications_use_legacy_mail() {
        let options = Options {
            mode: Mode::Snapshot,
            storage: None,
            compress: Compress::None,
            notes: Some("{{guestname}}".into()),
            protect: true,
            keep: Some("last=3".parse().expect("a rule")),
            bwlimit: None,
            notify: Notify::Failure,
            jobs: 1,
            more: Vec::new(),
        };
        let storage: Storage = serde_json::from_value(json!({"storage": "local", "type": "dir", "content": "backup"})).expect("a storage");
        let guest: Guest = Guest {
            context: "t".into(),
            node: "pve1".into(),
            vmid: 101,
            name: None,
            kind: GuestKind::Lxc,
            status: "running".into(),
            last_status: None,
            offline: false,
            tags: Vec::new(),
            pool: None,
            lock: None,
            template: false,
            ha_state: None,
            cpus: None,
            cpu: None,
            memory_bytes: None,
            memory_used_bytes: None,
            disk_bytes: None,
            uptime_s: None,
        };
        let sent = |options: &Options, storage: &Storage| -> Vec<String> {
            let request = call(&guest, options, storage).request;
            request.params.iter().map(|(key, value)| format!("{key}={}", value.shown())).collect()
        };
        assert_eq!(
            sent(&options, &storage),
            [
                "vmid=101",
                "storage=local",
                "mode=snapshot",
                "compress=0",
                "notes-template={{guestname}}",
                "protected=1",
                "prune-backups=keep-last=3",
                "notification-mode=legacy-sendmail",
                "mailnotification=failure",
                "mailto=root",
            ]
        );
        let server = Storage { kind: "pbs".into(), ..storage };
        assert!(!sent(&options, &server).iter().any(|param| param.starts_with("compress")));
    }
}
