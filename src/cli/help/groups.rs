//! The order of the commands in `felhom --help`.

/// What people do, and the commands for it. Every command of the root is in exactly one group.
pub const GROUPS: &[(&str, &[&str])] = &[
    ("Guests", &["guest", "snapshot", "pool"]),
    ("Backups", &["backup"]),
    ("Storage", &["storage", "usb"]),
    ("Nodes and cluster", &["node", "task"]),
    ("Network", &["sdn"]),
    ("Access", &["role"]),
    ("Changes", &["plan", "history"]),
    ("Setup", &["context", "doctor", "fence", "api", "routes", "completions", "demo", "help"]),
];
