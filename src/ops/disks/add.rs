//! Adding a new volume, or attaching an existing one.

use serde_json::{Map, Value as Json, json};

use super::{Disk, Size, all, free_key};
use crate::api::{GuestKind, storage};
use crate::fault::{Fault, Result};
use crate::guard::{Change, Item};
use crate::ops::backup::store;
use crate::ops::guests::{self, Guest};
use crate::ops::reconfigure;
use crate::ops::settings::{Config, Wanted, text};
use crate::session::Session;
use crate::units;

/// The volume of the disk.
#[derive(Debug, Clone)]
pub enum Volume {
    New {
        storage: String,
        size: Size,
    },
    /// A new volume with the content of an image.
    Import {
        storage: String,
        image: String,
    },
    /// An existing volume: `unused0` or a volume ID.
    Existing(String),
}

/// Options of the disk.
#[derive(Debug, Clone)]
pub struct Options {
    pub volume: Volume,
    /// Key such as `scsi1` or `mp0` [default: next free].
    pub key: Option<String>,
    /// Mount point; containers only.
    pub path: Option<String>,
    pub no_backup: bool,
    /// Further options of the disk, such as `ssd=1`.
    pub parts: Vec<String>,
}

/// A prepared addition.
#[derive(Debug)]
pub struct Addition {
    pub key: String,
    wanted: Wanted,
    before: Config,
}

/// Prepares the change.
pub fn prepare(session: &Session, guest: &Guest, action: &'static str, options: &Options) -> Result<(Change, Addition)> {
    check_options(guest, options)?;
    let before = guests::with_place(session, guest, |place| session.client()?.get(&place.config()))?;
    let key = key(guest, &before, options.key.as_deref())?;
    let mut addition = Addition { key, wanted: Wanted::default(), before };
    let start = || {
        let name = if guest.kind == GuestKind::Lxc { "mp" } else { "disk" };
        Item::new(action, guest.target())
            .extra(name, addition.key.as_str())
            .extra("path", options.path.clone())
            .extra("backup", !options.no_backup)
    };
    let summary = match &options.path {
        Some(path) => format!("add a mount point at {path} to {}", guest.label()),
        None => format!("add {} to {}", addition.key, guest.label()),
    };
    let (config, key) = (&addition.before, &addition.key);
    let mut wanted = Wanted::default();
    let change = super::change(summary, start, |item| {
        check_mount(guest, config, options.path.as_deref())?;
        let (value, caution) = volume(session, guest, config, &options.volume)?;
        wanted.set.insert(key.clone(), value + &parts(guest, options));
        let item = item.fact("digest", text(config, "digest").unwrap_or_default());
        let item = reconfigure::prepare(session, guest, config, &wanted, item)?;
        Ok(match caution {
            Some(caution) => item.caution(caution),
            None => item,
        })
    })?;
    addition.wanted = wanted;
    Ok((change, addition))
}

fn check_options(guest: &Guest, options: &Options) -> Result<()> {
    match (guest.kind, &options.path) {
        (GuestKind::Lxc, None) => Err(Fault::usage(format!("missing --path; {} is a container", guest.label()))
            .with_hint("add --path with the path in the container: --path /mnt/data")),
        (GuestKind::Qemu, Some(_)) => Err(Fault::usage(format!("--path needs a container; {} is a VM", guest.label()))),
        (GuestKind::Lxc, _) if matches!(options.volume, Volume::Import { .. }) => {
            Err(Fault::usage(format!("--import needs a VM; {} is a container", guest.label())))
        }
        (GuestKind::Lxc, Some(path)) => check_path(path),
        (GuestKind::Qemu, None) => Ok(()),
    }
}

/// Checks a mount point inside a container.
fn check_path(path: &str) -> Result<()> {
    let odd = path.contains(',') || path.chars().any(char::is_control) || path.split('/').any(|part| part == ".." || part == ".");
    if !path.starts_with('/') || path.trim_matches('/').is_empty() || odd {
        return Err(Fault::usage(format!("'{path}' is not a path for a mount point"))
            .with_hint("use an absolute path in the container, without a comma or `..`: /mnt/bulk"));
    }
    Ok(())
}

/// Returns the key of the disk: the given one if it is free, or the next free one.
fn key(guest: &Guest, config: &Config, named: Option<&str>) -> Result<String> {
    let families: &[&str] = if guest.kind == GuestKind::Lxc { &["mp"] } else { &["scsi", "virtio", "sata", "ide", "efidisk", "tpmstate"] };
    let Some(named) = named else { return free_key(guest, config, families[0]) };
    let family = named.trim_end_matches(|c: char| c.is_ascii_digit());
    let number = named[family.len()..].parse::<u8>().ok();
    if !families.contains(&family) || number.is_none_or(|n| format!("{family}{n}") != named) {
        return Err(Fault::usage(format!("'{named}' is not a disk of a {}", guest.kind.short())).with_hint(format!(
            "use a key such as {}",
            families.iter().map(|family| format!("{family}0")).collect::<Vec<_>>().join(", ")
        )));
    }
    match text(config, named) {
        Some(there) => {
            Err(Fault::refused(format!("{} already has {named}: {there}", guest.label())).with_hint("omit --key to use the next free one"))
        }
        None => Ok(named.to_owned()),
    }
}

fn check_mount(guest: &Guest, config: &Config, path: Option<&str>) -> Result<()> {
    let Some(path) = path else { return Ok(()) };
    match super::of(guest.kind, config).into_iter().find(|disk| disk.mount() == path) {
        Some(there) => Err(Fault::refused(format!("{} already has {} at {path}", guest.label(), there.key))
            .with_hint(format!("list its disks with `felhom guest disk list {}`", guest.vmid))),
        None => Ok(()),
    }
}

/// Returns the value of the volume, and a warning.
fn volume(session: &Session, guest: &Guest, config: &Config, volume: &Volume) -> Result<(String, Option<String>)> {
    let content = if guest.kind == GuestKind::Lxc { "rootdir" } else { "images" };
    let checked = |id: &str| -> Result<Option<u64>> {
        let all = session.client()?.get(&storage::list(&guest.node))?;
        Ok(store::check(&all, id, &guest.node, content)?.avail)
    };
    Ok(match volume {
        Volume::New { storage, size } => {
            let free = checked(storage)?.filter(|free| *free < size.bytes);
            let caution = free.map(|free| format!("'{storage}' has {} free, less than the volume can grow to", units::bytes(free)));
            (format!("{storage}:{}", size.gib()), caution)
        }
        Volume::Import { storage, image } => {
            checked(storage)?;
            (format!("{storage}:0,import-from={image}"), None)
        }
        Volume::Existing(name) => (existing(guest, config, name)?, None),
    })
}

/// Returns the volume ID of an unused disk, or the given volume ID.
fn existing(guest: &Guest, config: &Config, name: &str) -> Result<String> {
    let disks = all(guest.kind, config);
    match disks.iter().find(|disk| disk.key == name || disk.volume == name) {
        Some(disk) if disk.unused() => Ok(disk.volume.clone()),
        Some(disk) => Err(Fault::refused(format!("{} is already attached as {}", disk.volume, disk.key))),
        None if name.contains(':') => Ok(name.to_owned()),
        None => {
            let unused: Vec<&str> = disks.iter().filter(|disk| disk.unused()).map(|disk| disk.key.as_str()).collect();
            let hint =
                if unused.is_empty() { "name a volume: STORAGE:VOLUME".to_owned() } else { format!("use one of: {}", unused.join(", ")) };
            Err(Fault::not_found(format!("{} has no unused volume '{name}'", guest.label())).with_hint(hint))
        }
    }
}

fn parts(guest: &Guest, options: &Options) -> String {
    let mut text = options.path.as_ref().map(|path| format!(",mp={path}")).unwrap_or_default();
    match (guest.kind, options.no_backup) {
        (GuestKind::Lxc, no_backup) => text += if no_backup { ",backup=0" } else { ",backup=1" },
        (GuestKind::Qemu, true) => text += ",backup=0",
        (GuestKind::Qemu, false) => {}
    }
    options.parts.iter().fold(text, |text, part| text + "," + part)
}

/// Verifies that the disk is there.
pub fn verify(session: &Session, guest: &Guest, addition: &Addition) -> Result<Map<String, Json>> {
    let mut seen = reconfigure::after(session, guest, &addition.before, &addition.wanted)?;
    let now = guests::with_place(session, guest, |place| session.client()?.get(&place.config()))?;
    let disk = text(&now, &addition.key).and_then(|value| Disk::of(guest.kind, &addition.key, &value));
    let Some(disk) = disk else {
        return Err(Fault::other(format!("the host accepted the change, but {} has no {}", guest.label(), addition.key))
            .with_hint(format!("check pending changes with `felhom guest config {} --pending`", guest.vmid)));
    };
    seen.insert("volume".into(), json!(disk.volume));
    seen.insert("size".into(), json!(disk.property.get("size")));
    Ok(seen)
}

#[cfg(test)]
mod tests {
    #[test]
    fn mount_points_are_absolute_paths() {
        for bad in ["", "/", "mnt", "/a/../b", "/a,b"] {
            assert!(super::check_path(bad).is_err(), "{bad}");
        }
        assert!(super::check_path("/mnt/bulk").is_ok());
    }
}
