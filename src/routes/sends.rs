//! What a verb sends, and which calls it makes, only when it is told to.

/// Calls that a verb makes only when it is told to: the verb, the option, the calls.
pub static ONLY_WITH: &[(&str, &str, &[&str])] = &[
    ("guest create lxc", "--start", &["POST /nodes/{node}/lxc/{vmid}/status/start"]),
    ("guest create lxc", "--then", &["POST /nodes/{node}/vzdump"]),
    ("guest restore", "--start", &["POST /nodes/{node}/lxc/{vmid}/status/start", "POST /nodes/{node}/qemu/{vmid}/status/start"]),
    ("guest clone", "managed_tag", &["PUT /nodes/{node}/lxc/{vmid}/config", "PUT /nodes/{node}/qemu/{vmid}/config"]),
    ("usb mount", "--as-storage", &["POST /storage"]),
    ("usb unmount", "--disable-storage", &["PUT /storage/{storage}"]),
];

/// The parameters that a verb sends, of those which need something: always, and when it is told to.
#[derive(Debug)]
pub struct Sends {
    pub verb: &'static str,
    pub always: &'static [&'static str],
    pub may: &'static [&'static str],
    /// Whether the volumes exist already, so that no space is allocated.
    pub existing: bool,
}

/// A verb that is not here may send whatever its calls take.
pub static SENDS: &[Sends] = &[
    Sends {
        verb: "guest create lxc",
        always: &["storage", "ostemplate", "hostname", "rootfs"],
        may: &["cores", "memory", "swap", "netN", "nameserver", "searchdomain", "tags", "features", "onboot"],
        existing: false,
    },
    // Beside the guest that it comes from it gets another name.
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
    // The old token's rights are asked for, which the new one must have too.
    Sends { verb: "role rotate", always: &["userid"], may: &[], existing: false },
    // These ask about themselves, and about their user for comfort.
    Sends { verb: "role check", always: &[], may: &[], existing: false },
    Sends { verb: "doctor", always: &[], may: &[], existing: false },
    Sends { verb: "context test", always: &[], may: &[], existing: false },
    Sends { verb: "context add", always: &[], may: &[], existing: false },
];
