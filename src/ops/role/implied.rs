//! Descriptions of what privileges allow in addition to their purpose.

use std::collections::BTreeSet;

/// `means` is possible with the first of `needs` on a path in `area`, and the others on their own paths.
struct Implied {
    needs: &'static [&'static str],
    area: &'static str,
    means: &'static str,
}

const fn one(needs: &'static [&'static str], area: &'static str, means: &'static str) -> Implied {
    Implied { needs, area, means }
}

static IMPLIED: &[Implied] = &[
    one(&["Permissions.Modify"], "/", "grant any privilege on the path; on /, the token is equivalent to an administrator"),
    one(&["Sys.Console"], "/nodes", "open a root shell on the node"),
    one(&["Sys.Modify"], "/nodes", "change network, firewall and certificates of the node, wipe its disks, refresh its package lists"),
    one(&["Sys.PowerMgmt"], "/nodes", "reboot and shut down the node"),
    one(&["User.Modify"], "/access", "change users and create tokens with their permissions"),
    one(
        &["VM.Backup", "Datastore.AllocateSpace"],
        "/vms",
        "overwrite the guest with one of its backups (without VM.Allocate), which replaces its disks",
    ),
    one(&["VM.Backup", "Datastore.AllocateSpace"], "/vms", "delete, prune, protect and annotate the guest's backups on the storage"),
    one(&["VM.Backup"], "/vms", "stop a running guest by a backup in stop mode, and read all its data from a backup"),
    one(&["VM.Snapshot"], "/vms", "roll back to a snapshot (without VM.Snapshot.Rollback) and delete snapshots; later data is lost"),
    one(&["VM.Snapshot.Rollback"], "/vms", "roll back to a snapshot; later data is lost"),
    one(&["VM.Allocate"], "/vms", "delete the guest with its disks, and grant the token's own privileges on it to others"),
    one(
        &["VM.Allocate", "Datastore.AllocateSpace"],
        "/vms",
        "restore any readable backup: hook scripts and device entries in a backup act as root on the host, so backups must be trusted",
    ),
    one(&["VM.PowerMgmt"], "/vms", "stop a running guest without shutdown"),
    one(&["VM.Config.Disk"], "/vms", "detach and delete disks of the guest"),
    one(&["VM.Config.Network", "SDN.Use"], "/vms", "connect the guest to any permitted bridge, with any MAC address"),
    one(&["VM.Config.Options"], "/vms", "clear the guest's protection flag, rename it, change its start options"),
    one(&["VM.Console"], "/vms", "use the guest's console"),
    one(&["VM.GuestAgent.Unrestricted"], "/vms", "run commands as root inside the guest"),
    one(&["VM.GuestAgent.FileWrite"], "/vms", "write files as root inside the guest"),
    one(&["VM.GuestAgent.FileRead"], "/vms", "read any file inside the guest"),
    one(&["VM.Migrate"], "/vms", "migrate the guest to another node"),
    one(&["VM.Clone"], "/vms", "clone the guest with all its data, if the token can create guests"),
    one(&["Datastore.Allocate"], "/storage", "delete any volume on the storage, including disks and backups of all guests"),
    one(
        &["Datastore.Allocate"],
        "/",
        "add, change and remove storages: a new storage can read and overwrite directories of the host, which is close to root access",
    ),
    one(&["Datastore.AllocateTemplate"], "/storage", "upload and download images and templates"),
    one(&["Datastore.AllocateSpace"], "/storage", "fill the storage"),
    one(&["Sys.Audit"], "/access", "read users, tokens and permissions"),
    one(&["Sys.Audit"], "/nodes", "read tasks and task logs of all users"),
];

/// Describes what these privileges on these paths allow; `beside` are privileges on other paths.
pub fn possible(privileges: &BTreeSet<String>, paths: &[String], beside: &BTreeSet<String>) -> Vec<String> {
    let follows = |implied: &&Implied| {
        let Some((first, rest)) = implied.needs.split_first() else { return false };
        // VM.Snapshot allows a rollback too, and says so.
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

/// Whether a grant on `path` applies to the area or to something in it.
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
    fn backup_privileges_allow_more_than_backups() {
        let privileges = set(&["VM.Audit", "VM.Backup", "Datastore.AllocateSpace"]);
        let none = set(&[]);
        let said = possible(&privileges, &["/vms/101".into(), "/storage/local".into()], &none);
        assert!(said.iter().any(|s| s.starts_with("overwrite the guest with one of its backups")), "{said:?}");
        assert!(said.iter().all(|s| !s.contains("close to root")), "{said:?}");
        assert!(possible(&set(&["Datastore.Allocate"]), &["/".into()], &none).iter().any(|s| s.contains("close to root")));
        assert!(possible(&set(&["VM.Audit"]), &["/".into()], &none).is_empty());
    }

    #[test]
    fn privileges_on_other_paths_count_and_nothing_is_repeated() {
        let bridge = |beside: &[&str]| possible(&set(&["VM.Config.Network"]), &["/vms/101".into()], &set(beside));
        assert!(bridge(&[]).is_empty());
        assert!(matches!(&bridge(&["SDN.Use"])[..], [one] if one.ends_with("with any MAC address (on /vms/101)")));
        let back =
            |names: &[&str]| possible(&set(names), &["/".into()], &set(&[])).iter().filter(|line| line.contains("roll back")).count();
        assert_eq!((back(&["VM.Snapshot", "VM.Snapshot.Rollback"]), back(&["VM.Snapshot.Rollback"])), (1, 1));
    }
}
