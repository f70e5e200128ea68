//! Containers and VMs: `/nodes/{node}/lxc/**` and `/nodes/{node}/qemu/**`.

mod agent;
mod agent_exec;
mod agent_shell;
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

/// Routes of guests.
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
    agent_exec::ROUTES,
    migrate::ROUTES,
    console::ROUTES,
    remote::ROUTES,
];

/// Returns the guest type of the path.
fn kind(req: &Req<'_>) -> GuestKind {
    if req.path.split('/').nth(3) == Some("qemu") { GuestKind::Qemu } else { GuestKind::Lxc }
}

/// Returns the guest of the path, or the host's error.
fn the_guest(req: &Req<'_>) -> Result<Guest, Refusal> {
    req.guest(kind(req)).cloned()
}

/// Whether the guest of the path is running.
fn is_running(req: &Req<'_>) -> bool {
    req.guest(kind(req)).is_ok_and(|guest| guest.power.is_on())
}

/// Returns the error about a locked guest.
fn locked(guest: &Guest) -> Option<String> {
    guest.lock().map(|lock| format!("{} is locked ({lock})", guest.kind.label()))
}

fn check_lock(guest: &Guest) -> Result<(), Refusal> {
    locked(guest).map_or(Ok(()), |words| Err(Refusal::die(words)))
}

/// Returns `skiplock`, which is reserved for `root@pam`.
fn check_skiplock(req: &Req<'_>) -> Result<bool, Refusal> {
    let skip = req.params.flag("skiplock");
    if skip && !req.is_root() {
        return Err(Refusal::param("skiplock", "Only root may use this option."));
    }
    Ok(skip)
}
