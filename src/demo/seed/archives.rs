//! A week of backups on the shared storages.

use serde_json::json;

use super::DAY;
use crate::demo::state::{Guest, GuestKind, State, Volume, map};

pub(super) fn add(state: &mut State, now: i64) {
    // The nightly job runs at 02:00.
    let tonight = super::last_night(now);
    let guests: Vec<Guest> = [101, 102, 103, 104, 201].iter().filter_map(|id| state.guests.get(id)).cloned().collect();
    let mut nas = Vec::new();
    let mut pbs = Vec::new();
    for (index, guest) in guests.iter().enumerate() {
        for night in 0..5 {
            nas.push(file_archive(guest, tonight - night * DAY + 70 * index as i64, night));
        }
        for week in 0..2 {
            pbs.push(pbs_archive(guest, tonight - (2 + 7 * week) * DAY + 7200 + 40 * index as i64));
        }
    }
    if let Some(first) = nas.first_mut() {
        first.protected = true;
    }
    if let Some(golden) = state.guests.get(&900) {
        let mut archive = file_archive(golden, now - 45 * DAY, 0);
        archive.notes = Some("golden: nesting and keyctl, made by root once".into());
        archive.protected = true;
        nas.push(archive);
    }
    if let Some(storage) = state.storages.get_mut("nas") {
        storage.volumes.extend(nas);
    }
    if let Some(storage) = state.storages.get_mut("pbs") {
        storage.volumes.extend(pbs);
    }
}

/// Returns the size of a backup: a compressed part of the disk that grows every night.
fn size(guest: &Guest, night: i64) -> u64 {
    guest.max_disk() / 9 + 17_777_777 * u64::try_from(9 - night).unwrap_or(0) + u64::from(guest.vmid) * 1009
}

fn stamp(at: i64, format: &str) -> String {
    jiff::Timestamp::from_second(at).map(|t| t.strftime(format).to_string()).unwrap_or_default()
}

fn describe(volume: &mut Volume, guest: &Guest, at: i64) {
    let mut config = guest.config.clone();
    config.shift_remove("lock");
    config.shift_remove("template");
    volume.vmid = Some(guest.vmid);
    volume.ctime = Some(at);
    volume.notes = Some(guest.name());
    volume.subtype = Some(guest.kind.word().to_owned());
    volume.config = Some(config);
}

fn file_archive(guest: &Guest, at: i64, night: i64) -> Volume {
    let (kind, format) = if guest.kind == GuestKind::Lxc { ("lxc", "tar.zst") } else { ("qemu", "vma.zst") };
    let volid = format!("nas:backup/vzdump-{kind}-{}-{}.{format}", guest.vmid, stamp(at, "%Y_%m_%d-%H_%M_%S"));
    let mut volume = Volume::new(volid, "backup", format, size(guest, night));
    describe(&mut volume, guest, at);
    volume
}

fn pbs_archive(guest: &Guest, at: i64) -> Volume {
    let (kind, format) = if guest.kind == GuestKind::Lxc { ("ct", "pbs-ct") } else { ("vm", "pbs-vm") };
    let volid = format!("pbs:backup/{kind}/{}/{}", guest.vmid, stamp(at, "%Y-%m-%dT%H:%M:%SZ"));
    let mut volume = Volume::new(volid, "backup", format, guest.max_disk() / 2);
    describe(&mut volume, guest, at);
    volume.extra =
        map(json!({ "verification": { "state": "ok", "upid": "UPID:pbs:00000DEM:00000000:00000001:65500000:verify:tank:root@pam:" } }));
    volume
}
