//! Making archives: what each guest's backup would be, and whether it came to be.

use std::collections::BTreeMap;

use clap::ValueEnum;
use serde_json::{Map, Value as Json, json};

use crate::api::storage::{self, Storage};
use crate::api::tasks;
use crate::api::{Form, GuestKind, Property, Value, backup, cluster, lenient};
use crate::fault::{Fault, Kind, Result};
use crate::guard::plan::holds;
use crate::guard::{Change, Done, Item, Outcome, Status, Step};
use crate::ops::backup::Keep;
use crate::ops::backup::archive::{self, Archive};
use crate::ops::backup::log::{self, Told};
use crate::ops::backup::scope::{self, Consistency, Mode, Part};
use crate::ops::backup::store::{self, PerNode};
use crate::ops::guests::{self, Guest};
use crate::ops::{live, lock};
use crate::routes::{Grant, Risk};
use crate::session::Session;
use crate::units;

/// How an archive is packed.
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

/// When the host tells somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Notify {
    /// Through the cluster's notification targets, one message a guest
    Always,
    /// A mail to root of the node, for failures alone
    Failure,
    /// Nothing at all
    Never,
}

impl Notify {
    /// The host's parameters for it. Its notification system has no "failures alone" for one call, its older mails have; and
    /// they go nowhere where no address is given.
    pub fn params(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Always => &[("notification-mode", "notification-system")],
            Self::Failure => &[("notification-mode", "legacy-sendmail"), ("mailnotification", "failure"), ("mailto", "root")],
            Self::Never => &[("notification-mode", "legacy-sendmail")],
        }
    }
}

/// How the backups are to be made.
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
    /// How many nodes work at the same time.
    pub jobs: usize,
    /// What a scheduled job sets besides.
    pub more: Vec<(String, Value)>,
}

/// One guest before its backup.
struct Look {
    config: Result<Map<String, Json>>,
    running: bool,
    agent: bool,
    lock: Option<Fault>,
}

/// What would be done for these guests.
pub fn plan(session: &Session, chosen: &[Guest], options: &Options) -> Result<Change> {
    may_limit(session, options)?;
    let stores = store::per_node(session, chosen.iter().map(|guest| guest.node.as_str()))?;
    let storage = store::choose(&stores, options.storage.as_deref())?;
    let looks = live::each(chosen, |guest| look(session, guest, options.mode));
    let known = known_archives(session, &stores, &storage);
    let words: Vec<String> = chosen.iter().map(Guest::label).collect();
    let mut change = Change::new(match &words[..] {
        [one] => format!("back up {one} to {storage}"),
        many => format!("back up {} guests to {storage}", many.len()),
    });
    change.jobs = options.jobs;
    for (guest, look) in chosen.iter().zip(looks) {
        change.items.push(item(session, guest, look, options, &storage, &stores, &known));
    }
    warn_of_space(session, chosen, &change, &stores, &storage, &known);
    Ok(change)
}

/// The host takes a bandwidth limit only from those who may change it as a whole.
fn may_limit(session: &Session, options: &Options) -> Result<()> {
    if options.bwlimit.is_none() {
        return Ok(());
    }
    let grant = Grant { path: "/".into(), privilege: "Sys.Modify".into() };
    let held = session.client()?.get(&cluster::permissions())?;
    if holds(&held, &grant) {
        return Ok(());
    }
    let mut fault = Fault::new(Kind::Denied, "--bwlimit needs Sys.Modify on /, which this token does not hold; nothing was sent")
        .with_hint("leave --bwlimit out: the storage's and the cluster's own limits hold all the same");
    (fault.path, fault.privilege) = (Some(grant.path), Some(grant.privilege));
    Err(fault)
}

fn look(session: &Session, guest: &Guest, mode: Mode) -> Look {
    let (now, locked) = match lock::wait(session, guest, &[]) {
        Ok(live) => (Some(live), None),
        Err(fault) if fault.kind == Kind::Locked => (None, Some(fault)),
        // What stands against the backup itself is for the backup to say.
        Err(_) => (None, None),
    };
    let running = now.map_or_else(|| guest.running(), |live| live.running());
    let config = guests::with_place(session, guest, |place| session.client()?.get(&place.config()));
    let agent = running && mode == Mode::Snapshot && guest.kind == GuestKind::Qemu && agent_answers(session, guest, &config);
    Look { config, running, agent, lock: locked }
}

/// The agent is switched on, may freeze, and answers.
fn agent_answers(session: &Session, guest: &Guest, config: &Result<Map<String, Json>>) -> bool {
    let Some(text) = config.as_ref().ok().and_then(|config| config.get("agent")).and_then(lenient::text) else { return false };
    let agent = Property::parse(Form::Default("enabled"), &text);
    let freezes = agent.get("freeze-fs-on-backup").is_none() || agent.flag("freeze-fs-on-backup");
    agent.flag("enabled") && freezes && session.client().and_then(|client| client.get_once(&guest.place().agent_interfaces())).is_ok()
}

/// The archives on the storage, by guest, the newest first: for an estimate of the next one's size.
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
    look: Look,
    options: &Options,
    storage: &str,
    stores: &PerNode,
    known: &BTreeMap<u32, Vec<Archive>>,
) -> Item {
    let consistency = Consistency::expected(options.mode, look.running, look.agent);
    let mut item = Item::new("backup", guest.target())
        .lane(&guest.node)
        .fact("status", if look.running { "running" } else { "stopped" })
        .extra("mode", options.mode.word())
        .extra("consistency", consistency.word())
        .extra("storage", storage)
        .extra("archive", Json::Null)
        .extra("size_bytes", Json::Null);
    let parts = look.config.as_ref().map(|config| scope::of(guest.kind, config)).unwrap_or_default();
    item = item.extra("included", named(&parts, true)).extra("excluded", named(&parts, false));
    match &look.config {
        Ok(_) => {
            let holds = format!("{}: {}; {}", guest.label(), scope::line(&parts), sure(consistency));
            session.person.note(&holds);
            item = item.touches(holds);
        }
        Err(fault) => item = item.caution(format!("what the archive will hold is not known: {}", fault.message)),
    }
    let found = match stores.get(&guest.node) {
        Some(Ok(list)) => store::check(list, storage, &guest.node, "backup"),
        Some(Err(fault)) => Err(fault.clone()),
        None => Err(Fault::other(format!("{} was not asked for its storages", guest.node))),
    };
    let found = match found {
        Ok(found) => found,
        Err(fault) => return item.refused(fault),
    };
    if let Some(fault) = look.lock {
        return item.refused(fault);
    }
    if look.running && options.mode != Mode::Snapshot {
        let what = if options.mode == Mode::Stop { "is stopped while it is read" } else { "stands still for a while" };
        item = item.risk(Risk::Disruptive).caution(format!("{} {what}", guest.label()));
    }
    if let Some(keep) = &options.keep {
        let count = known.get(&guest.vmid).map_or(0, Vec::len);
        item = item.loses(format!("of the {count} archives of {} on {storage} those beyond {keep}", guest.vmid));
    }
    item.step(Step::call("backup", call(guest, options, found)))
}

fn sure(consistency: Consistency) -> &'static str {
    match consistency {
        Consistency::Stopped => "consistent, for it does not run then",
        Consistency::Fsfreeze => "its agent freezes the file systems",
        Consistency::Crash => "consistent as after a power failure",
    }
}

fn named(parts: &[Part], included: bool) -> Vec<String> {
    parts.iter().filter(|part| part.included == included).map(Part::label).collect()
}

fn call(guest: &Guest, options: &Options, storage: &Storage) -> crate::api::Call<Json> {
    let mut call = backup::vzdump(&guest.node, guest.vmid).with("storage", &storage.storage).with("mode", options.mode.word());
    if storage.kind != "pbs" {
        // A backup server packs by itself.
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

/// What is likely to be written against what is free: an estimate, so it warns and does not refuse.
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
        let here = chosen.iter().zip(&change.items).filter(|(guest, item)| item.pending() && (found.shared || guest.node == *node));
        let needed: u64 = here
            .map(|(guest, _)| {
                let last = known.get(&guest.vmid).and_then(|list| list.first()).and_then(|archive| archive.size_bytes);
                last.or(guest.disk_bytes).unwrap_or_default()
            })
            .sum();
        if let Some(free) = found.avail.filter(|free| *free < needed) {
            session.person.warn(&format!(
                "{storage} on {node} has {} free; about {} may be written (the last archives' sizes, or the disks')",
                units::bytes(free),
                units::bytes(needed)
            ));
        }
        if found.shared {
            return;
        }
    }
}

/// The log of a task, whole.
fn told(session: &Session, upid: &crate::api::Upid) -> Result<Told> {
    let lines = session.client()?.get(&tasks::log(upid, 0, 0))?;
    Ok(log::read(lines.iter().map(|line| line.t.as_str())))
}

/// The archive that the log names, as the storage lists it.
fn listed(session: &Session, node: &str, storage: &str, vmid: u32, name: &str) -> Result<Option<Archive>> {
    let call = storage::content(node, storage).with("content", "backup").with("vmid", vmid);
    let volumes = session.client()?.get(&call)?;
    Ok(volumes.into_iter().find(|volume| archive::name(&volume.volid) == name).map(|volume| Archive::of(&session.context, node, volume)))
}

fn text<'a>(item: &'a Map<String, Json>, key: &str) -> &'a str {
    item.get(key).and_then(Json::as_str).unwrap_or_default()
}

/// After a task that ended well: is the archive there, and how large is it?
pub fn verify(session: &Session, item: &Item, done: &Done) -> Result<Map<String, Json>> {
    let mut keys = Map::new();
    let (Some(upid), Some(node), Some(vmid)) = (&done.upid, &item.target.node, item.target.vmid) else {
        return Err(Fault::new(Kind::TaskFailed, "the host began no backup: does the guest live on another node by now?")
            .with_hint("run it again: the guest is looked for anew"));
    };
    let told = told(session, upid)?;
    let storage = text(&item.extra, "storage");
    let Some(name) = &told.archive else {
        return Err(Fault::new(Kind::TaskFailed, "the task ended well, but its log names no archive").with_upid(upid));
    };
    let Some(archive) = listed(session, node, storage, vmid, name)? else {
        return Err(Fault::new(Kind::TaskFailed, format!("the task ended well, but the archive {name} is not on {storage}"))
            .with_hint("a retention rule may have dropped it at once, or the storage is not what it seems: look at it")
            .with_upid(upid));
    };
    if archive.size_bytes == Some(0) {
        return Err(
            Fault::new(Kind::TaskFailed, format!("the task ended well, but the archive {} is empty", archive.archive)).with_upid(upid)
        );
    }
    let asked = Mode::of(text(&item.extra, "mode"));
    if let (Some(asked), Some(mode)) = (asked, told.mode) {
        let fell_back = asked == Mode::Snapshot && mode == Mode::Suspend;
        if fell_back {
            session.person.warn(&format!("{}: a volume has no snapshots, so the guest was suspended while it was copied", item.target));
        }
        keys.insert("mode".into(), json!(mode.word()));
    }
    let expected = match text(&item.extra, "consistency") {
        "stopped" => Consistency::Stopped,
        "fsfreeze" => Consistency::Fsfreeze,
        _ => Consistency::Crash,
    };
    keys.insert("consistency".into(), json!(told.consistency(expected).word()));
    keys.insert("archive".into(), json!(archive.archive));
    keys.insert("size_bytes".into(), json!(archive.size_bytes));
    keys.insert("notes".into(), json!(archive.notes));
    keys.insert("protected".into(), json!(archive.protected));
    Ok(keys)
}

/// Puts what the logs say into the outcomes that went wrong: why, and whether an archive was made.
pub fn explain(session: &Session, outcomes: &mut [Outcome]) {
    for outcome in outcomes {
        if outcome.status == Status::Ok || outcome.status == Status::Warnings {
            add_rate(outcome);
        }
        let Some(fault) = outcome.fault.clone() else { continue };
        let told = match (&outcome.upid, fault.kind) {
            (Some(upid), Kind::TaskFailed | Kind::Denied | Kind::TaskWarnings) => {
                upid.parse().ok().and_then(|upid| told(session, &upid).ok()).unwrap_or_default()
            }
            // Refused by the call itself, or before it: nothing was begun.
            (None, kind) if kind != Kind::Unknown => Told::default(),
            _ => continue,
        };
        let made = made(session, outcome, &told);
        if let Some(archive) = &made {
            outcome.extra.insert("archive".into(), json!(archive.archive));
            outcome.extra.insert("size_bytes".into(), json!(archive.size_bytes));
        }
        let fault = explained(outcome, fault, &told, made.as_ref());
        outcome.fail(fault);
    }
}

fn made(session: &Session, outcome: &Outcome, told: &Told) -> Option<Archive> {
    let (node, vmid, name) = (outcome.node.as_ref()?, outcome.vmid?, told.archive.as_ref()?);
    listed(session, node, text(&outcome.extra, "storage"), vmid, name).ok()?
}

fn explained(outcome: &Outcome, mut fault: Fault, told: &Told, made: Option<&Archive>) -> Fault {
    let what = format!("backup of {}", crate::guard::Target { vmid: outcome.vmid, name: outcome.name.clone(), ..Default::default() });
    let ending = match made {
        Some(archive) => format!("the archive {} is there all the same", archive.archive),
        None => "no archive was made".to_owned(),
    };
    let cause = match (fault.kind, &fault.path, &fault.privilege) {
        (Kind::Denied, Some(path), Some(privilege)) => Some(format!("denied: {privilege} on {path} is missing")),
        (Kind::TaskFailed, ..) => told.why(),
        _ => None,
    };
    fault.message = match cause {
        Some(cause) => format!("{what}: {cause}; {ending}"),
        None if fault.message.contains(&ending) => fault.message,
        None => format!("{}; {ending}", fault.message),
    };
    fault
}

/// Bytes of the archive a second.
fn add_rate(outcome: &mut Outcome) {
    let size = outcome.extra.get("size_bytes").and_then(Json::as_u64);
    if let Some(size) = size.filter(|_| outcome.duration_s > 0.0) {
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let rate = (size as f64 / outcome.duration_s) as u64;
        outcome.extra.insert("rate_bytes_s".into(), json!(rate));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_alone_go_by_mail() {
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
