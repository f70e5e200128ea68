//! Reads what a restore needs: the backup, the target, and other guests.

use clap::ValueEnum;
use serde_json::{Map, Value as Json};

use crate::api::storage::{self, Storage};
use crate::api::{GuestKind, backup, cluster, lenient};
use crate::fault::{Fault, Result};
use crate::guard::plan::Permissions;
use crate::guard::tags::{self, GuardedAction};
use crate::ops::backup::archive::{self, Archive, Filter};
use crate::ops::backup::hidden;
use crate::ops::guests::{self, Guest};
use crate::ops::restore::config::{self, Archived};
use crate::ops::restore::identity::{self, Identity};
use crate::ops::{live, lock, nodes};
use crate::session::Session;

/// Which MAC addresses the restored guest gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum IdentityMode {
    /// New addresses if a guest uses one of the backup's, else keep
    Auto,
    /// New addresses
    Fresh,
    /// The backup's addresses
    Keep,
}

/// Options of a restore.
#[derive(Debug, Clone)]
pub struct Request {
    pub archive: Option<String>,
    /// Use the latest backup of this guest.
    pub from: Option<String>,
    /// Use the latest backup at or before this time, in Unix seconds.
    pub at: Option<i64>,
    pub vmid: Option<u32>,
    pub storage: Option<String>,
    pub identity: IdentityMode,
    pub hostname: Option<String>,
    pub start: bool,
    pub overwrite: bool,
    pub without_binds: bool,
    pub trust_archive: bool,
    pub node: Option<String>,
    pub pool: Option<String>,
    pub bwlimit: Option<u64>,
}

/// Another guest with its network identity.
#[derive(Debug, Clone)]
pub struct Other {
    pub label: String,
    /// `runs` or `may run`.
    pub runs: Option<&'static str>,
    pub identity: Identity,
}

/// The facts for the decisions.
pub struct Known {
    pub archive: Archive,
    pub kind: GuestKind,
    pub archived: Archived,
    pub identity: Identity,
    pub node: String,
    pub vmid: u32,
    /// The guest to overwrite.
    pub existing: Option<Guest>,
    /// Its snapshots, which are deleted.
    pub snapshots: Vec<String>,
    pub others: Vec<Other>,
    /// Number of guests that could not be read.
    pub unreadable: usize,
    /// The current configuration of the backup's guest.
    pub source: Option<Map<String, Json>>,
    pub stores: Vec<Storage>,
    pub held: Option<Permissions>,
    /// The tag of managed guests, which the restored guest gets.
    pub managed: Option<String>,
}

pub fn read(session: &Session, request: &Request) -> Result<Known> {
    let client = session.client()?;
    let all = guests::all(session)?;
    let archive = pick(session, request, &all)?;
    let Some(kind) = archive.kind else {
        return Err(Fault::refused(format!("cannot tell whether backup '{}' is of a container or a VM", archive.archive)));
    };
    let text = client
        .get(&backup::extract_config(&archive.node, &archive.archive))
        .map_err(|fault| fault.while_(format_args!("cannot read the configuration in backup '{}'", archive.archive)))?;
    let archived = config::read(&text);
    let (vmid, existing) = number(session, request, &archive, &all)?;
    let (node, stores) = place(session, request, &archive, &all, existing.as_ref())?;
    let existing = existing.map(|guest| to_be_overwritten(session, guest, kind)).transpose()?;
    let snapshots = match &existing {
        Some(guest) => snapshots(session, guest),
        None => Vec::new(),
    };
    let configs = live::each(&all, |guest| guests::with_place(session, guest, |place| session.client()?.get(&place.config())));
    let mut known = Known {
        identity: identity::of(kind, &archived.values),
        archive,
        kind,
        archived,
        node,
        vmid,
        existing,
        snapshots,
        others: Vec::new(),
        unreadable: 0,
        source: None,
        managed: session.tags.managed.clone(),
        stores,
        held: client.get(&cluster::permissions()).ok(),
    };
    for (guest, config) in all.iter().zip(configs) {
        let Ok(config) = config else {
            known.unreadable += 1;
            // The unreadable guest is the backup's, so it has the same identity.
            if guest.vmid != known.vmid && Some(guest.vmid) == known.archive.vmid && guest.kind == kind {
                known.others.push(Other { label: guest.label(), runs: guest.runs(), identity: known.identity.clone() });
            }
            continue;
        };
        if guest.vmid != known.vmid {
            let identity = identity::of(guest.kind, &config);
            known.others.push(Other { label: guest.label(), runs: guest.runs(), identity });
        }
        if Some(guest.vmid) == known.archive.vmid && guest.kind == kind {
            known.source = Some(config);
        }
    }
    Ok(known)
}

/// Returns the backup: by name, the latest of a guest, the latest before a time, or the user's choice.
fn pick(session: &Session, request: &Request, all: &[Guest]) -> Result<Archive> {
    let Some(from) = &request.from else {
        return archive::one(session, request.archive.as_deref(), &Filter::default());
    };
    let (vmid, kind) = match from.parse::<u32>() {
        // A deleted guest can be restored by its VMID.
        Ok(vmid) => (vmid, all.iter().find(|guest| guest.vmid == vmid).map(|guest| guest.kind)),
        Err(_) => guests::find(all, from).map(|guest| (guest.vmid, Some(guest.kind)))?,
    };
    let found = archive::all(session, &Filter { vmid: Some(vmid), ..Filter::default() })?;
    found.warn(session);
    let of_it = |a: &&Archive| kind.is_none_or(|kind| a.kind == Some(kind)) && request.at.is_none_or(|at| a.ctime <= at);
    found.archives.iter().find(of_it).cloned().ok_or_else(|| {
        let when = request.at.map_or_else(String::new, |at| format!(" from {} or before", crate::units::local_time(at)));
        let fault = Fault::not_found(format!("no backup of {from}{when} is visible to the token"));
        match found.archives.last() {
            Some(oldest) => fault.with_hint(format!("choose a later time: the oldest is {}", oldest.archive)),
            None => fault.with_hint(
                hidden::of_list(session, &found, Some(vmid)).unwrap_or_else(|| "run `felhom backup list` to list the backups".into()),
            ),
        }
    })
}

/// Returns the VMID of the restored guest, and the guest that uses it now.
fn number(session: &Session, request: &Request, archive: &Archive, all: &[Guest]) -> Result<(u32, Option<Guest>)> {
    let wanted = request.vmid.or(archive.vmid.filter(|_| request.overwrite));
    match wanted.and_then(|vmid| all.iter().find(|guest| guest.vmid == vmid)) {
        Some(guest) if request.overwrite => Ok((guest.vmid, Some(guest.clone()))),
        Some(guest) => Err(Fault::refused(format!("{} already exists", guest.label()))
            .with_hint(format!("omit --vmid for the next free VMID, or use --overwrite --confirm {} to replace the guest", guest.vmid))),
        None => guests::free_vmid(session, wanted).map(|vmid| (vmid, None)),
    }
}

/// Returns the target node with its storages. The backup must be visible on it.
fn place(
    session: &Session,
    request: &Request,
    archive: &Archive,
    all: &[Guest],
    existing: Option<&Guest>,
) -> Result<(String, Vec<Storage>)> {
    let client = session.client()?;
    let here = client.get(&storage::list(&archive.node))?;
    let shared = here.iter().any(|store| store.storage == archive.storage && store.shared);
    let source = all.iter().find(|guest| Some(guest.vmid) == archive.vmid && Some(guest.kind) == archive.kind);
    let wanted = match (&request.node, existing) {
        (Some(name), Some(guest)) if *name != guest.node => {
            return Err(Fault::refused(format!("{} is on {}, so it cannot be overwritten on {name}", guest.label(), guest.node)));
        }
        (Some(name), _) => nodes::pick(session, Some(name))?,
        (None, Some(guest)) => guest.node.clone(),
        // With a shared storage, the source's node is likely to have its other storages too.
        (None, None) if shared => source.filter(|guest| guest.status != "unknown").map_or_else(|| archive.node.clone(), |g| g.node.clone()),
        (None, None) => archive.node.clone(),
    };
    if wanted == archive.node {
        return Ok((wanted, here));
    }
    let there = client.get(&storage::list(&wanted))?;
    if shared && there.iter().any(|store| store.storage == archive.storage && store.active) {
        return Ok((wanted, there));
    }
    Err(Fault::refused(format!("backup '{}' is only visible on {}, not on {wanted}", archive.archive, archive.node))
        .with_hint(format!("restore on {} and migrate the guest afterwards, or store backups on shared storage", archive.node)))
}

/// Checks that the guest may be overwritten: stopped, of the same kind, not protected.
fn to_be_overwritten(session: &Session, guest: Guest, kind: GuestKind) -> Result<Guest> {
    if guest.kind != kind {
        return Err(Fault::refused(format!("cannot overwrite {}: it is a {}, but the backup is of a {kind}", guest.label(), guest.kind))
            .with_hint("choose another --vmid"));
    }
    let now = lock::wait(session, &guest, &[])?;
    if let Some(fault) = tags::refusal(&session.rules, &session.tags, &guest.target(), Some(&now.tags), GuardedAction::Overwrite) {
        return Err(fault);
    }
    let protection = session.client()?.get(&guest.place().config())?.get("protection").and_then(lenient::integer);
    if protection.is_some_and(|flag| flag != 0) {
        return Err(Fault::refused(format!("refusing to overwrite {}: its protection is on", guest.label()))
            .with_hint(format!("unset it with `felhom guest set {} protection=0 --force`; the host refuses while it is set", guest.vmid)));
    }
    if now.ha.is_some() {
        return Err(Fault::refused(format!("{} is managed by HA and cannot be overwritten", guest.label()))
            .with_hint(format!("remove {} from HA first, or restore into another --vmid", guest.vmid)));
    }
    if now.running() {
        return Err(Fault::refused(format!("refusing to overwrite {}: it is running", guest.label()))
            .with_hint(format!("stop it first with `felhom guest shutdown {}`", guest.vmid)));
    }
    Ok(guest)
}

fn snapshots(session: &Session, guest: &Guest) -> Vec<String> {
    let list = session.client().and_then(|client| client.get(&guest.place().snapshots())).unwrap_or_default();
    list.into_iter().map(|snapshot| snapshot.name).filter(|name| name != "current").collect()
}
