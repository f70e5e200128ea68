//! Growing a disk.

use serde_json::{Map, Value as Json, json};

use super::{Disk, Size, Source, find};
use crate::api::schema::property::size_text;
use crate::api::storage;
use crate::fault::{Fault, Result};
use crate::guard::{Change, Item, Step};
use crate::ops::guests::{self, Guest};
use crate::ops::lock;
use crate::ops::settings::text;
use crate::session::Session;
use crate::units;

/// Prepares the change.
pub fn prepare(session: &Session, guest: &Guest, name: &str, size: Size) -> Result<(Change, Disk)> {
    let config = guests::with_place(session, guest, |place| session.client()?.get(&place.config()))?;
    let disk = find(guest, &config, name)?;
    let start = || Item::new("disk-resize", guest.target()).extra("disk", disk.key.as_str());
    let summary = format!("resize {} of {}", disk.key, guest.label());
    let change = super::change(summary, start, |item| {
        lock::wait(session, guest, &[])?;
        let Some(present) = disk.size_bytes().filter(|_| disk.source == Source::Volume && !disk.unused()) else {
            return Err(Fault::refused(format!(
                "{} of {} cannot be resized: it is {} ({})",
                disk.key,
                guest.label(),
                disk.volume,
                disk.word()
            )));
        };
        let total = size.of(present);
        if total < present {
            return Err(Fault::refused(format!("{} of {} has {}; disks cannot be shrunk", disk.key, guest.label(), units::bytes(present)))
                .with_hint("restore a backup into a smaller guest to shrink it"));
        }
        let item = item.extra("size_bytes", total);
        if total == present {
            return Ok(item.unchanged());
        }
        let item = item.fact("digest", text(&config, "digest").unwrap_or_default()).touches(format!(
            "{} ({}): {} → {}",
            disk.key,
            disk.volume,
            units::bytes(present),
            units::bytes(total)
        ));
        let item = match short_of_space(session, guest, &disk, total - present) {
            Some(caution) => item.caution(caution),
            None => item,
        };
        let call = guest.place().resize(&disk.key, &size_text(total)).with_some("digest", text(&config, "digest"));
        Ok(item.step(Step::call("resize", call)))
    })?;
    Ok((change, disk))
}

/// Returns a warning if the storage has less free space than needed. The token may not be allowed to know.
pub fn short_of_space(session: &Session, guest: &Guest, disk: &Disk, needed: u64) -> Option<String> {
    let id = disk.storage()?;
    let all = session.client().ok()?.get(&storage::list(&guest.node)).ok()?;
    let free = all.into_iter().find(|storage| storage.storage == id)?.avail?;
    (free < needed).then(|| format!("'{id}' has {} free, {} are needed", units::bytes(free), units::bytes(needed)))
}

/// Verifies the new size.
pub fn verify(session: &Session, guest: &Guest, disk: &Disk, total: u64) -> Result<Map<String, Json>> {
    let config = guests::with_place(session, guest, |place| session.client()?.get(&place.config()))?;
    let now = find(guest, &config, &disk.key)?.size_bytes();
    match now {
        Some(now) if now >= total => Ok(Map::from_iter([("size_bytes".to_owned(), json!(now))])),
        _ => {
            let now = now.map_or_else(|| "unknown".to_owned(), units::bytes);
            Err(Fault::other(format!("task succeeded, but the size of {} of {} is {now}", disk.key, guest.label()))
                .with_hint(format!("check it with `felhom guest disk list {}`", guest.vmid)))
        }
    }
}
