//! The calls of each command. In debug builds and tests, the client refuses calls that are not listed.

/// A command such as `guest list`, with its rows.
#[derive(Debug)]
pub struct Verb {
    pub name: &'static str,
    pub calls: &'static [&'static str],
}

/// Calls that every command may make: identity, guests, nodes, tasks.
pub static COMMON: &[&str] = &[
    "GET /version",
    "GET /access/permissions",
    // Used to explain permission errors.
    "GET /access/acl",
    "GET /access/roles",
    "GET /access/users/{userid}",
    "GET /cluster/resources",
    "GET /cluster/status",
    "GET /cluster/nextid",
    "GET /nodes",
    // The current guests of a node: the cluster's list may be outdated.
    "GET /nodes/{node}/lxc",
    "GET /nodes/{node}/qemu",
    "GET /cluster/tasks",
    "GET /nodes/{node}/tasks",
    "GET /nodes/{node}/tasks/{upid}/status",
    "GET /nodes/{node}/tasks/{upid}/log",
    "DELETE /nodes/{node}/tasks/{upid}",
];

/// Optional calls: without their privileges the commands still work.
static COMFORT: &[&str] = &[
    "GET /nodes/{node}/qemu/{vmid}/agent/network-get-interfaces",
    "GET /nodes/{node}/lxc/{vmid}/interfaces",
    "GET /nodes/{node}/sdn/zones/{zone}/content",
];

/// Whether a command works without a call that it makes.
pub fn optional(verb: &str, call: &str) -> bool {
    match verb {
        "guest ip" => false,
        "guest file write" => call.ends_with("/file-read"),
        _ => COMFORT.contains(&call),
    }
}

/// Changing a guest's configuration, including its tags.
const SET: &[&str] = &[
    "GET /nodes/{node}/lxc/{vmid}/config",
    "GET /nodes/{node}/qemu/{vmid}/config",
    "GET /nodes/{node}/lxc/{vmid}/pending",
    "GET /nodes/{node}/qemu/{vmid}/pending",
    "GET /nodes/{node}/lxc/{vmid}/status/current",
    "GET /nodes/{node}/qemu/{vmid}/status/current",
    "PUT /nodes/{node}/lxc/{vmid}/config",
    "PUT /nodes/{node}/qemu/{vmid}/config",
    "POST /nodes/{node}/qemu/{vmid}/config",
];

/// Adding a volume to a guest's configuration.
const SET_DISK: &[&str] = &[
    "GET /nodes/{node}/lxc/{vmid}/config",
    "GET /nodes/{node}/qemu/{vmid}/config",
    "GET /nodes/{node}/lxc/{vmid}/pending",
    "GET /nodes/{node}/qemu/{vmid}/pending",
    "GET /nodes/{node}/lxc/{vmid}/status/current",
    "GET /nodes/{node}/qemu/{vmid}/status/current",
    "GET /nodes/{node}/storage",
    "PUT /nodes/{node}/lxc/{vmid}/config",
    "POST /nodes/{node}/qemu/{vmid}/config",
];

/// Migrating guests.
const MIGRATE: &[&str] = &[
    "GET /nodes/{node}/lxc/{vmid}/status/current",
    "GET /nodes/{node}/qemu/{vmid}/status/current",
    "GET /nodes/{node}/lxc/{vmid}/migrate",
    "GET /nodes/{node}/qemu/{vmid}/migrate",
    "GET /nodes/{node}/storage",
    "POST /nodes/{node}/lxc/{vmid}/migrate",
    "POST /nodes/{node}/qemu/{vmid}/migrate",
];

/// Reading a backup with its configuration.
const READ_BACKUP: &[&str] = &[
    "GET /nodes/{node}/storage",
    "GET /nodes/{node}/storage/{storage}/content",
    "GET /storage",
    "GET /nodes/{node}/storage/{storage}/content/{volume}",
    "GET /nodes/{node}/vzdump/extractconfig",
];

/// Changing notes or protection of a backup.
const EDIT_BACKUP: &[&str] = &[
    "GET /nodes/{node}/storage",
    "GET /nodes/{node}/storage/{storage}/content",
    "GET /storage",
    "GET /nodes/{node}/storage/{storage}/content/{volume}",
    "PUT /nodes/{node}/storage/{storage}/content/{volume}",
];

/// The commands that connect to a host.
pub static VERBS: &[Verb] = &[
    Verb { name: "guest list", calls: &["GET /cluster/resources"] },
    Verb {
        name: "guest show",
        calls: &[
            "GET /nodes/{node}/lxc/{vmid}/status/current",
            "GET /nodes/{node}/qemu/{vmid}/status/current",
            "GET /nodes/{node}/lxc/{vmid}/config",
            "GET /nodes/{node}/qemu/{vmid}/config",
        ],
    },
    Verb {
        name: "guest config",
        calls: &[
            "GET /nodes/{node}/lxc/{vmid}/config",
            "GET /nodes/{node}/lxc/{vmid}/pending",
            "GET /nodes/{node}/qemu/{vmid}/config",
            "GET /nodes/{node}/qemu/{vmid}/pending",
        ],
    },
    Verb {
        name: "guest create lxc",
        calls: &[
            "POST /nodes/{node}/lxc",
            "POST /nodes/{node}/vzdump",
            "POST /nodes/{node}/lxc/{vmid}/status/start",
            "GET /nodes/{node}/lxc/{vmid}/config",
        ],
    },
    Verb {
        name: "guest ip",
        calls: &[
            "GET /nodes/{node}/lxc/{vmid}/status/current",
            "GET /nodes/{node}/qemu/{vmid}/status/current",
            "GET /nodes/{node}/lxc/{vmid}/interfaces",
            "GET /nodes/{node}/qemu/{vmid}/config",
            "GET /nodes/{node}/qemu/{vmid}/agent/network-get-interfaces",
        ],
    },
    Verb {
        name: "guest exec",
        calls: &[
            "GET /nodes/{node}/qemu/{vmid}/config",
            "GET /nodes/{node}/qemu/{vmid}/status/current",
            "POST /nodes/{node}/qemu/{vmid}/agent/exec",
            "GET /nodes/{node}/qemu/{vmid}/agent/exec-status",
        ],
    },
    Verb {
        name: "guest file read",
        calls: &[
            "GET /nodes/{node}/qemu/{vmid}/config",
            "GET /nodes/{node}/qemu/{vmid}/status/current",
            "GET /nodes/{node}/qemu/{vmid}/agent/file-read",
        ],
    },
    Verb {
        name: "guest file write",
        calls: &[
            "GET /nodes/{node}/qemu/{vmid}/config",
            "GET /nodes/{node}/qemu/{vmid}/status/current",
            "POST /nodes/{node}/qemu/{vmid}/agent/file-write",
            "GET /nodes/{node}/qemu/{vmid}/agent/file-read",
        ],
    },
    Verb { name: "guest next-id", calls: &["GET /cluster/nextid"] },
    Verb {
        name: "guest start",
        calls: &[
            "GET /nodes/{node}/lxc/{vmid}/status/current",
            "GET /nodes/{node}/qemu/{vmid}/status/current",
            "POST /nodes/{node}/lxc/{vmid}/status/start",
            "POST /nodes/{node}/qemu/{vmid}/status/start",
            "GET /nodes/{node}/lxc/{vmid}/interfaces",
            "GET /nodes/{node}/qemu/{vmid}/config",
            "GET /nodes/{node}/qemu/{vmid}/agent/network-get-interfaces",
        ],
    },
    Verb {
        name: "guest stop",
        calls: &[
            "GET /nodes/{node}/lxc/{vmid}/status/current",
            "GET /nodes/{node}/qemu/{vmid}/status/current",
            "POST /nodes/{node}/lxc/{vmid}/status/stop",
            "POST /nodes/{node}/qemu/{vmid}/status/stop",
        ],
    },
    Verb {
        name: "guest shutdown",
        calls: &[
            "GET /nodes/{node}/lxc/{vmid}/status/current",
            "GET /nodes/{node}/qemu/{vmid}/status/current",
            "POST /nodes/{node}/lxc/{vmid}/status/shutdown",
            "POST /nodes/{node}/qemu/{vmid}/status/shutdown",
        ],
    },
    Verb {
        name: "guest reboot",
        calls: &[
            "GET /nodes/{node}/lxc/{vmid}/status/current",
            "GET /nodes/{node}/qemu/{vmid}/status/current",
            "POST /nodes/{node}/lxc/{vmid}/status/reboot",
            "POST /nodes/{node}/qemu/{vmid}/status/reboot",
            "GET /nodes/{node}/lxc/{vmid}/interfaces",
            "GET /nodes/{node}/qemu/{vmid}/config",
            "GET /nodes/{node}/qemu/{vmid}/agent/network-get-interfaces",
        ],
    },
    Verb {
        name: "guest suspend",
        calls: &[
            "GET /nodes/{node}/lxc/{vmid}/status/current",
            "GET /nodes/{node}/qemu/{vmid}/status/current",
            "POST /nodes/{node}/lxc/{vmid}/status/suspend",
            "POST /nodes/{node}/qemu/{vmid}/status/suspend",
        ],
    },
    Verb {
        name: "guest resume",
        calls: &[
            "GET /nodes/{node}/lxc/{vmid}/status/current",
            "GET /nodes/{node}/qemu/{vmid}/status/current",
            "POST /nodes/{node}/lxc/{vmid}/status/resume",
            "POST /nodes/{node}/qemu/{vmid}/status/resume",
            "GET /nodes/{node}/lxc/{vmid}/interfaces",
            "GET /nodes/{node}/qemu/{vmid}/config",
            "GET /nodes/{node}/qemu/{vmid}/agent/network-get-interfaces",
        ],
    },
    Verb {
        name: "guest restore",
        calls: &[
            "GET /storage",
            "GET /nodes/{node}/storage",
            "GET /nodes/{node}/storage/{storage}/content",
            "GET /nodes/{node}/vzdump/extractconfig",
            "GET /nodes/{node}/lxc/{vmid}/config",
            "GET /nodes/{node}/lxc/{vmid}/status/current",
            "GET /nodes/{node}/lxc/{vmid}/snapshot",
            "POST /nodes/{node}/lxc",
            "POST /nodes/{node}/lxc/{vmid}/status/start",
            "GET /nodes/{node}/qemu/{vmid}/config",
            "GET /nodes/{node}/qemu/{vmid}/status/current",
            "GET /nodes/{node}/qemu/{vmid}/snapshot",
            "POST /nodes/{node}/qemu",
            "POST /nodes/{node}/qemu/{vmid}/status/start",
            "GET /nodes/{node}/lxc/{vmid}/interfaces",
            "GET /nodes/{node}/qemu/{vmid}/agent/network-get-interfaces",
        ],
    },
    Verb {
        name: "snapshot create",
        calls: &[
            "GET /nodes/{node}/lxc/{vmid}/snapshot",
            "GET /nodes/{node}/qemu/{vmid}/snapshot",
            "GET /nodes/{node}/lxc/{vmid}/status/current",
            "GET /nodes/{node}/qemu/{vmid}/status/current",
            "GET /nodes/{node}/lxc/{vmid}/feature",
            "GET /nodes/{node}/qemu/{vmid}/feature",
            "GET /nodes/{node}/lxc/{vmid}/config",
            "GET /nodes/{node}/qemu/{vmid}/config",
            "GET /nodes/{node}/storage",
            "POST /nodes/{node}/lxc/{vmid}/snapshot",
            "POST /nodes/{node}/qemu/{vmid}/snapshot",
        ],
    },
    Verb { name: "snapshot list", calls: &["GET /nodes/{node}/lxc/{vmid}/snapshot", "GET /nodes/{node}/qemu/{vmid}/snapshot"] },
    Verb {
        name: "snapshot rollback",
        calls: &[
            "GET /nodes/{node}/lxc/{vmid}/snapshot",
            "GET /nodes/{node}/qemu/{vmid}/snapshot",
            "GET /nodes/{node}/lxc/{vmid}/status/current",
            "GET /nodes/{node}/qemu/{vmid}/status/current",
            "GET /nodes/{node}/lxc/{vmid}/config",
            "GET /nodes/{node}/qemu/{vmid}/config",
            "GET /nodes/{node}/lxc/{vmid}/snapshot/{snapname}/config",
            "GET /nodes/{node}/qemu/{vmid}/snapshot/{snapname}/config",
            "POST /nodes/{node}/lxc/{vmid}/snapshot/{snapname}/rollback",
            "POST /nodes/{node}/qemu/{vmid}/snapshot/{snapname}/rollback",
        ],
    },
    Verb {
        name: "snapshot delete",
        calls: &[
            "GET /nodes/{node}/lxc/{vmid}/snapshot",
            "GET /nodes/{node}/qemu/{vmid}/snapshot",
            "GET /nodes/{node}/lxc/{vmid}/status/current",
            "GET /nodes/{node}/qemu/{vmid}/status/current",
            "DELETE /nodes/{node}/lxc/{vmid}/snapshot/{snapname}",
            "DELETE /nodes/{node}/qemu/{vmid}/snapshot/{snapname}",
        ],
    },
    Verb { name: "guest set", calls: SET },
    Verb { name: "guest disk list", calls: &["GET /nodes/{node}/lxc/{vmid}/config", "GET /nodes/{node}/qemu/{vmid}/config"] },
    Verb { name: "guest disk add", calls: SET_DISK },
    Verb { name: "guest disk attach", calls: SET_DISK },
    Verb { name: "guest disk detach", calls: SET },
    Verb { name: "guest disk delete", calls: SET },
    Verb {
        name: "guest disk resize",
        calls: &[
            "GET /nodes/{node}/lxc/{vmid}/config",
            "GET /nodes/{node}/qemu/{vmid}/config",
            "GET /nodes/{node}/lxc/{vmid}/status/current",
            "GET /nodes/{node}/qemu/{vmid}/status/current",
            "GET /nodes/{node}/storage",
            "PUT /nodes/{node}/lxc/{vmid}/resize",
            "PUT /nodes/{node}/qemu/{vmid}/resize",
        ],
    },
    Verb {
        name: "guest disk move",
        calls: &[
            "GET /nodes/{node}/lxc/{vmid}/config",
            "GET /nodes/{node}/qemu/{vmid}/config",
            "GET /nodes/{node}/lxc/{vmid}/status/current",
            "GET /nodes/{node}/qemu/{vmid}/status/current",
            "GET /nodes/{node}/storage",
            "POST /nodes/{node}/lxc/{vmid}/move_volume",
            "POST /nodes/{node}/qemu/{vmid}/move_disk",
        ],
    },
    Verb { name: "guest migrate", calls: MIGRATE },
    Verb {
        name: "guest clone",
        calls: &[
            "GET /nodes/{node}/lxc/{vmid}/status/current",
            "GET /nodes/{node}/qemu/{vmid}/status/current",
            "GET /nodes/{node}/lxc/{vmid}/config",
            "GET /nodes/{node}/qemu/{vmid}/config",
            "GET /nodes/{node}/lxc/{vmid}/snapshot",
            "GET /nodes/{node}/qemu/{vmid}/snapshot",
            "GET /nodes/{node}/lxc/{vmid}/snapshot/{snapname}/config",
            "GET /nodes/{node}/qemu/{vmid}/snapshot/{snapname}/config",
            "POST /nodes/{node}/lxc/{vmid}/clone",
            "POST /nodes/{node}/qemu/{vmid}/clone",
            "PUT /nodes/{node}/lxc/{vmid}/config",
            "PUT /nodes/{node}/qemu/{vmid}/config",
        ],
    },
    Verb {
        name: "guest delete",
        calls: &[
            "GET /nodes/{node}/lxc/{vmid}/status/current",
            "GET /nodes/{node}/qemu/{vmid}/status/current",
            "GET /nodes/{node}/lxc/{vmid}/config",
            "GET /nodes/{node}/qemu/{vmid}/config",
            "GET /nodes/{node}/lxc/{vmid}/snapshot",
            "GET /nodes/{node}/qemu/{vmid}/snapshot",
            "GET /nodes/{node}/storage",
            "GET /nodes/{node}/storage/{storage}/content",
            "GET /storage",
            "DELETE /nodes/{node}/lxc/{vmid}",
            "DELETE /nodes/{node}/qemu/{vmid}",
        ],
    },
    Verb { name: "guest tag add", calls: SET },
    Verb { name: "guest tag remove", calls: SET },
    Verb {
        name: "backup run",
        calls: &[
            "GET /nodes/{node}/lxc/{vmid}/config",
            "GET /nodes/{node}/qemu/{vmid}/config",
            "GET /nodes/{node}/lxc/{vmid}/status/current",
            "GET /nodes/{node}/qemu/{vmid}/status/current",
            "GET /nodes/{node}/qemu/{vmid}/agent/network-get-interfaces",
            "GET /nodes/{node}/storage",
            "GET /nodes/{node}/storage/{storage}/content",
            "POST /nodes/{node}/vzdump",
        ],
    },
    Verb { name: "backup list", calls: &["GET /nodes/{node}/storage", "GET /nodes/{node}/storage/{storage}/content", "GET /storage"] },
    Verb { name: "backup show", calls: READ_BACKUP },
    Verb { name: "backup verify", calls: READ_BACKUP },
    Verb {
        name: "backup delete",
        calls: &[
            "GET /nodes/{node}/storage",
            "GET /nodes/{node}/storage/{storage}/content",
            "GET /storage",
            "DELETE /nodes/{node}/storage/{storage}/content/{volume}",
        ],
    },
    Verb { name: "backup protect", calls: EDIT_BACKUP },
    Verb { name: "backup unprotect", calls: EDIT_BACKUP },
    Verb { name: "backup notes", calls: EDIT_BACKUP },
    Verb {
        name: "backup prune",
        calls: &[
            "GET /nodes/{node}/storage",
            "GET /nodes/{node}/storage/{storage}/content",
            "GET /storage",
            "GET /nodes/{node}/storage/{storage}/prunebackups",
            "DELETE /nodes/{node}/storage/{storage}/prunebackups",
        ],
    },
    Verb { name: "backup age", calls: &["GET /nodes/{node}/storage", "GET /nodes/{node}/storage/{storage}/content", "GET /storage"] },
    Verb { name: "backup scope", calls: &["GET /nodes/{node}/lxc/{vmid}/config", "GET /nodes/{node}/qemu/{vmid}/config"] },
    Verb { name: "backup job list", calls: &["GET /cluster/backup"] },
    Verb { name: "backup job show", calls: &["GET /cluster/backup"] },
    Verb { name: "backup job create", calls: &["GET /cluster/backup", "POST /cluster/backup"] },
    Verb { name: "backup job set", calls: &["GET /cluster/backup", "PUT /cluster/backup/{id}"] },
    Verb { name: "backup job delete", calls: &["GET /cluster/backup", "DELETE /cluster/backup/{id}"] },
    Verb {
        name: "backup job run",
        calls: &[
            "GET /cluster/backup",
            "GET /nodes/{node}/lxc/{vmid}/config",
            "GET /nodes/{node}/qemu/{vmid}/config",
            "GET /nodes/{node}/lxc/{vmid}/status/current",
            "GET /nodes/{node}/qemu/{vmid}/status/current",
            "GET /nodes/{node}/qemu/{vmid}/agent/network-get-interfaces",
            "GET /nodes/{node}/storage",
            "GET /nodes/{node}/storage/{storage}/content",
            "POST /nodes/{node}/vzdump",
        ],
    },
    Verb { name: "node list", calls: &["GET /nodes"] },
    Verb { name: "node certs", calls: &["GET /nodes", "GET /nodes/{node}/certificates/info"] },
    Verb {
        name: "node cert upload",
        calls: &["GET /nodes", "GET /nodes/{node}/certificates/info", "POST /nodes/{node}/certificates/custom"],
    },
    Verb {
        name: "node cert delete",
        calls: &["GET /nodes", "GET /nodes/{node}/certificates/info", "DELETE /nodes/{node}/certificates/custom"],
    },
    Verb { name: "node drain", calls: MIGRATE },
    Verb { name: "node undrain", calls: MIGRATE },
    Verb { name: "node reboot", calls: &["GET /nodes", "GET /nodes/{node}/tasks", "POST /nodes/{node}/status"] },
    Verb { name: "node shutdown", calls: &["GET /nodes", "GET /nodes/{node}/tasks", "POST /nodes/{node}/status"] },
    Verb { name: "sdn pending", calls: &["GET /cluster/sdn/zones", "GET /cluster/sdn/vnets", "GET /cluster/sdn/controllers"] },
    Verb {
        name: "sdn apply",
        calls: &[
            "GET /cluster/sdn/zones",
            "GET /cluster/sdn/vnets",
            "GET /cluster/sdn/controllers",
            "GET /nodes/{node}/lxc/{vmid}/config",
            "GET /nodes/{node}/qemu/{vmid}/config",
            "PUT /cluster/sdn",
            "GET /nodes/{node}/sdn/zones",
            "GET /nodes/{node}/sdn/zones/{zone}/content",
        ],
    },
    Verb { name: "node status", calls: &["GET /nodes/{node}/status"] },
    Verb { name: "storage list", calls: &["GET /storage", "GET /nodes/{node}/storage", "GET /cluster/resources"] },
    Verb {
        name: "storage upload",
        calls: &["GET /nodes/{node}/storage", "GET /nodes/{node}/storage/{storage}/content", "POST /nodes/{node}/storage/{storage}/upload"],
    },
    Verb { name: "storage content", calls: &["GET /nodes/{node}/storage/{storage}/content", "GET /nodes/{node}/storage"] },
    Verb { name: "task list", calls: &["GET /nodes/{node}/tasks", "GET /cluster/tasks"] },
    Verb { name: "task show", calls: &["GET /nodes/{node}/tasks/{upid}/status"] },
    Verb { name: "task log", calls: &["GET /nodes/{node}/tasks/{upid}/log"] },
    Verb { name: "task wait", calls: &["GET /nodes/{node}/tasks/{upid}/status"] },
    Verb { name: "task stop", calls: &["DELETE /nodes/{node}/tasks/{upid}"] },
    Verb { name: "node smart", calls: &["GET /nodes/{node}/disks/list", "GET /nodes/{node}/disks/smart"] },
    Verb { name: "usb mount", calls: &["GET /storage", "POST /storage"] },
    Verb { name: "usb unmount", calls: &["GET /storage", "PUT /storage/{storage}"] },
    Verb { name: "usb status", calls: &["GET /storage"] },
    Verb {
        name: "doctor",
        calls: &[
            "GET /version",
            "GET /access/permissions",
            "GET /nodes/{node}/storage",
            "GET /nodes/{node}/tasks",
            "GET /cluster/resources",
        ],
    },
    Verb {
        name: "role bootstrap",
        calls: &[
            "GET /access/domains",
            "GET /access/users/{userid}",
            "GET /access/users/{userid}/token",
            "GET /nodes/{node}/certificates/info",
            "POST /access/roles",
            "PUT /access/roles/{roleid}",
            "POST /access/users",
            "POST /access/users/{userid}/token/{tokenid}",
            "PUT /access/users/{userid}/token/{tokenid}",
            "PUT /access/acl",
        ],
    },
    Verb { name: "role check", calls: &["GET /access/permissions"] },
    Verb { name: "role list", calls: &["GET /access/roles"] },
    Verb { name: "role show", calls: &["GET /access/roles"] },
    Verb {
        name: "role rotate",
        calls: &[
            "GET /access/permissions",
            "GET /access/users/{userid}",
            "GET /access/users/{userid}/token",
            "POST /access/users/{userid}/token/{tokenid}",
            "PUT /access/users/{userid}/token/{tokenid}",
            "DELETE /access/users/{userid}/token/{tokenid}",
            "PUT /access/acl",
        ],
    },
    Verb {
        name: "role revoke",
        calls: &[
            "GET /access/users/{userid}",
            "GET /access/users/{userid}/token",
            "PUT /access/acl",
            "DELETE /access/users/{userid}/token/{tokenid}",
            "DELETE /access/users/{userid}",
            "DELETE /access/roles/{roleid}",
        ],
    },
    Verb { name: "context test", calls: &["GET /version", "GET /access/permissions"] },
    Verb { name: "context add", calls: &["GET /version", "GET /access/permissions", "GET /nodes", "GET /nodes/{node}/certificates/info"] },
    Verb { name: "context trust", calls: &["GET /version", "GET /nodes", "GET /nodes/{node}/certificates/info"] },
];
