//! `felhom guest mountpoint add`.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use serde_json::{Map, json};

use crate::api::{Form, GuestKind, Property, storage};
use crate::cli::{Ctx, complete};
use crate::fault::{Fault, Result};
use crate::guard::{Change, Item, Step};
use crate::ops::backup::store;
use crate::ops::guests::{self, Guest};
use crate::ops::settings::{Config, text};
use crate::ops::{disks, live, lock};
use crate::session::Session;

/// Add a volume to a container as a mount point
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  felhom guest mountpoint add 101 --volume local-lvm:32 --path /mnt/bulk --no-backup\n  felhom guest mountpoint add web --volume local-lvm:500G --path /srv/data"
)]
pub struct Add {
    /// Guest: VMID, name or NODE/VMID
    #[arg(value_name = "GUEST", add = ArgValueCompleter::new(complete::guests))]
    guest: Option<String>,
    /// Storage and size of the new volume (8G; without unit: GiB)
    #[arg(long, value_name = "STORAGE:SIZE")]
    volume: String,
    /// Path inside the container
    #[arg(long, value_name = "PATH")]
    path: String,
    /// Exclude the volume from backups
    #[arg(long)]
    no_backup: bool,
    /// Mount point key [default: next free]
    #[arg(long, value_name = "mpN")]
    mp: Option<String>,
}

impl Add {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let (id, gib) = volume(&self.volume)?;
        check_path(&self.path)?;
        let session = ctx.session()?;
        let guest = guests::one(&session, self.guest.as_deref())?;
        live::only(GuestKind::Lxc, &guest, "a mount point")?;
        let item = Item::new("mountpoint-add", guest.target()).extra("path", self.path.as_str()).extra("backup", !self.no_backup);
        let summary = format!("give {} a volume at {}", guest.label(), self.path);
        // A lock stands in the configuration: when it goes, that is another one, with another digest.
        if let Err(fault) = lock::wait(&session, &guest, &[]) {
            return ctx.refuse(&session, summary, item, fault);
        }
        let before = guests::with_place(&session, &guest, |place| session.client()?.get(&place.config()))?;
        let key = self.key(&guest, &before)?;
        let same = disks::of(GuestKind::Lxc, &before).into_iter().find(|disk| disk.mount() == self.path);
        if let Some(there) = same {
            return Err(Fault::refused(format!("{} has {} at {} already", guest.label(), there.key, self.path))
                .with_hint("check its mount points with `felhom backup scope`"));
        }
        let low = match takes(&session, &guest, id, gib) {
            Ok(low) => low,
            Err(fault) => return ctx.refuse(&session, summary, item, fault),
        };
        let backup = if self.no_backup { "0" } else { "1" };
        let value = format!("{id}:{},mp={},backup={backup}", trimmed(gib), self.path);
        let mut item = item
            .fact("digest", text(&before, "digest").unwrap_or_default())
            .touches(format!("{key}: a new volume of {} GiB on {id}, at {} in the container", trimmed(gib), self.path))
            .extra("mp", key.as_str());
        if let Some(low) = low {
            item = item.caution(low);
        }
        let call = guest.place().set_config().slow().with(&key, value).with_some("digest", text(&before, "digest"));
        ctx.carry_out(&session, Change::one(summary, item.step(Step::call("add", call))), |_, _| {
            let now = guests::with_place(&session, &guest, |place| session.client()?.get(&place.config()))?;
            let made = text(&now, &key).map(|text| Property::parse(Form::Default("volume"), &text));
            let Some(made) = made.filter(|made| made.get("mp") == Some(self.path.as_str())) else {
                return Err(Fault::other(format!("the host took it, but {} has no {key} at {}", guest.label(), self.path))
                    .with_hint(format!("check pending changes with `felhom guest config {} --pending`", guest.vmid)));
            };
            let volume = made.get("volume").unwrap_or_default();
            let kept = if self.no_backup { "left out of backups" } else { "in backups" };
            session.person.note(&format!("{key} of {}: {volume} at {}, {kept}", guest.label(), self.path));
            Ok(Map::from_iter([("volume".to_owned(), json!(volume)), ("size".to_owned(), json!(made.get("size")))]))
        })
    }

    /// The mount point to use: the one that was named, if it is free.
    fn key(&self, guest: &Guest, config: &Config) -> Result<String> {
        let Some(named) = &self.mp else {
            return (0..256)
                .map(|n| format!("mp{n}"))
                .find(|key| !config.contains_key(key))
                .ok_or_else(|| Fault::refused(format!("{} has no free mount point left", guest.label())));
        };
        let number = named.strip_prefix("mp").and_then(|n| n.parse::<u8>().ok());
        if number.is_none_or(|n| format!("mp{n}") != *named) {
            return Err(Fault::usage(format!("'{named}' is no mount point")).with_hint("use mp0 to mp255"));
        }
        match text(config, named) {
            Some(there) => {
                Err(Fault::refused(format!("{} has {named} already: {there}", guest.label()))
                    .with_hint("omit --mp to use the next free one"))
            }
            None => Ok(named.clone()),
        }
    }
}

/// `local-lvm:8`, `tank:500G` → the storage, and GiB.
fn volume(volume: &str) -> Result<(&str, f64)> {
    let bad =
        || Fault::usage(format!("'{volume}' is not STORAGE:SIZE")).with_hint("write a storage and a size in GiB: local-lvm:32, tank:500G");
    let (storage, size) = volume.split_once(':').ok_or_else(bad)?;
    let digits = size.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match &size[digits.len()..] {
        "" | "G" | "GiB" => 1.0,
        "M" | "MiB" => 1.0 / 1024.0,
        "T" | "TiB" => 1024.0,
        _ => return Err(bad()),
    };
    let gib = digits.parse::<f64>().map_err(|_| bad())? * factor;
    let sound = gib.is_finite() && gib > 0.0 && !storage.is_empty() && !storage.contains('/');
    if sound { Ok((storage, gib)) } else { Err(bad()) }
}

/// As the host takes it: `8`, `0.5`.
fn trimmed(gib: f64) -> String {
    let text = format!("{gib:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn check_path(path: &str) -> Result<()> {
    let odd = path.contains(',') || path.chars().any(char::is_control) || path.split('/').any(|part| part == ".." || part == ".");
    if !path.starts_with('/') || path.trim_matches('/').is_empty() || odd {
        return Err(Fault::usage(format!("'{path}' is no place for a mount point"))
            .with_hint("use an absolute path in the container, without a comma or `..`: /mnt/bulk"));
    }
    Ok(())
}

/// Can the storage hold it? What speaks against it for certain is refused; what may go wrong is given back.
fn takes(session: &Session, guest: &Guest, id: &str, gib: f64) -> Result<Option<String>> {
    let all = session.client()?.get(&storage::list(&guest.node))?;
    let storage = store::check(&all, id, &guest.node, "rootdir")?;
    let free = storage.avail.map(|bytes| bytes as f64 / f64::from(1 << 30));
    Ok(free.filter(|free| *free < gib).map(|free| format!("'{id}' has {free:.1} GiB free, less than the volume can grow to")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_paths() {
        let sized = |text: &str| volume(text).map(|(storage, gib)| format!("{storage}:{}", trimmed(gib)));
        assert_eq!(sized("local-lvm:8").expect("fine"), "local-lvm:8");
        assert_eq!(sized("a:512M").expect("fine"), "a:0.5");
        assert_eq!(sized("a:1T").expect("fine"), "a:1024");
        for bad in ["a", "a:", ":1", "a:-1", "a:0", "a:1X", "a:inf", "/srv:1"] {
            assert_eq!(sized(bad).expect_err(bad).exit_code(), 2);
        }
        for bad in ["", "/", "mnt", "/a/../b", "/a,b"] {
            assert!(check_path(bad).is_err(), "{bad}");
        }
        assert!(check_path("/mnt/bulk").is_ok());
    }
}
