//! Age of each guest's latest backup.

use std::time::Duration;

use serde::Serialize;

use crate::api::{GuestKind, cluster};
use crate::fault::Result;
use crate::guard::plan::Permissions;
use crate::ops::backup::archive::{self, Archive, Filter, Found};
use crate::ops::guests::{self, Guest};
use crate::session::Session;

/// Result of the age check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Ok,
    /// The latest backup is older than the limit.
    Old,
    /// No backup.
    Never,
    /// There may be a backup that the token cannot see.
    Unknown,
}

impl Verdict {
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Old => "old",
            Self::Never => "never",
            Self::Unknown => "unknown",
        }
    }
}

/// A guest with its latest backup.
#[derive(Debug, Clone, Serialize)]
pub struct Age {
    pub context: String,
    pub node: String,
    pub vmid: u32,
    pub name: Option<String>,
    pub kind: GuestKind,
    pub verdict: Verdict,
    pub age_s: Option<u64>,
    /// Number of the guest's backups.
    pub archives: usize,
    pub archive: Option<String>,
    pub storage: Option<String>,
    pub size_bytes: Option<u64>,
    pub created_at: Option<String>,
    /// Why the verdict is unknown.
    pub reason: Option<String>,
    #[serde(skip)]
    pub ctime: Option<i64>,
}

/// Returns the age of each guest's latest backup on all storages.
pub fn all(session: &Session, max_age: Duration) -> Result<Vec<Age>> {
    let found = archive::all(session, &Filter::default())?;
    found.warn(session);
    let held = session.client()?.get(&cluster::permissions()).ok();
    Ok(guests::all(session)?.into_iter().map(|guest| age(guest, &found, held.as_ref(), max_age)).collect())
}

fn age(guest: Guest, found: &Found, held: Option<&Permissions>, max_age: Duration) -> Age {
    // A VMID may be reused: a backup of the other kind belongs to another guest.
    let of_it = |archive: &&Archive| archive.vmid == Some(guest.vmid) && archive.kind.is_none_or(|kind| kind == guest.kind);
    let newest = found.archives.iter().find(of_it);
    let age_s = newest.map(Archive::age);
    // A template does not change, so one backup is enough.
    let fresh = age_s.is_some_and(|age| guest.template || age <= max_age.as_secs());
    let reason = if fresh { None } else { hidden_reason(&guest, found, held) };
    let verdict = match (newest, &reason) {
        _ if fresh => Verdict::Ok,
        (_, Some(_)) => Verdict::Unknown,
        (Some(_), None) => Verdict::Old,
        (None, None) => Verdict::Never,
    };
    Age {
        verdict,
        age_s,
        archives: found.archives.iter().filter(of_it).count(),
        archive: newest.map(|a| a.archive.clone()),
        storage: newest.map(|a| a.storage.clone()),
        size_bytes: newest.and_then(|a| a.size_bytes),
        created_at: newest.and_then(|a| a.created_at.clone()),
        ctime: newest.map(|a| a.ctime),
        reason,
        context: guest.context,
        node: guest.node,
        vmid: guest.vmid,
        name: guest.name,
        kind: guest.kind,
    }
}

/// Returns why the token may not see backups of the guest: the host omits them without an error.
fn hidden_reason(guest: &Guest, found: &Found, held: Option<&Permissions>) -> Option<String> {
    if !found.unseen.is_empty() {
        return Some(format!("not searched: {}", found.unseen.join("; ")));
    }
    if found.looked.is_empty() {
        return Some("the token can see no backup storage".to_owned());
    }
    super::hidden::of_guest(found, held?, guest.vmid)
}
