//! What privileges make possible besides what they were given for, in words.

use std::collections::BTreeSet;

/// The first of `needs` held on a path under `area`, and the others where they belong, makes `means` possible.
struct Implied {
    needs: &'static [&'static str],
    area: &'static str,
    means: &'static str,
}

const fn one(needs: &'static [&'static str], area: &'static str, means: &'static str) -> Implied {
    Implied { needs, area, means }
}

static IMPLIED: &[Implied] = &[
    one(&["Permissions.Modify"], "/", "give itself and others any privilege there: with it at / the token is as good as an administrator"),
    one(&["Sys.Console"], "/nodes", "open a root shell on the node"),
    one(&["Sys.Modify"], "/nodes", "change network, firewall and certificates of the node, wipe its disks, refresh its updates"),
    one(&["Sys.PowerMgmt"], "/nodes", "reboot and shut down the node"),
    one(&["User.Modify"], "/access", "change users and make tokens for them: whatever those users may do"),
    one(
        &["VM.Backup", "Datastore.AllocateSpace"],
        "/vms",
        "restore one of the guest's archives over it by force (no VM.Allocate is needed), which replaces its disks",
    ),
    one(&["VM.Backup", "Datastore.AllocateSpace"], "/vms", "delete, prune, protect and annotate the archives of the guest on the storage"),
    one(&["VM.Backup"], "/vms", "stop a running guest for a backup in stop mode, and read all its data through its archives"),
    one(
        &["VM.Snapshot"],
        "/vms",
        "roll back to a snapshot (no VM.Snapshot.Rollback is needed) and delete snapshots: what came after is lost",
    ),
    one(&["VM.Snapshot.Rollback"], "/vms", "roll back to a snapshot: what came after is lost"),
    one(&["VM.Allocate"], "/vms", "destroy the guest with its disks, and give others the privileges on it that the token has itself"),
    one(
        &["VM.Allocate", "Datastore.AllocateSpace"],
        "/vms",
        "restore any archive that it may read: hook scripts and device entries in an archive act as root on the host, so archives must be trusted",
    ),
    one(&["VM.PowerMgmt"], "/vms", "cut the power of a running guest"),
    one(&["VM.Config.Disk"], "/vms", "detach and delete disks of the guest"),
    one(&["VM.Config.Network", "SDN.Use"], "/vms", "put the guest on any bridge that it may use, with any MAC address"),
    one(&["VM.Config.Options"], "/vms", "take the guest's protection off, rename it, change its start-up"),
    one(&["VM.Console"], "/vms", "sit at the guest's console"),
    one(&["VM.GuestAgent.Unrestricted"], "/vms", "run commands as root inside the guest"),
    one(&["VM.GuestAgent.FileWrite"], "/vms", "write files as root inside the guest"),
    one(&["VM.GuestAgent.FileRead"], "/vms", "read any file inside the guest"),
    one(&["VM.Migrate"], "/vms", "move the guest to another node"),
    one(&["VM.Clone"], "/vms", "copy the guest with all its data, where it may also make a guest"),
    one(&["Datastore.Allocate"], "/storage", "delete any volume on the storage, disks and archives of every guest included"),
    one(
        &["Datastore.Allocate"],
        "/",
        "add, change and remove storages: with a new storage it reads and overwrites directories of the host, which is near to root",
    ),
    one(&["Datastore.AllocateTemplate"], "/storage", "upload and download images and templates"),
    one(&["Datastore.AllocateSpace"], "/storage", "fill the storage up"),
    one(&["Sys.Audit"], "/access", "see users, tokens and rights of everybody"),
    one(&["Sys.Audit"], "/nodes", "read tasks and task logs of everybody"),
];

/// What is possible with these privileges on these paths; `beside` is what is held elsewhere.
pub fn possible(privileges: &BTreeSet<String>, paths: &[String], beside: &BTreeSet<String>) -> Vec<String> {
    let follows = |implied: &&Implied| {
        let Some((first, rest)) = implied.needs.split_first() else { return false };
        // Whoever may make snapshots may roll back anyway, and has been told so.
        let told = *first == "VM.Snapshot.Rollback" && privileges.contains("VM.Snapshot");
        !told && privileges.contains(*first) && rest.iter().all(|more| privileges.contains(*more) || beside.contains(*more))
    };
    let mut found: Vec<String> = Vec::new();
    for implied in IMPLIED.iter().filter(follows) {
        let reached: Vec<&str> = paths.iter().map(String::as_str).filter(|path| reaches(path, implied.area)).collect();
        if !reached.is_empty() {
            found.push(format!("{} (on {})", implied.means, reached.join(", ")));
        }
    }
    found
}

/// A grant on `path` holds in the area: from above, or on something in it.
fn reaches(path: &str, area: &str) -> bool {
    if area == "/" {
        return path == "/" || path == "/storage";
    }
    path == "/"
        || path == area
        || path.strip_prefix(area).is_some_and(|rest| rest.starts_with('/'))
        || (area == "/vms" && path.starts_with("/pool/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|n| (*n).to_owned()).collect()
    }

    #[test]
    fn a_backup_right_says_what_else_it_opens() {
        let privileges = set(&["VM.Audit", "VM.Backup", "Datastore.AllocateSpace"]);
        let none = set(&[]);
        let said = possible(&privileges, &["/vms/101".into(), "/storage/local".into()], &none);
        assert!(said.iter().any(|s| s.starts_with("restore one of the guest's archives over it by force")), "{said:?}");
        assert!(said.iter().all(|s| !s.contains("near to root")), "{said:?}");
        assert!(possible(&set(&["Datastore.Allocate"]), &["/".into()], &none).iter().any(|s| s.contains("near to root")));
        assert!(possible(&set(&["VM.Audit"]), &["/".into()], &none).is_empty());
    }

    #[test]
    fn what_is_held_elsewhere_counts_too_and_nothing_is_told_twice() {
        let bridge = |beside: &[&str]| possible(&set(&["VM.Config.Network"]), &["/vms/101".into()], &set(beside));
        assert!(bridge(&[]).is_empty());
        assert!(matches!(&bridge(&["SDN.Use"])[..], [one] if one.ends_with("with any MAC address (on /vms/101)")));
        let back =
            |names: &[&str]| possible(&set(names), &["/".into()], &set(&[])).iter().filter(|line| line.contains("roll back")).count();
        assert_eq!((back(&["VM.Snapshot", "VM.Snapshot.Rollback"]), back(&["VM.Snapshot.Rollback"])), (1, 1));
    }
}
