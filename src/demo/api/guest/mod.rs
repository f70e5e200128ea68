//! Containers and virtual machines: `/nodes/{node}/lxc/**` and `/nodes/{node}/qemu/**`.

mod agent;
mod apply;
mod archive;
mod backup;
mod clone;
mod config;
mod console;
mod content;
mod create_lxc;
mod create_qemu;
mod destroy;
mod disk_calls;
mod disks;
mod list;
mod migrate;
mod move_disk;
mod power;
mod prune;
mod random;
mod remote;
mod restore_lxc;
mod rights;
mod snapshot;
mod times;
mod transfer;
mod vzdump;

pub(super) use disks::unreplicable;
pub(super) use power::cannot_start;

use crate::demo::api::{Refusal, Req, Route};
use crate::demo::state::{Guest, GuestKind};

/// Every call about guests.
pub(super) const ROUTES: &[&[Route]] = &[
    list::ROUTES,
    config::ROUTES,
    power::ROUTES,
    snapshot::ROUTES,
    create_lxc::ROUTES,
    create_qemu::ROUTES,
    destroy::ROUTES,
    clone::ROUTES,
    disk_calls::ROUTES,
    move_disk::ROUTES,
    vzdump::ROUTES,
    prune::ROUTES,
    content::ROUTES,
    transfer::ROUTES,
    agent::ROUTES,
    agent::COMMANDS,
    migrate::ROUTES,
    console::ROUTES,
    remote::ROUTES,
];

/// Which kind of guest a path is about.
fn kind(req: &Req<'_>) -> GuestKind {
    if req.path.split('/').nth(3) == Some("qemu") { GuestKind::Qemu } else { GuestKind::Lxc }
}

/// `CT` for `lxc/101`; the guest itself may be missing.
fn the_guest(req: &Req<'_>) -> Result<Guest, Refusal> {
    req.guest(kind(req)).cloned()
}

/// The guest of the path if it is there, of whatever node.
fn is_running(req: &Req<'_>) -> bool {
    req.guest(kind(req)).is_ok_and(|guest| guest.power.is_on())
}

/// The host's words about a locked guest.
fn locked(guest: &Guest) -> Option<String> {
    guest.lock().map(|lock| format!("{} is locked ({lock})", guest.kind.label()))
}

fn check_lock(guest: &Guest) -> Result<(), Refusal> {
    locked(guest).map_or(Ok(()), |words| Err(Refusal::die(words)))
}

/// `skiplock` is for `root@pam` itself.
fn check_skiplock(req: &Req<'_>) -> Result<bool, Refusal> {
    let skip = req.params.flag("skiplock");
    if skip && !req.is_root() {
        return Err(Refusal::param("skiplock", "Only root may use this option."));
    }
    Ok(skip)
}
