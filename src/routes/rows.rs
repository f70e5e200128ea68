//! The rows. Privileges are those that Proxmox VE 9.2 checks, including checks inside tasks.

use super::Privs::{All, Any, Need, None as Login, When, WhenIs, Without};
use super::{ConfirmWord, Privs, Risk, Row, settings};
use crate::api::Method;

const fn read(template: &'static str, privs: Privs) -> Row {
    Row { method: Method::Get, template, privs, risk: Risk::Read, word: None, task: None }
}

const fn write(method: Method, template: &'static str, privs: Privs, risk: Risk) -> Row {
    Row { method, template, privs, risk, word: None, task: None }
}

/// An irreversible call with its confirmation word.
const fn irreversible(method: Method, template: &'static str, privs: Privs, word: ConfirmWord) -> Row {
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
const ROLLBACK_ONLY: Privs = Need("VM.Snapshot.Rollback", "/vms/{vmid}");
const ROLLBACK: Privs = Any(&[SNAPSHOT, ROLLBACK_ONLY]);
const ALLOCATE: Privs = Need("VM.Allocate", "/vms/{vmid}");
/// For each named guest, or for all guests.
const EACH_POWER: Privs = Any(&[Need("VM.PowerMgmt", "/"), When("vms", &Need("VM.PowerMgmt", "/vms/{vms}"))]);
const AGENT: Privs = Need("VM.GuestAgent.Unrestricted", "/vms/{vmid}");
const DISK: Privs = Need("VM.Config.Disk", "/vms/{vmid}");
/// The host treats the call's own parameters as options of the container.
const RESIZE_LXC: Privs = All(&[DISK, SPACE, Need("VM.Config.Options", "/vms/{vmid}")]);
/// The storage is the target storage, or by default the disk's.
const MOVE_DISK: Privs = All(&[DISK, SPACE, When("target-vmid", &Need("VM.Config.Disk", "/vms/{target-vmid}"))]);
const MIGRATE: Privs = Need("VM.Migrate", "/vms/{vmid}");
const MIGRATE_LXC: Privs =
    All(&[MIGRATE, When("target-storage", &All(&[DISK, Need("Datastore.AllocateSpace", "/storage/{target-storage}")]))]);
const MIGRATE_QEMU: Privs =
    All(&[MIGRATE, When("targetstorage", &All(&[DISK, Need("Datastore.AllocateSpace", "/storage/{targetstorage}")]))]);
const NODE_MODIFY: Privs = Need("Sys.Modify", "/nodes/{node}");
const NODE_AUDIT: Privs = Need("Sys.Audit", "/nodes/{node}");
const SPACE: Privs = Need("Datastore.AllocateSpace", "/storage/{storage}");
const STORE_AUDIT: Privs = Any(&[Need("Datastore.Audit", "/storage/{storage}"), SPACE]);
/// A volume that is read: a backup belongs to its guest and its storage, a template only to its storage.
const SOURCE: Privs = Any(&[
    Need("Datastore.Audit", "/storage/{ostemplate}"),
    Need("Datastore.AllocateSpace", "/storage/{ostemplate}"),
    Need("Datastore.Allocate", "/storage/{ostemplate}"),
]);
/// A new guest, or one that is restored over itself.
const CREATE: Privs = All(&[
    Any(&[ALLOCATE, Need("VM.Allocate", "/pool/{pool}"), WhenIs("force", "1", &Need("VM.Backup", "/vms/{vmid}"))]),
    When("storage", &SPACE),
    When("ha-managed", &Need("Sys.Console", "/")),
]);
/// Bridges of a backup are in its configuration, not in the call.
const BRIDGES: Privs = Need("SDN.Use", "/sdn/zones/{zone}");
const CREATE_LXC: Privs =
    All(&[CREATE, When("ostemplate", &SOURCE), WhenIs("restore", "1", &BRIDGES), WhenIs("unprivileged", "0", &ROOT_MODIFY), settings::LXC]);
const CREATE_QEMU: Privs = All(&[CREATE, When("archive", &BRIDGES), WhenIs("start", "1", &POWER), settings::QEMU]);
const CLONE: Privs = All(&[
    Need("VM.Clone", "/vms/{vmid}"),
    Any(&[Need("VM.Allocate", "/vms/{newid}"), When("pool", &Need("VM.Allocate", "/pool/{pool}"))]),
    // By default, the storage is that of the original's volumes.
    SPACE,
    BRIDGES,
]);
const VZDUMP: Privs = All(&[
    Need("VM.Backup", "/vms/{vmid}"),
    When("storage", &SPACE),
    When("prune-backups", &STORE),
    When("bwlimit", &ROOT_MODIFY),
    When("ionice", &ROOT_MODIFY),
    When("performance", &ROOT_MODIFY),
    WhenIs("stop", "1", &Need("Sys.Modify", "/nodes/{node}")),
]);
/// A backup belongs to its guest and its storage. If the call does not name the guest, the backup's name does.
const ARCHIVE: Privs = All(&[SPACE, Need("VM.Backup", "/vms/{vmid}")]);
/// Datastore.Allocate allows reading everything on a storage.
const READ_ARCHIVE: Privs = Any(&[STORE, ARCHIVE]);
/// Here, the volume contains the storage.
const EXTRACT: Privs = Any(&[
    Need("Datastore.Allocate", "/storage/{volume}"),
    All(&[Need("Datastore.AllocateSpace", "/storage/{volume}"), Need("VM.Backup", "/vms/{vmid}")]),
]);
/// Without a guest, the call affects all of them.
const PRUNE: Privs = All(&[When("vmid", &ARCHIVE), Without("vmid", &STORE)]);
/// The backups of a job belong to several guests.
const JOB: Privs = All(&[ROOT_MODIFY, STORE, When("pool", &Need("VM.Backup", "/pool/{pool}"))]);
const STORE: Privs = Need("Datastore.Allocate", "/storage/{storage}");
const ROOT_MODIFY: Privs = Need("Sys.Modify", "/");
const ROOT_AUDIT: Privs = Need("Sys.Audit", "/");
/// A user manages its own tokens; others need User.Modify. A token is no user.
const TOKENS: Privs = Need("User.Modify", "/access/groups");
const USERS: Privs = All(&[Need("Realm.AllocateUser", "/access/realm/{realm}"), Need("User.Modify", "/access/groups")]);

use Method::{Delete, Post, Put};
use Risk::{Disruptive, Safe};

/// Every call of hand-written commands.
pub static ROWS: &[Row] = &[
    // Any authenticated user.
    read("/version", Login),
    // The own permissions; those of others need more.
    read("/access/permissions", When("userid", &Need("Sys.Audit", "/access"))),
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
    // Tasks: the own ones, or all with Sys.Audit.
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
    read("/nodes/{node}/lxc/{vmid}/snapshot/{snapname}/config", Any(&[AUDIT, SNAPSHOT, ROLLBACK_ONLY])),
    read("/nodes/{node}/lxc/{vmid}/feature", AUDIT),
    write(Put, "/nodes/{node}/lxc/{vmid}/config", settings::CHANGE_LXC, Safe),
    write(Post, "/nodes/{node}/lxc", CREATE_LXC, Safe).task("vzcreate|vzrestore"),
    read("/nodes/{node}/lxc/{vmid}/migrate", MIGRATE),
    write(Post, "/nodes/{node}/lxc/{vmid}/migrate", MIGRATE_LXC, Disruptive).task("vzmigrate|hamigrate"),
    write(Post, "/nodes/{node}/lxc/{vmid}/clone", CLONE, Safe).task("vzclone"),
    irreversible(Delete, "/nodes/{node}/lxc/{vmid}", ALLOCATE, ConfirmWord::Vmid).task("vzdestroy"),
    write(Post, "/nodes/{node}/lxc/{vmid}/status/start", POWER, Safe).task("vzstart"),
    write(Post, "/nodes/{node}/lxc/{vmid}/status/stop", POWER, Disruptive).task("vzstop"),
    write(Post, "/nodes/{node}/lxc/{vmid}/status/shutdown", POWER, Disruptive).task("vzshutdown"),
    write(Post, "/nodes/{node}/lxc/{vmid}/status/reboot", POWER, Disruptive).task("vzreboot"),
    write(Post, "/nodes/{node}/lxc/{vmid}/status/suspend", POWER, Disruptive).task("vzsuspend"),
    write(Post, "/nodes/{node}/lxc/{vmid}/status/resume", POWER, Safe).task("vzresume"),
    write(Post, "/nodes/{node}/lxc/{vmid}/snapshot", SNAPSHOT, Safe).task("vzsnapshot"),
    irreversible(Post, "/nodes/{node}/lxc/{vmid}/snapshot/{snapname}/rollback", ROLLBACK, ConfirmWord::Snapshot).task("vzrollback"),
    irreversible(Delete, "/nodes/{node}/lxc/{vmid}/snapshot/{snapname}", SNAPSHOT, ConfirmWord::Snapshot).task("vzdelsnapshot"),
    write(Put, "/nodes/{node}/lxc/{vmid}/resize", RESIZE_LXC, Safe).task("resize"),
    write(Post, "/nodes/{node}/lxc/{vmid}/move_volume", MOVE_DISK, Safe).task("move_volume"),
    // VMs.
    read("/nodes/{node}/qemu", Login),
    read("/nodes/{node}/qemu/{vmid}/status/current", AUDIT),
    read("/nodes/{node}/qemu/{vmid}/config", AUDIT),
    read("/nodes/{node}/qemu/{vmid}/pending", AUDIT),
    read("/nodes/{node}/qemu/{vmid}/snapshot", AUDIT),
    read("/nodes/{node}/qemu/{vmid}/snapshot/{snapname}/config", Any(&[AUDIT, SNAPSHOT, ROLLBACK_ONLY])),
    read("/nodes/{node}/qemu/{vmid}/feature", AUDIT),
    read("/nodes/{node}/qemu/{vmid}/agent/network-get-interfaces", Any(&[Need("VM.GuestAgent.Audit", "/vms/{vmid}"), AGENT])),
    // Harmless by itself; what the command does is the operator's.
    write(Post, "/nodes/{node}/qemu/{vmid}/agent/exec", AGENT, Safe),
    read("/nodes/{node}/qemu/{vmid}/agent/exec-status", AGENT),
    read("/nodes/{node}/qemu/{vmid}/agent/file-read", Any(&[Need("VM.GuestAgent.FileRead", "/vms/{vmid}"), AGENT])),
    write(Post, "/nodes/{node}/qemu/{vmid}/agent/file-write", Any(&[Need("VM.GuestAgent.FileWrite", "/vms/{vmid}"), AGENT]), Safe),
    write(Put, "/nodes/{node}/qemu/{vmid}/config", settings::CHANGE_QEMU, Safe),
    write(Post, "/nodes/{node}/qemu/{vmid}/config", settings::CHANGE_QEMU, Safe).task("qmconfig"),
    write(Post, "/nodes/{node}/qemu", CREATE_QEMU, Safe).task("qmcreate|qmrestore"),
    read("/nodes/{node}/qemu/{vmid}/migrate", MIGRATE),
    write(Post, "/nodes/{node}/qemu/{vmid}/migrate", MIGRATE_QEMU, Disruptive).task("qmigrate|hamigrate"),
    write(Post, "/nodes/{node}/qemu/{vmid}/clone", CLONE, Safe).task("qmclone"),
    irreversible(Delete, "/nodes/{node}/qemu/{vmid}", ALLOCATE, ConfirmWord::Vmid).task("qmdestroy"),
    write(Post, "/nodes/{node}/qemu/{vmid}/status/start", POWER, Safe).task("qmstart"),
    write(Post, "/nodes/{node}/qemu/{vmid}/status/stop", POWER, Disruptive).task("qmstop"),
    write(Post, "/nodes/{node}/qemu/{vmid}/status/shutdown", POWER, Disruptive).task("qmshutdown"),
    write(Post, "/nodes/{node}/qemu/{vmid}/status/reboot", POWER, Disruptive).task("qmreboot"),
    write(Post, "/nodes/{node}/qemu/{vmid}/status/reset", POWER, Disruptive).task("qmreset"),
    write(Post, "/nodes/{node}/qemu/{vmid}/status/suspend", POWER, Disruptive).task("qmpause"),
    write(Post, "/nodes/{node}/qemu/{vmid}/status/resume", POWER, Safe).task("qmresume"),
    write(Post, "/nodes/{node}/qemu/{vmid}/snapshot", SNAPSHOT, Safe).task("qmsnapshot"),
    irreversible(Post, "/nodes/{node}/qemu/{vmid}/snapshot/{snapname}/rollback", ROLLBACK, ConfirmWord::Snapshot).task("qmrollback"),
    irreversible(Delete, "/nodes/{node}/qemu/{vmid}/snapshot/{snapname}", SNAPSHOT, ConfirmWord::Snapshot).task("qmdelsnapshot"),
    write(Put, "/nodes/{node}/qemu/{vmid}/resize", All(&[DISK, SPACE]), Safe).task("resize"),
    write(Post, "/nodes/{node}/qemu/{vmid}/move_disk", MOVE_DISK, Safe).task("qmmove"),
    // Bulk actions.
    write(Post, "/nodes/{node}/startall", EACH_POWER, Safe).task("startall"),
    write(Post, "/nodes/{node}/stopall", EACH_POWER, Disruptive).task("stopall"),
    write(Post, "/cluster/bulk-action/guest/start", EACH_POWER, Safe).task("bulk-start"),
    write(Post, "/cluster/bulk-action/guest/shutdown", EACH_POWER, Disruptive).task("bulk-shutdown"),
    // Nodes, their networks and certificates.
    irreversible(Post, "/nodes/{node}/status", Need("Sys.PowerMgmt", "/nodes/{node}"), ConfirmWord::Node),
    write(Put, "/nodes/{node}/network", NODE_MODIFY, Disruptive).task("srvreload"),
    write(Post, "/nodes/{node}/certificates/custom", NODE_MODIFY, Disruptive),
    write(Delete, "/nodes/{node}/certificates/custom", NODE_MODIFY, Disruptive),
    read("/cluster/sdn/zones", Login),
    read("/cluster/sdn/vnets", Login),
    read("/cluster/sdn/controllers", Login),
    read("/nodes/{node}/sdn/zones", Login),
    read("/nodes/{node}/sdn/zones/{zone}/content", Need("SDN.Audit", "/sdn/zones/{zone}")),
    write(Put, "/cluster/sdn", Need("SDN.Allocate", "/sdn"), Disruptive).task("reloadnetworkall"),
    // Backups.
    write(Post, "/nodes/{node}/vzdump", VZDUMP, Safe).task("vzdump"),
    read("/nodes/{node}/vzdump/extractconfig", EXTRACT),
    read("/nodes/{node}/vzdump/defaults", STORE_AUDIT),
    read("/cluster/backup", ROOT_AUDIT),
    read("/cluster/backup/{id}", ROOT_AUDIT),
    read("/cluster/backup/{id}/included_volumes", ROOT_AUDIT),
    read("/cluster/backup-info/not-backed-up", ROOT_AUDIT),
    write(Post, "/cluster/backup", JOB, Safe),
    write(Put, "/cluster/backup/{id}", JOB, Safe),
    write(Delete, "/cluster/backup/{id}", ROOT_MODIFY, Disruptive),
    // Storages.
    read("/storage", Login),
    read("/storage/{storage}", Need("Datastore.Allocate", "/storage/{storage}")),
    write(Post, "/storage", Need("Datastore.Allocate", "/storage"), Safe),
    write(Put, "/storage/{storage}", Need("Datastore.Allocate", "/storage"), Safe),
    write(Delete, "/storage/{storage}", Need("Datastore.Allocate", "/storage"), Disruptive),
    read("/nodes/{node}/storage", Login),
    read("/nodes/{node}/storage/{storage}/status", STORE_AUDIT),
    read("/nodes/{node}/storage/{storage}/content", STORE_AUDIT),
    read("/nodes/{node}/storage/{storage}/content/{volume}", READ_ARCHIVE),
    write(Put, "/nodes/{node}/storage/{storage}/content/{volume}", READ_ARCHIVE, Safe),
    irreversible(Delete, "/nodes/{node}/storage/{storage}/content/{volume}", ARCHIVE, ConfirmWord::Archive).task("imgdel"),
    write(Post, "/nodes/{node}/storage/{storage}/upload", Need("Datastore.AllocateTemplate", "/storage/{storage}"), Safe).task("imgcopy"),
    read("/nodes/{node}/storage/{storage}/prunebackups", STORE_AUDIT),
    irreversible(Delete, "/nodes/{node}/storage/{storage}/prunebackups", PRUNE, ConfirmWord::Storage).task("prunebackups"),
    // High availability, where it affects power actions.
    read("/cluster/ha/resources", ROOT_AUDIT),
    read("/cluster/ha/resources/{sid}", ROOT_AUDIT),
    read("/cluster/ha/status/current", ROOT_AUDIT),
    // Access control.
    read("/access/users", Login),
    read("/access/users/{userid}", Any(&[Need("User.Modify", "/access/groups"), Need("Sys.Audit", "/access/groups")])),
    read("/access/users/{userid}/token", TOKENS),
    read("/access/users/{userid}/token/{tokenid}", TOKENS),
    read("/access/roles", Login),
    read("/access/roles/{roleid}", Login),
    read("/access/acl", Login),
    write(Post, "/access/ticket", Login, Safe),
    write(Post, "/access/users", USERS, Safe),
    irreversible(Delete, "/access/users/{userid}", USERS, ConfirmWord::Last),
    write(Post, "/access/users/{userid}/token/{tokenid}", TOKENS, Safe),
    write(Put, "/access/users/{userid}/token/{tokenid}", TOKENS, Disruptive),
    irreversible(Delete, "/access/users/{userid}/token/{tokenid}", TOKENS, ConfirmWord::Last),
    write(Post, "/access/roles", Need("Sys.Modify", "/access"), Safe),
    write(Put, "/access/roles/{roleid}", Need("Sys.Modify", "/access"), Disruptive),
    irreversible(Delete, "/access/roles/{roleid}", Need("Sys.Modify", "/access"), ConfirmWord::Last),
    write(Put, "/access/acl", Need("Permissions.Modify", "{path}"), Disruptive),
];
