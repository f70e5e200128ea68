//! A role made to measure: what it was made for works, what its privileges imply was announced, everything else is denied.

use super::support::{Fresh, texts};

#[test]
fn a_backup_role_for_one_guest_backs_up_that_guest() {
    let fresh = Fresh::new();
    let made = fresh.bootstrap(&["--allow", "backup run", "--guest", "101", "--storage", "local", "-o", "json"]).ok().json();
    assert_eq!(texts(&made["paths"]), ["/storage/local", "/vms/101"], "{made}");
    let privileges = texts(&made["privileges"]);
    assert!(privileges.contains(&"VM.Backup".to_owned()) && privileges.contains(&"Datastore.AllocateSpace".to_owned()), "{made}");
    for more in ["VM.Allocate", "VM.PowerMgmt", "VM.Config.Options", "Datastore.Allocate", "Sys.Modify", "Permissions.Modify"] {
        assert!(!privileges.contains(&more.to_owned()), "{more}: {made}");
    }
    let announced = texts(&made["also_possible"]).join("\n");
    let run = fresh.felhom(&["backup", "run", "101", "--storage", "local", "-o", "json"]);
    let done = run.clone().ok().json();
    let archive = done[0]["archive"].as_str().unwrap_or_else(|| panic!("{run}")).to_owned();
    // Implied, and announced: the archive can be deleted again.
    assert!(announced.contains("delete, prune, protect and annotate"), "{announced}");
    let denied = [
        ["api", "post", "/nodes/pve1/lxc/101/status/start"].to_vec(),
        ["api", "put", "/nodes/pve1/lxc/101/config", "description=x"].to_vec(),
        ["api", "delete", "/nodes/pve1/lxc/101", "--confirm", "101"].to_vec(),
        ["api", "post", "/nodes/pve1/lxc/101/snapshot", "snapname=before"].to_vec(),
        ["api", "post", "/nodes/pve1/lxc/102/status/start"].to_vec(),
        ["api", "post", "/nodes/pve1/vzdump", "vmid=102", "storage=local"].to_vec(),
        ["api", "post", "/pools", "poolid=x"].to_vec(),
        ["api", "post", "/storage", "storage=other", "type=dir", "path=/x"].to_vec(),
        ["api", "put", "/access/acl", "path=/vms/101", "roles=PVEVMAdmin", "users=felhom@pve"].to_vec(),
        ["api", "post", "/access/roles", "roleid=X"].to_vec(),
    ];
    for words in denied {
        let mut run = fresh.felhom(&[&words[..], &["--yes"]].concat());
        // The raw verb says which word confirms what the table does not know.
        if let Some((_, word)) = run.stderr.split_once("--confirm ").filter(|_| run.code == 3) {
            let word = word.split_whitespace().next().unwrap().to_owned();
            run = fresh.felhom(&[&words[..], &["--yes", "--confirm", &word]].concat());
        }
        assert_eq!(run.code, 4, "{words:?}: {run}");
    }
    let gone = fresh.felhom(&[
        "api",
        "delete",
        &format!("/nodes/pve1/storage/local/content/{archive}"),
        "--confirm",
        archive.rsplit('/').next().unwrap(),
    ]);
    assert_eq!(gone.code, 0, "{gone}");
}

#[test]
fn an_unknown_verb_is_a_usage_error() {
    let fresh = Fresh::new();
    fresh.bootstrap(&["--allow", "guest nosuch"]).fails(2).says("not a command of felhom");
    fresh.bootstrap(&["--preset", "self-backup"]).fails(2).says("--guest");
}
