//! Parameters and calls of commands that depend on an option.

/// Calls made only with an option: command, option, calls.
pub static ONLY_WITH: &[(&str, &str, &[&str])] = &[
    ("guest create lxc", "--start", &["POST /nodes/{node}/lxc/{vmid}/status/start"]),
    ("guest create lxc", "--then", &["POST /nodes/{node}/vzdump"]),
    ("guest restore", "--start", &["POST /nodes/{node}/lxc/{vmid}/status/start", "POST /nodes/{node}/qemu/{vmid}/status/start"]),
    ("guest clone", "managed_tag", &["PUT /nodes/{node}/lxc/{vmid}/config", "PUT /nodes/{node}/qemu/{vmid}/config"]),
    ("usb mount", "--as-storage", &["POST /storage"]),
    ("usb unmount", "--disable-storage", &["PUT /storage/{storage}"]),
];

/// The privileged parameters of a command: always sent, or with an option.
#[derive(Debug)]
pub struct Sends {
    pub verb: &'static str,
    pub always: &'static [&'static str],
    pub may: &'static [&'static str],
    /// Whether the volumes exist already, so that no space is allocated.
    pub existing: bool,
}

/// A command that is not listed may send all parameters of its calls.
pub static SENDS: &[Sends] = &[
    Sends {
        verb: "guest create lxc",
        always: &["storage", "ostemplate", "hostname", "rootfs"],
        may: &["cores", "memory", "swap", "netN", "nameserver", "searchdomain", "tags", "features", "onboot"],
        existing: false,
    },
    // Next to the original guest, the clone has another name.
    Sends {
        verb: "guest restore",
        always: &["storage", "ostemplate", "restore", "archive", "hostname", "name"],
        may: &["tags", "rootfs", "mpN"],
        existing: false,
    },
    Sends { verb: "guest clone", always: &["tags"], may: &[], existing: false },
    Sends { verb: "guest tag add", always: &["tags"], may: &[], existing: false },
    Sends { verb: "guest tag remove", always: &["tags"], may: &[], existing: false },
    Sends {
        verb: "guest disk add",
        always: &["mpN", "scsiN"],
        may: &["virtioN", "sataN", "ideN", "efidisk0", "tpmstate0"],
        existing: false,
    },
    Sends {
        verb: "guest disk attach",
        always: &["mpN", "scsiN"],
        may: &["virtioN", "sataN", "ideN", "efidisk0", "tpmstate0"],
        existing: true,
    },
    Sends { verb: "guest disk detach", always: &["mpN", "scsiN"], may: &[], existing: true },
    Sends { verb: "guest disk delete", always: &["unusedN"], may: &[], existing: true },
    Sends { verb: "backup run", always: &["storage"], may: &["prune-backups", "bwlimit"], existing: false },
    Sends { verb: "backup job run", always: &["storage"], may: &["prune-backups", "bwlimit"], existing: false },
    Sends { verb: "backup prune", always: &["vmid"], may: &[], existing: false },
    // Reads the old token's permissions, which the new one needs too.
    Sends { verb: "role rotate", always: &["userid"], may: &[], existing: false },
    // Optional information on the token and its user.
    Sends { verb: "role check", always: &[], may: &[], existing: false },
    Sends { verb: "doctor", always: &[], may: &[], existing: false },
    Sends { verb: "context test", always: &[], may: &[], existing: false },
    Sends { verb: "context add", always: &[], may: &[], existing: false },
];
