//! The rows. Privileges are those of Proxmox VE 9.2's own checks, those that a task makes later included.

use super::Privs::{All, Any, Need, None as Login, When, WhenIs};
use super::{Privs, Risk, Row, Word};
use crate::api::Method;

const fn read(template: &'static str, privs: Privs) -> Row {
    Row { method: Method::Get, template, privs, risk: Risk::Read, word: None, task: None }
}

const fn write(method: Method, template: &'static str, privs: Privs, risk: Risk) -> Row {
    Row { method, template, privs, risk, word: None, task: None }
}

/// An irreversible one, with the word that confirms it.
const fn grave(method: Method, template: &'static str, privs: Privs, word: Word) -> Row {
    Row { method, template, privs, risk: Risk::Irreversible, word: Some(word), task: None }
}

impl Row {
    const fn task(mut self, task: &'static str) -> Self {
        self.task = Some(task);
        self
    }
}

const AUDIT: Privs = Need("VM.Audit", "/vms/{vmid}");
const POWER: Privs = Need("VM.PowerMgmt", "/vms/{vmid}");
const SNAPSHOT: Privs = Need("VM.Snapshot", "/vms/{vmid}");
const ROLLBACK: Privs = Any(&[SNAPSHOT, Need("VM.Snapshot.Rollback", "/vms/{vmid}")]);
const ALLOCATE: Privs = Need("VM.Allocate", "/vms/{vmid}");
/// For every guest that is named, or for all of them.
const EACH_POWER: Privs = Any(&[Need("VM.PowerMgmt", "/"), When("vms", &Need("VM.PowerMgmt", "/vms/{vms}"))]);
const NODE_MODIFY: Privs = Need("Sys.Modify", "/nodes/{node}");
const NODE_AUDIT: Privs = Need("Sys.Audit", "/nodes/{node}");
const SPACE: Privs = Need("Datastore.AllocateSpace", "/storage/{storage}");
const STORE_AUDIT: Privs = Any(&[Need("Datastore.Audit", "/storage/{storage}"), SPACE]);
const CREATE: Privs = All(&[
    Any(&[ALLOCATE, Need("VM.Allocate", "/pool/{pool}"), WhenIs("force", "1", &Need("VM.Backup", "/vms/{vmid}"))]),
    When("storage", &SPACE),
    When("hostname", &Need("VM.Config.Network", "/vms/{vmid}")),
    When("bwlimit", &Need("Sys.Modify", "/")),
    WhenIs("unprivileged", "0", &Need("Sys.Modify", "/")),
    // The bridges stand in the configuration, not in the call.
    Need("SDN.Use", "/sdn/zones/{zone}"),
]);
const CLONE: Privs = All(&[
    Need("VM.Clone", "/vms/{vmid}"),
    Any(&[Need("VM.Allocate", "/vms/{newid}"), When("pool", &Need("VM.Allocate", "/pool/{pool}"))]),
    // Without one in the call it is that of the original's volumes.
    SPACE,
    Need("SDN.Use", "/sdn/zones/{zone}"),
]);
const VZDUMP: Privs = All(&[
    Need("VM.Backup", "/vms/{vmid}"),
    When("storage", &SPACE),
    When("prune-backups", &Need("Datastore.Allocate", "/storage/{storage}")),
    When("bwlimit", &Need("Sys.Modify", "/")),
    When("ionice", &Need("Sys.Modify", "/")),
]);
/// An archive belongs to its guest as much as to its storage. Where the call does not name the guest, the host reads it off the archive.
const ARCHIVE: Privs = All(&[SPACE, Need("VM.Backup", "/vms/{vmid}")]);
const ROOT_MODIFY: Privs = Need("Sys.Modify", "/");
const ROOT_AUDIT: Privs = Need("Sys.Audit", "/");
const CPU: Privs = Need("VM.Config.CPU", "/vms/{vmid}");
const MEMORY: Privs = Need("VM.Config.Memory", "/vms/{vmid}");
const NETWORK: Privs = Need("VM.Config.Network", "/vms/{vmid}");
const DISK: Privs = Need("VM.Config.Disk", "/vms/{vmid}");
const HWTYPE: Privs = Need("VM.Config.HWType", "/vms/{vmid}");
const OPTIONS: Privs = Need("VM.Config.Options", "/vms/{vmid}");
const CLOUD: Privs = Any(&[Need("VM.Config.Cloudinit", "/vms/{vmid}"), NETWORK]);
/// Changing a guest's configuration: what is needed depends on the keys; the host asks for one of the first at the least.
const LXC_CONFIG: Privs = All(&[
    Any(&[DISK, CPU, MEMORY, NETWORK, OPTIONS]),
    When("cores", &CPU),
    When("cpuunits", &CPU),
    When("cpulimit", &CPU),
    When("memory", &MEMORY),
    When("swap", &MEMORY),
    When("netN", &NETWORK),
    When("nameserver", &NETWORK),
    When("searchdomain", &NETWORK),
    When("hostname", &NETWORK),
    When("rootfs", &DISK),
    When("mpN", &DISK),
    When("unusedN", &DISK),
    When("description", &OPTIONS),
    When("tags", &OPTIONS),
    When("onboot", &OPTIONS),
    When("startup", &OPTIONS),
    When("protection", &OPTIONS),
    When("ostype", &OPTIONS),
    When("cmode", &OPTIONS),
    When("console", &OPTIONS),
    When("tty", &OPTIONS),
    When("timezone", &OPTIONS),
    When("lock", &OPTIONS),
    When("features", &ALLOCATE),
]);
const QEMU_CONFIG: Privs = All(&[
    Any(&[DISK, Need("VM.Config.CDROM", "/vms/{vmid}"), CPU, MEMORY, NETWORK, HWTYPE, OPTIONS, Need("VM.Config.Cloudinit", "/vms/{vmid}")]),
    When("cores", &CPU),
    When("cpu", &CPU),
    When("cpulimit", &CPU),
    When("cpuunits", &CPU),
    When("numa", &CPU),
    When("sockets", &CPU),
    When("vcpus", &CPU),
    When("memory", &MEMORY),
    When("balloon", &MEMORY),
    When("shares", &MEMORY),
    When("acpi", &HWTYPE),
    When("hotplug", &HWTYPE),
    When("kvm", &HWTYPE),
    When("machine", &HWTYPE),
    When("scsihw", &HWTYPE),
    When("smbios1", &HWTYPE),
    When("tablet", &HWTYPE),
    When("vga", &HWTYPE),
    When("watchdog", &HWTYPE),
    When("audio0", &HWTYPE),
    When("rng0", &HWTYPE),
    When("netN", &NETWORK),
    When("scsiN", &DISK),
    When("virtioN", &DISK),
    When("sataN", &DISK),
    When("boot", &DISK),
    When("vmstatestorage", &DISK),
    When("agent", &OPTIONS),
    When("bios", &OPTIONS),
    When("description", &OPTIONS),
    When("keyboard", &OPTIONS),
    When("localtime", &OPTIONS),
    When("name", &OPTIONS),
    When("onboot", &OPTIONS),
    When("ostype", &OPTIONS),
    When("protection", &OPTIONS),
    When("startdate", &OPTIONS),
    When("startup", &OPTIONS),
    When("tags", &OPTIONS),
    When("cipassword", &CLOUD),
    When("citype", &CLOUD),
    When("ciuser", &CLOUD),
    When("cicustom", &CLOUD),
    When("ciupgrade", &CLOUD),
    When("nameserver", &CLOUD),
    When("searchdomain", &CLOUD),
    When("sshkeys", &CLOUD),
    When("ipconfigN", &CLOUD),
    When("startup", &Need("Sys.Modify", "/")),
]);

use Method::{Delete, Post, Put};
use Risk::{Disruptive, Safe};

/// Every call that a verb makes.
pub static ROWS: &[Row] = &[
    // Anything that is logged in.
    read("/version", Login),
    read("/access/permissions", Login),
    read("/access/domains", Login),
    read("/cluster/nextid", Login),
    read("/cluster/resources", Login),
    read("/cluster/status", ROOT_AUDIT),
    read("/cluster/tasks", Login),
    read("/cluster/options", Login),
    read("/nodes", Login),
    read("/nodes/{node}/status", NODE_AUDIT),
    read("/nodes/{node}/time", NODE_AUDIT),
    read("/nodes/{node}/version", Login),
    read("/nodes/{node}/certificates/info", Login),
    read("/nodes/{node}/disks/list", Any(&[ROOT_AUDIT, NODE_AUDIT])),
    read("/nodes/{node}/disks/smart", ROOT_AUDIT),
    read("/nodes/{node}/disks/directory", ROOT_AUDIT),
    read("/nodes/{node}/network", Login),
    read("/nodes/{node}/subscription", Login),
    // Tasks: one's own, or with Sys.Audit everybody's.
    read("/nodes/{node}/tasks", Login),
    read("/nodes/{node}/tasks/{upid}/status", Login),
    read("/nodes/{node}/tasks/{upid}/log", Login),
    write(Delete, "/nodes/{node}/tasks/{upid}", Login, Disruptive),
    // Containers.
    read("/nodes/{node}/lxc", Login),
    read("/nodes/{node}/lxc/{vmid}/status/current", AUDIT),
    read("/nodes/{node}/lxc/{vmid}/config", AUDIT),
    read("/nodes/{node}/lxc/{vmid}/pending", AUDIT),
    read("/nodes/{node}/lxc/{vmid}/interfaces", AUDIT),
    read("/nodes/{node}/lxc/{vmid}/snapshot", AUDIT),
    read("/nodes/{node}/lxc/{vmid}/snapshot/{snapname}/config", Any(&[AUDIT, SNAPSHOT])),
    read("/nodes/{node}/lxc/{vmid}/feature", AUDIT),
    write(Put, "/nodes/{node}/lxc/{vmid}/config", LXC_CONFIG, Safe),
    write(Post, "/nodes/{node}/lxc", CREATE, Safe).task("vzcreate|vzrestore"),
    write(Post, "/nodes/{node}/lxc/{vmid}/clone", CLONE, Safe).task("vzclone"),
    grave(Delete, "/nodes/{node}/lxc/{vmid}", ALLOCATE, Word::Vmid).task("vzdestroy"),
    write(Post, "/nodes/{node}/lxc/{vmid}/status/start", POWER, Safe).task("vzstart"),
    write(Post, "/nodes/{node}/lxc/{vmid}/status/stop", POWER, Disruptive).task("vzstop"),
    write(Post, "/nodes/{node}/lxc/{vmid}/status/shutdown", POWER, Disruptive).task("vzshutdown"),
    write(Post, "/nodes/{node}/lxc/{vmid}/status/reboot", POWER, Disruptive).task("vzreboot"),
    write(Post, "/nodes/{node}/lxc/{vmid}/status/suspend", POWER, Disruptive).task("vzsuspend"),
    write(Post, "/nodes/{node}/lxc/{vmid}/status/resume", POWER, Safe).task("vzresume"),
    write(Post, "/nodes/{node}/lxc/{vmid}/snapshot", SNAPSHOT, Safe).task("vzsnapshot"),
    grave(Post, "/nodes/{node}/lxc/{vmid}/snapshot/{snapname}/rollback", ROLLBACK, Word::Snapshot).task("vzrollback"),
    grave(Delete, "/nodes/{node}/lxc/{vmid}/snapshot/{snapname}", SNAPSHOT, Word::Snapshot).task("vzdelsnapshot"),
    write(Put, "/nodes/{node}/lxc/{vmid}/resize", Need("VM.Config.Disk", "/vms/{vmid}"), Safe).task("resize"),
    // Virtual machines.
    read("/nodes/{node}/qemu", Login),
    read("/nodes/{node}/qemu/{vmid}/status/current", AUDIT),
    read("/nodes/{node}/qemu/{vmid}/config", AUDIT),
    read("/nodes/{node}/qemu/{vmid}/pending", AUDIT),
    read("/nodes/{node}/qemu/{vmid}/snapshot", AUDIT),
    read("/nodes/{node}/qemu/{vmid}/snapshot/{snapname}/config", Any(&[AUDIT, SNAPSHOT])),
    read("/nodes/{node}/qemu/{vmid}/feature", AUDIT),
    read(
        "/nodes/{node}/qemu/{vmid}/agent/network-get-interfaces",
        Any(&[Need("VM.GuestAgent.Audit", "/vms/{vmid}"), Need("VM.GuestAgent.Unrestricted", "/vms/{vmid}")]),
    ),
    write(Put, "/nodes/{node}/qemu/{vmid}/config", QEMU_CONFIG, Safe),
    write(Post, "/nodes/{node}/qemu/{vmid}/config", QEMU_CONFIG, Safe).task("qmconfig"),
    write(Post, "/nodes/{node}/qemu", CREATE, Safe).task("qmcreate|qmrestore"),
    write(Post, "/nodes/{node}/qemu/{vmid}/clone", CLONE, Safe).task("qmclone"),
    grave(Delete, "/nodes/{node}/qemu/{vmid}", ALLOCATE, Word::Vmid).task("qmdestroy"),
    write(Post, "/nodes/{node}/qemu/{vmid}/status/start", POWER, Safe).task("qmstart"),
    write(Post, "/nodes/{node}/qemu/{vmid}/status/stop", POWER, Disruptive).task("qmstop"),
    write(Post, "/nodes/{node}/qemu/{vmid}/status/shutdown", POWER, Disruptive).task("qmshutdown"),
    write(Post, "/nodes/{node}/qemu/{vmid}/status/reboot", POWER, Disruptive).task("qmreboot"),
    write(Post, "/nodes/{node}/qemu/{vmid}/status/reset", POWER, Disruptive).task("qmreset"),
    write(Post, "/nodes/{node}/qemu/{vmid}/status/suspend", POWER, Disruptive).task("qmpause"),
    write(Post, "/nodes/{node}/qemu/{vmid}/status/resume", POWER, Safe).task("qmresume"),
    write(Post, "/nodes/{node}/qemu/{vmid}/snapshot", SNAPSHOT, Safe).task("qmsnapshot"),
    grave(Post, "/nodes/{node}/qemu/{vmid}/snapshot/{snapname}/rollback", ROLLBACK, Word::Snapshot).task("qmrollback"),
    grave(Delete, "/nodes/{node}/qemu/{vmid}/snapshot/{snapname}", SNAPSHOT, Word::Snapshot).task("qmdelsnapshot"),
    write(Put, "/nodes/{node}/qemu/{vmid}/resize", Need("VM.Config.Disk", "/vms/{vmid}"), Safe).task("resize"),
    // Many guests at once.
    write(Post, "/nodes/{node}/startall", EACH_POWER, Safe).task("startall"),
    write(Post, "/nodes/{node}/stopall", EACH_POWER, Disruptive).task("stopall"),
    write(Post, "/nodes/{node}/suspendall", EACH_POWER, Disruptive).task("suspendall"),
    write(Post, "/cluster/bulk-action/guest/start", EACH_POWER, Safe).task("bulk-start"),
    write(Post, "/cluster/bulk-action/guest/shutdown", EACH_POWER, Disruptive).task("bulk-shutdown"),
    write(Post, "/cluster/bulk-action/guest/suspend", EACH_POWER, Disruptive).task("bulk-suspend"),
    // Nodes as a whole, and their networks and certificates.
    grave(Post, "/nodes/{node}/status", Need("Sys.PowerMgmt", "/nodes/{node}"), Word::Node),
    write(Put, "/nodes/{node}/network", NODE_MODIFY, Disruptive).task("srvreload"),
    write(Post, "/nodes/{node}/certificates/custom", NODE_MODIFY, Disruptive),
    write(Delete, "/nodes/{node}/certificates/custom", NODE_MODIFY, Disruptive),
    read("/cluster/sdn/zones", Login),
    read("/cluster/sdn/vnets", Login),
    read("/cluster/sdn/controllers", Login),
    write(Put, "/cluster/sdn", Need("SDN.Allocate", "/sdn"), Disruptive).task("reloadnetworkall"),
    // Backups and archives.
    write(Post, "/nodes/{node}/vzdump", VZDUMP, Safe).task("vzdump"),
    read("/nodes/{node}/vzdump/extractconfig", ARCHIVE),
    read("/nodes/{node}/vzdump/defaults", Need("Datastore.Audit", "/storage/{storage}")),
    read("/cluster/backup", ROOT_AUDIT),
    read("/cluster/backup/{id}", ROOT_AUDIT),
    read("/cluster/backup/{id}/included_volumes", ROOT_AUDIT),
    read("/cluster/backup-info/not-backed-up", ROOT_AUDIT),
    write(Post, "/cluster/backup", ROOT_MODIFY, Safe),
    write(Put, "/cluster/backup/{id}", ROOT_MODIFY, Safe),
    write(Delete, "/cluster/backup/{id}", ROOT_MODIFY, Disruptive),
    // Storages.
    read("/storage", Login),
    read("/storage/{storage}", Need("Datastore.Allocate", "/storage/{storage}")),
    write(Post, "/storage", Need("Datastore.Allocate", "/storage"), Safe),
    write(Put, "/storage/{storage}", Need("Datastore.Allocate", "/storage/{storage}"), Safe),
    write(Delete, "/storage/{storage}", Need("Datastore.Allocate", "/storage"), Disruptive),
    read("/nodes/{node}/storage", Login),
    read("/nodes/{node}/storage/{storage}/status", STORE_AUDIT),
    read("/nodes/{node}/storage/{storage}/content", STORE_AUDIT),
    read("/nodes/{node}/storage/{storage}/content/{volume}", STORE_AUDIT),
    write(Put, "/nodes/{node}/storage/{storage}/content/{volume}", ARCHIVE, Safe),
    grave(Delete, "/nodes/{node}/storage/{storage}/content/{volume}", ARCHIVE, Word::Archive).task("imgdel"),
    read("/nodes/{node}/storage/{storage}/prunebackups", STORE_AUDIT),
    grave(Delete, "/nodes/{node}/storage/{storage}/prunebackups", ARCHIVE, Word::Storage).task("prunebackups"),
    // High availability, as far as power goes through it.
    read("/cluster/ha/resources", ROOT_AUDIT),
    read("/cluster/ha/resources/{sid}", ROOT_AUDIT),
    read("/cluster/ha/status/current", ROOT_AUDIT),
    // Access control.
    read("/access/users", Login),
    read("/access/users/{userid}", Any(&[Need("User.Modify", "/access/groups"), Need("Sys.Audit", "/access/groups")])),
    read("/access/users/{userid}/token", Login),
    read("/access/users/{userid}/token/{tokenid}", Login),
    read("/access/roles", Login),
    read("/access/roles/{roleid}", Login),
    read("/access/acl", Login),
    write(Post, "/access/ticket", Login, Safe),
    write(Post, "/access/users", All(&[Need("Realm.AllocateUser", "/access/realm"), Need("User.Modify", "/access/groups")]), Safe),
    grave(
        Delete,
        "/access/users/{userid}",
        All(&[Need("Realm.AllocateUser", "/access/realm"), Need("User.Modify", "/access/groups")]),
        Word::Last,
    ),
    write(Post, "/access/users/{userid}/token/{tokenid}", Need("User.Modify", "/access/users"), Safe),
    write(Put, "/access/users/{userid}/token/{tokenid}", Need("User.Modify", "/access/users"), Disruptive),
    grave(Delete, "/access/users/{userid}/token/{tokenid}", Need("User.Modify", "/access/users"), Word::Last),
    write(Post, "/access/roles", Need("Sys.Modify", "/access"), Safe),
    write(Put, "/access/roles/{roleid}", Need("Sys.Modify", "/access"), Disruptive),
    grave(Delete, "/access/roles/{roleid}", Need("Sys.Modify", "/access"), Word::Last),
    write(Put, "/access/acl", Need("Permissions.Modify", "{path}"), Disruptive),
];
