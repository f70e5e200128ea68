//! Every command, sorted by what it changes: a host, only this machine, or nothing.

use std::collections::BTreeMap;

use felhom::api::Method;
use felhom::routes::{VERBS, by_key};

use crate::support::tree;

/// A command line that changes a host, for every verb that can. Words in capitals are filled in by the site.
pub const CHANGES: &[(&str, &[&str])] = &[
    ("guest start", &["guest", "start", "202"]),
    ("guest stop", &["guest", "stop", "110"]),
    ("guest shutdown", &["guest", "shutdown", "110"]),
    ("guest reboot", &["guest", "reboot", "110"]),
    ("guest suspend", &["guest", "suspend", "204"]),
    ("guest resume", &["guest", "resume", "203"]),
    ("guest set", &["guest", "set", "110", "memory=1024"]),
    ("guest migrate", &["guest", "migrate", "203", "pve1"]),
    ("node drain", &["node", "drain", "pve1", "--to", "pve2", "--restart", "--force"]),
    ("guest disk add", &["guest", "disk", "add", "110", "--volume", "local-lvm:1", "--path", "/mnt/x"]),
    ("guest disk attach", &["guest", "disk", "attach", "110", "local-lvm:vm-110-disk-7", "--path", "/mnt/y"]),
    ("guest disk detach", &["guest", "disk", "detach", "203", "scsi0"]),
    ("guest disk delete", &["guest", "disk", "delete", "110", "unused0"]),
    ("guest disk resize", &["guest", "disk", "resize", "110", "rootfs", "+1G"]),
    ("guest disk move", &["guest", "disk", "move", "202", "scsi0", "--to-guest", "204"]),
    ("guest restore", &["guest", "restore", "ARCHIVE", "--vmid", "555", "--storage", "local-lvm"]),
    (
        "guest create lxc",
        &[
            "guest",
            "create",
            "lxc",
            "local:vztmpl/debian-13-standard_13.1-2_amd64.tar.zst",
            "--vmid",
            "556",
            "--node",
            "pve1",
            "--hostname",
            "gate",
            "--storage",
            "local-lvm",
        ],
    ),
    (
        "guest create lxc",
        &[
            "guest",
            "create",
            "lxc",
            "local:vztmpl/debian-13-standard_13.1-2_amd64.tar.zst",
            "--vmid",
            "9050",
            "--hostname",
            "gold",
            "--storage",
            "local-lvm",
            "--golden",
            "--start",
        ],
    ),
    ("snapshot create", &["snapshot", "create", "110", "gatetest"]),
    ("snapshot rollback", &["snapshot", "rollback", "101", "SNAPSHOT"]),
    ("snapshot delete", &["snapshot", "delete", "101", "SNAPSHOT"]),
    ("backup run", &["backup", "run", "110", "--storage", "local"]),
    ("backup delete", &["backup", "delete", "ARCHIVE"]),
    ("backup protect", &["backup", "protect", "ARCHIVE"]),
    ("backup unprotect", &["backup", "unprotect", "PROTECTED"]),
    ("backup notes", &["backup", "notes", "ARCHIVE", "a note"]),
    ("backup prune", &["backup", "prune", "--storage", "nas", "--keep", "last=1"]),
    ("backup job create", &["backup", "job", "create", "--storage", "local", "--schedule", "02:00", "--guest", "110"]),
    ("backup job set", &["backup", "job", "set", "JOB", "--comment", "x"]),
    ("backup job delete", &["backup", "job", "delete", "JOB"]),
    ("backup job run", &["backup", "job", "run", "JOB"]),
    ("task stop", &["task", "stop", "UPID"]),
    ("api post", &["api", "post", "/nodes/pve1/lxc/110/status/stop"]),
    ("api put", &["api", "put", "/nodes/pve1/lxc/110/config", "memory=1024"]),
    ("api delete", &["api", "delete", "/nodes/pve1/lxc/900"]),
    ("guest delete", &["guest", "delete", "202"]),
    ("guest tag add", &["guest", "tag", "add", "110", "gate"]),
    ("guest tag remove", &["guest", "tag", "remove", "110", "docker"]),
    ("guest clone", &["guest", "clone", "900", "--vmid", "557"]),
    ("node reboot", &["node", "reboot", "pve1"]),
    ("node shutdown", &["node", "shutdown", "pve1"]),
    ("node cert upload", &["node", "cert", "upload", "pve1", "--certificate", "CERTIFICATE"]),
    ("node cert delete", &["node", "cert", "delete", "pve1"]),
    ("sdn apply", &["sdn", "apply"]),
    ("role bootstrap", &["role", "bootstrap", "--user", "gate@pve", "--token-name", "gate", "--store", "file", "ADMIN"]),
    ("role rotate", &["role", "rotate", "ADMIN"]),
    ("role revoke", &["role", "revoke", "felhom@pve!agent", "ADMIN"]),
    ("usb mount", &["usb", "mount", "SSD", "--name", "backup"]),
    ("usb mount", &["usb", "mount", "SSD", "--name", "backup", "--as-storage", "usbdisk"]),
    ("usb unmount", &["usb", "unmount", "stage1"]),
    ("fence install", &["fence", "install", "--ssh", "root@fence", "--create-user", "--helper", "HELPER"]),
];

/// What changes nothing but this machine, or the simulated host of the demo.
pub const HERE: &[(&str, &str)] = &[
    ("context add", "writes the configuration, after a look at the host"),
    ("context use", "writes the configuration"),
    ("context edit", "opens the configuration in an editor"),
    ("context remove", "takes a context out of the configuration, and its secret with it"),
    ("context trust", "pins a certificate in the configuration"),
    ("plan discard", "takes a staged change from the shelf"),
    ("demo reset", "begins the simulated host anew"),
    ("demo serve", "is a simulated host"),
    ("demo tour", "runs other verbs against a simulated host of its own"),
];

/// What runs a command line that is one of the above.
const RUNS_ANOTHER: &[(&str, &str)] = &[("plan apply", "runs the command that was staged, through the same gates")];

/// Commands that the matrix cannot run as they are, and where their gates are tested.
const ELSEWHERE: &[(&str, &str)] = &[
    ("node undrain", "moves what `node drain` moved: tests/guest_migrate.rs"),
    ("guest exec", "no flag can follow its command: tests/guest_agent.rs"),
    ("storage upload", "goes over HTTPS only: tests/storage_upload.rs"),
    ("guest file write", "its content comes from a file: tests/guest_agent.rs"),
];

/// What only looks, and is not in the table of verbs: it makes no call, or any.
const LOOKS: &[(&str, &str)] = &[
    ("api get", "any call, but a GET"),
    ("api ls", "reads the host's own description of its calls"),
    ("api describe", "reads the host's own description of its calls"),
    ("api coverage", "prints a table"),
    ("context list", "reads the configuration"),
    ("context show", "reads the configuration"),
    ("usb list", "asks the fence for a word that changes nothing"),
    ("node sensors", "asks the fence for a word that changes nothing"),
    ("fence check", "asks the fence what it must refuse"),
    ("fence show", "prints a table"),
    ("fence sudoers", "prints a file"),
    ("role presets", "prints a table"),
    ("plan list", "reads the shelf of staged changes"),
    ("plan show", "reads the shelf of staged changes"),
    ("history show", "reads the journal, and adds only how something ended"),
    ("routes", "prints a table"),
    ("completions", "prints a script"),
    ("help", "prints text"),
    ("demo state", "reads the simulated host's files"),
];

fn writes(verb: &str) -> Option<bool> {
    let verb = VERBS.iter().find(|one| one.name == verb)?;
    Some(verb.calls.iter().any(|key| by_key(key).is_none_or(|row| row.method != Method::Get)))
}

#[test]
fn every_command_is_known_for_what_it_changes() {
    let mut sorted: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut put = |verb: &'static str, place: &'static str| sorted.entry(verb).or_default().push(place);
    let mut changes: Vec<&str> = CHANGES.iter().map(|(verb, _)| *verb).collect();
    changes.dedup();
    changes.into_iter().for_each(|verb| put(verb, "CHANGES"));
    HERE.iter().for_each(|(verb, _)| put(verb, "HERE"));
    RUNS_ANOTHER.iter().for_each(|(verb, _)| put(verb, "RUNS_ANOTHER"));
    LOOKS.iter().for_each(|(verb, _)| put(verb, "LOOKS"));
    ELSEWHERE.iter().for_each(|(verb, _)| put(verb, "ELSEWHERE"));
    // Declared commands say in their noun what they change (`tests/declared`).
    let leaves: Vec<String> = tree::leaves().into_iter().filter(|leaf| felhom::nouns::find(leaf).is_none()).collect();
    for leaf in &leaves {
        let places = sorted.get(leaf.as_str()).map(Vec::as_slice).unwrap_or_default();
        let right = match (places, writes(leaf)) {
            // Its calls say that it reads.
            ([], Some(false)) => true,
            (["CHANGES"], _) => true,
            (["ELSEWHERE"], Some(true)) => true,
            (["HERE"], Some(false) | None) | (["RUNS_ANOTHER" | "LOOKS"], None) => true,
            _ => false,
        };
        assert!(right, "`felhom {leaf}` stands in {places:?}: give CHANGES a line for it, or say in HERE or LOOKS why it changes no host");
    }
    let gone: Vec<&&str> = sorted.keys().filter(|verb| !leaves.iter().any(|leaf| leaf == **verb)).collect();
    assert!(gone.is_empty(), "no such command: {gone:?}");
    for (verb, words) in CHANGES {
        assert!(words.join(" ").starts_with(verb), "the line of {verb} runs something else");
    }
}
