//! Target storages of a backup's volumes, and whether they have enough space.

use std::collections::BTreeMap;

use crate::api::storage::Storage;
use crate::api::{Form, GuestKind, Property, lenient};
use crate::fault::{Fault, Result};
use crate::ops::backup::scope::{self, Part};
use crate::ops::backup::store;
use crate::ops::restore::read::Known;
use crate::units;

/// The volume parameters of the restore call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layout {
    /// The parameter `storage`.
    pub storage: Option<String>,
    /// All volumes, listed one by one: `rootfs`, `mp0`, …
    pub restated: Vec<(String, String)>,
    /// Target storages with the total size of their volumes.
    pub needs: BTreeMap<String, u64>,
}

/// The content type that a target storage must allow.
pub fn content(kind: GuestKind) -> &'static str {
    match kind {
        GuestKind::Lxc => "rootdir",
        GuestKind::Qemu => "images",
    }
}

/// Returns the backup's disks and mount points.
pub fn parts(known: &Known) -> Vec<Part> {
    scope::of(known.kind, &known.archived.values)
}

pub fn layout(known: &Known, wanted: Option<&str>, restate: bool) -> Result<Layout> {
    let content = content(known.kind);
    let all = parts(known);
    let volumes: Vec<&Part> = all.iter().filter(|part| !part.is_foreign()).collect();
    let mut targets: Vec<(&Part, String)> = Vec::new();
    for part in volumes {
        targets.push((part, target(known, wanted, part.storage().unwrap_or_default(), content)?));
    }
    let mut needs: BTreeMap<String, u64> = BTreeMap::new();
    for (part, storage) in &targets {
        *needs.entry(storage.clone()).or_default() += part.size_bytes.unwrap_or_default();
    }
    // A container's volumes go to one storage, unless they are listed one by one.
    let several = needs.len() > 1;
    let restated = if known.kind == GuestKind::Lxc && (restate || several) {
        targets.iter().map(|(part, storage)| Ok((part.key.clone(), recreate(known, part, storage)?))).collect::<Result<_>>()?
    } else {
        Vec::new()
    };
    let storage = match targets.iter().find(|(part, _)| part.key == "rootfs").or_else(|| targets.first()) {
        // A VM's disks go to their original storages.
        Some(_) if several && known.kind == GuestKind::Qemu => None,
        Some((_, storage)) => Some(storage.clone()),
        None => wanted.map(str::to_owned),
    };
    Ok(Layout { storage, restated, needs })
}

/// Returns the requested storage, the original one, or the only usable one.
fn target(known: &Known, wanted: Option<&str>, old: &str, content: &str) -> Result<String> {
    if let Some(name) = wanted {
        return store::check(&known.stores, name, &known.node, content).map(|store| store.storage.clone());
    }
    if store::check(&known.stores, old, &known.node, content).is_ok() {
        return Ok(old.to_owned());
    }
    let fit = store::names(&known.stores, content);
    match &fit[..] {
        [only] => Ok(only.clone()),
        [] => Err(Fault::not_found(format!("{} has no storage for {content} that this token may see", known.node))
            .with_hint("grant Datastore.AllocateSpace on /storage/NAME; `felhom storage list` shows the visible ones")),
        _ => Err(Fault::usage(format!("missing --storage: '{old}' from the backup cannot be used on {}", known.node))
            .with_hint(format!("choose from {}", fit.join(", ")))),
    }
}

/// Returns a volume as a parameter that creates it again with its options: `local-lvm:1,mp=/mnt/data,backup=1`.
fn recreate(known: &Known, part: &Part, storage: &str) -> Result<String> {
    let text = known.archived.values.get(&part.key).and_then(lenient::text).unwrap_or_default();
    let size = part
        .size_bytes
        .ok_or_else(|| Fault::refused(format!("the backup does not contain the size of {}, so it cannot be created", part.key)))?;
    let mut property = Property::parse(Form::Default("volume"), &text);
    property.remove("size");
    property.set("volume", format!("{storage}:{}", gigabytes(size)));
    Ok(property.to_string())
}

/// Formats a size in GiB, the unit of a new volume's size.
fn gigabytes(bytes: u64) -> String {
    if bytes.is_multiple_of(1 << 30) {
        return (bytes >> 30).to_string();
    }
    #[expect(clippy::cast_precision_loss, reason = "three digits are kept, rounded up")]
    let thousandths = (bytes as f64 * 1000.0 / f64::from(1 << 30)).ceil() as u64;
    let text = format!("{}.{:03}", thousandths / 1000, thousandths % 1000);
    text.trim_end_matches('0').to_owned()
}

/// Checks the free space: an error if it certainly is too small, a warning if it may be.
pub fn space(known: &Known, layout: &Layout) -> Result<Vec<String>> {
    let mut words = Vec::new();
    for (name, sum) in &layout.needs {
        let Some(store) = known.stores.iter().find(|store| store.storage == *name) else { continue };
        let Some(free) = store.avail else { continue };
        let min = min_space(known, store, *sum);
        if free < min {
            return Err(Fault::refused(format!(
                "storage '{name}' on {} has {} free, but the restore needs at least {}",
                known.node,
                units::bytes(free),
                units::bytes(min)
            ))
            .with_hint(format!("add --storage NAME: {}", others(&known.stores, known.kind, name))));
        }
        if free < *sum {
            words.push(format!("the volumes may grow to {} on '{name}', which has {} free", units::bytes(*sum), units::bytes(free)));
        }
    }
    Ok(words)
}

/// Returns the minimum space: the full size of thick volumes, at least the size of the backup for thin ones.
fn min_space(known: &Known, store: &Storage, sum: u64) -> u64 {
    match store.kind.as_str() {
        "lvm" | "iscsi" | "iscsidirect" => sum,
        _ if known.archive.on_backup_server() => 0,
        _ => known.archive.size_bytes.unwrap_or_default(),
    }
}

fn others(stores: &[Storage], kind: GuestKind, but: &str) -> String {
    let names: Vec<String> = store::names(stores, content(kind)).into_iter().filter(|name| name != but).collect();
    if names.is_empty() { "none is usable".to_owned() } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_in_gib_are_rounded_up() {
        assert_eq!((gigabytes(8 << 30).as_str(), gigabytes(3 << 29).as_str(), gigabytes(1 << 20).as_str()), ("8", "1.5", "0.001"));
    }
}
