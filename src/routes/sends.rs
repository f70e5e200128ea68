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
}

/// A verb that is not here may send whatever its calls take.
pub static SENDS: &[Sends] = &[
    Sends {
        verb: "guest create lxc",
        always: &["storage", "ostemplate", "hostname", "rootfs"],
        may: &["cores", "memory", "swap", "netN", "nameserver", "searchdomain", "tags", "features", "onboot"],
    },
    // Beside the guest that it comes from it gets another name.
    Sends {
        verb: "guest restore",
        always: &["storage", "ostemplate", "restore", "archive", "hostname", "name"],
        may: &["tags", "rootfs", "mpN"],
    },
    Sends { verb: "guest clone", always: &["tags"], may: &[] },
    Sends { verb: "guest tag add", always: &["tags"], may: &[] },
    Sends { verb: "guest tag remove", always: &["tags"], may: &[] },
    Sends { verb: "guest mountpoint add", always: &["mpN"], may: &[] },
    Sends { verb: "backup run", always: &["storage"], may: &["prune-backups", "bwlimit"] },
    Sends { verb: "backup job run", always: &["storage"], may: &["prune-backups", "bwlimit"] },
    Sends { verb: "backup prune", always: &["vmid"], may: &[] },
    // The old token's rights are asked for, which the new one must have too.
    Sends { verb: "role rotate", always: &["userid"], may: &[] },
    // These ask about themselves, and about their user for comfort.
    Sends { verb: "role check", always: &[], may: &[] },
    Sends { verb: "doctor", always: &[], may: &[] },
    Sends { verb: "context test", always: &[], may: &[] },
    Sends { verb: "context add", always: &[], may: &[] },
];
