//! Guests: looking, power, settings, making and bringing back.

use super::{Case, lxc, prove, qemu};
use felhom::demo::state::{Power, State};

const START: &[&str] = &["guest", "start", "101"];
const START_VM: &[&str] = &["guest", "start", "201"];
const PAUSE_VM: &[&str] = &["guest", "suspend", "201", "--yes"];
const MEMORY_VM: &[&str] = &["guest", "set", "201", "memory=128"];
const TAG: &[&str] = &["guest", "tag", "add", "101", "web"];
const TAG_VM: &[&str] = &["guest", "tag", "add", "201", "web"];
const BACKUP: &[&str] = &["backup", "run", "101", "--storage", "local"];
const BACKUP_VM: &[&str] = &["backup", "run", "201", "--storage", "local"];
/// A second node, on which every storage is.
fn two_nodes(state: &mut State) {
    let mut other = state.nodes["pve1"].clone();
    other.name = "pve2".into();
    state.nodes.insert("pve2".into(), other);
}

const DISK: &[&str] = &["guest", "disk", "add", "101", "--volume", "local-lvm:1", "--path", "/data"];
const DISK_VM: &[&str] = &["guest", "disk", "add", "201", "--volume", "local-lvm:1"];
const DETACH: &[&str] = &["guest", "disk", "detach", "101", "mp0", "--yes"];
const DETACH_VM: &[&str] = &["guest", "disk", "detach", "201", "scsi1", "--yes"];
const TEMPLATE: &str = "local:vztmpl/debian-12-rig_1.0_amd64.tar.zst";

/// As one that was frozen onto the disk.
fn frozen(state: &mut State) {
    let guest = state.guests.get_mut(&101).unwrap();
    guest.power = Power::Suspended;
    guest.config.insert("lock".into(), "suspended".into());
}

/// Runs VM 201 with a guest agent.
fn agent(state: &mut State) {
    let guest = state.guests.get_mut(&201).unwrap();
    guest.power = Power::Running;
    guest.agent = true;
    guest.config.insert("agent".into(), "1".into());
}

fn running(state: &mut State) {
    state.guests.get_mut(&101).unwrap().power = Power::Running;
}

/// Where the cases of the guest agent begin.
const AGENTS: usize = CASES.len() - 5;

pub(super) static CASES: &[Case] = &[
    lxc("guest list", &["-o", "id"], &[]),
    lxc("guest show", &["101"], &[]),
    qemu("guest show", &["201"], &[]),
    lxc("guest config", &["101"], &[]),
    qemu("guest config", &["201"], &[]),
    qemu("guest config", &["201", "--pending"], &[START_VM, MEMORY_VM]),
    lxc("guest next-id", &[], &[]),
    lxc("guest start", &["101"], &[]),
    qemu("guest start", &["201"], &[]),
    lxc("guest stop", &["101", "--yes"], &[START]),
    qemu("guest stop", &["201", "--yes"], &[START_VM]),
    lxc("guest shutdown", &["101", "--yes"], &[START]),
    qemu("guest shutdown", &["201", "--yes"], &[START_VM]),
    lxc("guest reboot", &["101", "--yes"], &[START]),
    qemu("guest reboot", &["201", "--yes"], &[START_VM]),
    // The host tries, and fails: the containers of this kernel cannot be frozen.
    lxc("guest suspend", &["101", "--yes"], &[START]).ends(6),
    qemu("guest suspend", &["201", "--yes"], &[START_VM]),
    lxc("guest resume", &["101"], &[]).set(frozen).ends(6),
    qemu("guest resume", &["201"], &[START_VM, PAUSE_VM]),
    lxc("guest set", &["101", "cores=2", "memory=256"], &[]).with(&["cores", "memory"]),
    qemu("guest set", &["201", "cores=2", "memory=256"], &[]).with(&["cores", "memory"]),
    lxc("guest migrate", &["101", "pve2"], &[]).set(two_nodes),
    lxc("guest migrate", &["101", "pve2", "--target-storage", "dirct"], &[])
        .set(two_nodes)
        .on(&[101], &["dirct"])
        .with(&["target-storage"]),
    qemu("guest migrate", &["201", "pve2"], &[]).set(two_nodes),
    qemu("guest migrate", &["201", "pve2", "--target-storage", "dirct"], &[])
        .set(two_nodes)
        .on(&[201], &["dirct"])
        .with(&["targetstorage"]),
    lxc("node drain", &["pve1", "--restart", "--yes"], &[START]).set(two_nodes),
    qemu("node drain", &["pve1", "--yes"], &[START_VM]).set(two_nodes),
    lxc("guest disk list", &["101"], &[]),
    qemu("guest disk list", &["201"], &[]),
    lxc("guest disk add", &["101", "--volume", "local-lvm:1", "--path", "/data"], &[]).on(&[101], &["local-lvm"]),
    qemu("guest disk add", &["201", "--volume", "local-lvm:1"], &[]).on(&[201], &["local-lvm"]),
    lxc("guest disk attach", &["101", "unused0", "--path", "/data"], &[DISK, DETACH]),
    qemu("guest disk attach", &["201", "unused0"], &[DISK_VM, DETACH_VM]),
    lxc("guest disk detach", &["101", "mp0", "--yes"], &[DISK]),
    qemu("guest disk detach", &["201", "scsi1", "--yes"], &[DISK_VM]),
    lxc("guest disk delete", &["101", "unused0", "--confirm", "101"], &[DISK, DETACH]),
    qemu("guest disk delete", &["201", "unused0", "--confirm", "201"], &[DISK_VM, DETACH_VM]),
    lxc("guest disk resize", &["101", "rootfs", "+1G"], &[]).on(&[101], &["local-lvm"]),
    qemu("guest disk resize", &["201", "scsi0", "+1G"], &[]).on(&[201], &["dirct"]),
    lxc("guest disk move", &["101", "rootfs", "dirct"], &[]).on(&[101], &["dirct"]),
    lxc("guest disk move", &["101", "mp0", "--to-guest", "102", "--yes"], &[DISK]).on(&[101, 102], &["local-lvm"]).with(&["target-vmid"]),
    qemu("guest disk move", &["201", "scsi0", "local-lvm"], &[]).on(&[201], &["local-lvm"]),
    lxc("guest create lxc", &[TEMPLATE, "--hostname", "new", "--storage", "local-lvm", "--size", "1", "--vmid", "150"], &[])
        .on(&[150], &["local", "local-lvm"]),
    lxc(
        "guest create lxc",
        &[TEMPLATE, "--hostname", "new", "--storage", "local-lvm", "--size", "1", "--vmid", "150", "--memory", "256", "--cores", "1"],
        &[],
    )
    .on(&[150], &["local", "local-lvm"])
    .with(&["memory", "cores"]),
    lxc(
        "guest create lxc",
        &[TEMPLATE, "--hostname", "new", "--storage", "local-lvm", "--size", "1", "--vmid", "150", "--start", "--onboot"],
        &[],
    )
    .on(&[150], &["local", "local-lvm"])
    .with(&["--start", "onboot"]),
    lxc("guest tag add", &["101", "web"], &[]),
    qemu("guest tag add", &["201", "web"], &[]),
    lxc("guest tag remove", &["101", "web"], &[TAG]),
    qemu("guest tag remove", &["201", "web"], &[TAG_VM]),
    lxc("guest clone", &["101", "--vmid", "150"], &[]).on(&[101, 150], &["local-lvm"]),
    qemu("guest clone", &["201", "--vmid", "250"], &[]).on(&[201, 250], &["dirct"]),
    // The archives that stay are a part of what it says.
    lxc("guest delete", &["101", "--confirm", "101", "-o", "json"], &[BACKUP]),
    qemu("guest delete", &["201", "--confirm", "201", "-o", "json"], &[BACKUP_VM]).on(&[201], &["local"]),
    lxc("guest ip", &["101"], &[]).set(running),
    qemu("guest ip", &["201"], &[]).set(agent),
    qemu("guest exec", &["201", "--", "id"], &[]).set(agent),
    qemu("guest file read", &["201", "/etc/hostname"], &[]).set(agent),
    qemu("guest file write", &["201", "/root/empty"], &[]).set(agent),
];

#[test]
fn looking_and_power() {
    prove(&CASES[..19]);
}

#[test]
fn making() {
    prove(&CASES[19..25]);
}

#[test]
fn tags_copies_and_the_end() {
    prove(&CASES[25..AGENTS]);
}

#[test]
fn guest_agents() {
    prove(&CASES[AGENTS..]);
}
