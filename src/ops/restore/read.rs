//! What must be known before a restore: the archive, where it goes, and who is there already.

use clap::ValueEnum;
use serde_json::{Map, Value as Json};

use crate::api::storage::{self, Storage};
use crate::api::{GuestKind, backup, cluster, lenient};
use crate::fault::{Fault, Result};
use crate::guard::plan::Held;
use crate::guard::tags::{self, Deed};
use crate::ops::backup::archive::{self, Archive, Filter};
use crate::ops::backup::hidden;
use crate::ops::guests::{self, Guest};
use crate::ops::restore::config::{self, Archived};
use crate::ops::restore::identity::{self, Identity};
use crate::ops::{live, lock, nodes};
use crate::session::Session;

/// Whose MACs the restored guest has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Wish {
    /// New addresses if a guest uses one of the backup's, else keep
    Auto,
    /// New addresses
    Fresh,
    /// The backup's addresses
    Keep,
}

/// What was asked for.
#[derive(Debug, Clone)]
pub struct Request {
    pub archive: Option<String>,
    /// The newest archive of this guest instead.
    pub from: Option<String>,
    /// At or before this time, in Unix seconds.
    pub at: Option<i64>,
    pub vmid: Option<u32>,
    pub storage: Option<String>,
    pub identity: Wish,
    pub hostname: Option<String>,
    pub start: bool,
    pub overwrite: bool,
    pub without_binds: bool,
    pub trust_archive: bool,
    pub node: Option<String>,
    pub pool: Option<String>,
    pub bwlimit: Option<u64>,
}

/// Another guest, and what it has on the network.
#[derive(Debug, Clone)]
pub struct Other {
    pub label: String,
    /// `runs` or `may run`.
    pub runs: Option<&'static str>,
    pub identity: Identity,
}

/// All of it.
pub struct Known {
    pub archive: Archive,
    pub kind: GuestKind,
    pub archived: Archived,
    pub identity: Identity,
    pub node: String,
    pub vmid: u32,
    /// Who has that number, to be overwritten.
    pub existing: Option<Guest>,
    /// Its snapshots, which go with it.
    pub snapshots: Vec<String>,
    pub others: Vec<Other>,
    /// How many guests could not be looked into.
    pub blind: usize,
    /// The present configuration of the guest that the archive is of.
    pub source: Option<Map<String, Json>>,
    pub stores: Vec<Storage>,
    pub held: Option<Held>,
    /// The tag that marks what is managed from here; a restored guest gets it.
    pub managed: Option<String>,
}

pub fn read(session: &Session, request: &Request) -> Result<Known> {
    let client = session.client()?;
    let all = guests::all(session)?;
    let archive = pick(session, request, &all)?;
    let Some(kind) = archive.kind else {
        return Err(Fault::refused(format!("{} does not say whether it is of a container or of a virtual machine", archive.archive)));
    };
    let text = client
        .get(&backup::extract_config(&archive.node, &archive.archive))
        .map_err(|fault| fault.while_(format_args!("the configuration in {} cannot be read", archive.archive)))?;
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
        blind: 0,
        source: None,
        managed: session.tags.managed.clone(),
        stores,
        held: client.get(&cluster::permissions()).ok(),
    };
    for (guest, config) in all.iter().zip(configs) {
        let Ok(config) = config else {
            known.blind += 1;
            // The archive is of this guest: what it has, the guest has too.
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

/// By name, the newest of a guest, the newest before a time, or picked by a person.
fn pick(session: &Session, request: &Request, all: &[Guest]) -> Result<Archive> {
    let Some(from) = &request.from else {
        return archive::one(session, request.archive.as_deref(), &Filter::default());
    };
    let (vmid, kind) = match from.parse::<u32>() {
        // A guest that is gone is the very one that is restored.
        Ok(vmid) => (vmid, all.iter().find(|guest| guest.vmid == vmid).map(|guest| guest.kind)),
        Err(_) => guests::find(all, from).map(|guest| (guest.vmid, Some(guest.kind)))?,
    };
    let found = archive::all(session, &Filter { vmid: Some(vmid), ..Filter::default() })?;
    found.warn(session);
    let of_it = |a: &&Archive| kind.is_none_or(|kind| a.kind == Some(kind)) && request.at.is_none_or(|at| a.ctime <= at);
    found.archives.iter().find(of_it).cloned().ok_or_else(|| {
        let when = request.at.map_or_else(String::new, |at| format!(" from {} or before", crate::units::local_time(at)));
        let fault = Fault::not_found(format!("there is no archive of {from}{when} that this token may see"));
        match found.archives.last() {
            Some(oldest) => fault.with_hint(format!("choose a later time: the oldest is {}", oldest.archive)),
            None => fault.with_hint(
                hidden::of_list(session, &found, Some(vmid)).unwrap_or_else(|| "`felhom backup list` shows those that are visible".into()),
            ),
        }
    })
}

/// The number that the guest gets, and who has it now.
fn number(session: &Session, request: &Request, archive: &Archive, all: &[Guest]) -> Result<(u32, Option<Guest>)> {
    let wanted = request.vmid.or(archive.vmid.filter(|_| request.overwrite));
    match wanted.and_then(|vmid| all.iter().find(|guest| guest.vmid == vmid)) {
        Some(guest) if request.overwrite => Ok((guest.vmid, Some(guest.clone()))),
        Some(guest) => Err(Fault::refused(format!("{} exists already", guest.label())).with_hint(format!(
            "leave --vmid out for the next free number, or --overwrite --confirm {} puts the archive in its place",
            guest.vmid
        ))),
        None => guests::free_vmid(session, wanted).map(|vmid| (vmid, None)),
    }
}

/// The node where it is restored, and its storages. The archive must be visible there.
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
        // On a shared storage the source's own node has its other storages too.
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
    Err(Fault::refused(format!("{wanted} does not see {}, which is on {} alone", archive.archive, archive.node))
        .with_hint(format!("restore on {} and migrate the guest afterwards, or keep archives on a shared storage", archive.node)))
}

/// Only a stopped guest of the same kind that no tag guards.
fn to_be_overwritten(session: &Session, guest: Guest, kind: GuestKind) -> Result<Guest> {
    if guest.kind != kind {
        return Err(Fault::refused(format!("{} is a {}, the archive is of a {kind}: it cannot take its place", guest.label(), guest.kind))
            .with_hint("choose another --vmid"));
    }
    let now = lock::wait(session, &guest, &[])?;
    if let Some(fault) = tags::refusal(&session.rules, &session.tags, &guest.target(), Some(&now.tags), Deed::Overwrite) {
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
