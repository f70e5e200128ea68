//! The order of the commands in `felhom --help`.

/// What people do, and the commands for it. Every command of the root is in exactly one group.
pub const GROUPS: &[(&str, &[&str])] = &[
    ("Guests", &["guest", "snapshot", "pool"]),
    ("Backups", &["backup"]),
    ("Storage", &["storage", "template", "ceph", "usb"]),
    ("Nodes and cluster", &["node", "cluster", "ha", "replication", "job", "task", "mapping", "metrics", "notification", "acme"]),
    ("Network and firewall", &["sdn", "firewall"]),
    ("Access", &["role", "access"]),
    ("Changes", &["plan", "history"]),
    ("Setup", &["context", "doctor", "fence", "api", "routes", "completions", "demo", "help"]),
];
