//! Guests that use a mapping or a VNet.

use super::Finding;
use crate::api::{Form, Property};
use crate::fault::Result;
use crate::ops::guests::{self, Guest};
use crate::ops::settings::{Config, text};
use crate::ops::{disks, live};
use crate::session::Session;

/// Checks that no guest uses a mapping of a device or directory.
pub(super) fn mapping(session: &Session, kind: &str, id: &str) -> Result<Finding> {
    let (family, part) = match kind {
        "pci" => ("hostpci", "mapping"),
        "usb" => ("usb", "mapping"),
        _ => ("virtiofs", "dirid"),
    };
    users(session, &format!("the mapping '{id}'"), |guest, config| key_with(guest, config, family, part, id))
}

/// Checks that no guest has an interface in a VNet.
pub(super) fn vnet(session: &Session, vnet: &str) -> Result<Finding> {
    users(session, &format!("the VNet '{vnet}'"), |guest, config| key_with(guest, config, "net", "bridge", vnet))
}

/// Checks that a guest does not have a volume in its configuration.
pub(super) fn volume(session: &Session, guest: &Guest, volume: &str) -> Result<Finding> {
    let config = match guests::with_place(session, guest, |place| session.client()?.get(&place.config())) {
        Ok(config) => config,
        Err(fault) => return Ok(Finding::Unknown(format!("whether {} uses {volume}: {}", guest.label(), fault.message))),
    };
    let used = disks::all(guest.kind, &config).into_iter().find(|disk| disk.volume == volume);
    Ok(match used {
        Some(disk) => Finding::in_use(volume, &[format!("{} of {}", disk.key, guest.label())]),
        None => Finding::Fine,
    })
}

/// Returns the key of a family such as `net` whose part has this value.
fn key_with(guest: &Guest, config: &Config, family: &str, part: &str, wanted: &str) -> Option<String> {
    let keys = config.keys().filter(|key| key.trim_end_matches(|c: char| c.is_ascii_digit()) == family);
    let mut found = keys.filter(|key| {
        let value = text(config, key).unwrap_or_default();
        // `virtiofs0: share,cache=auto` omits the key of its first part.
        let first = value.split(',').next().is_some_and(|first| first == wanted && family == "virtiofs");
        first || Form::of(guest.kind, key).is_some_and(|form| Property::parse(form, &value).get(part) == Some(wanted))
    });
    found.next().cloned()
}

/// Asks all guests for their use of an object.
fn users(session: &Session, what: &str, uses: impl Fn(&Guest, &Config) -> Option<String> + Sync) -> Result<Finding> {
    let all: Vec<Guest> = guests::all(session)?.into_iter().filter(|guest| !guest.offline).collect();
    let seen = live::each(&all, |guest| -> Result<Option<String>> {
        let config = guests::with_place(session, guest, |place| session.client()?.get(&place.config()))?;
        Ok(uses(guest, &config).map(|key| format!("{key} of {}", guest.label())))
    });
    let mut users = Vec::new();
    let mut unread = None;
    for one in seen {
        match one {
            Ok(user) => users.extend(user),
            Err(fault) => unread = Some(fault.message),
        }
    }
    match unread {
        Some(why) if users.is_empty() => Ok(Finding::Unknown(format!("guests that use {what}: {why}"))),
        _ => Ok(Finding::in_use(what, &users)),
    }
}
