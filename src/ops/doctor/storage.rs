//! Storages for backups, and backups that the token cannot see.

use std::collections::BTreeMap;

use super::{Report, Target};
use crate::api::storage::{self, Storage};
use crate::fault::Kind;
use crate::guard::plan::{Permissions, holds};
use crate::ops::nodes;
use crate::routes::Grant;

pub fn look(target: &Target<'_>, held: &Permissions, report: &mut Report) {
    let all = match everywhere(target, report) {
        Ok(all) => all,
        Err(fault) => return report.fault("storage", &fault),
    };
    if all.is_empty() {
        return report.problem(
            "storage",
            "no storage is visible: Datastore.Audit or Datastore.AllocateSpace is missing",
            format!("run `{} role check` to see what is missing", target.about.program),
        );
    }
    let (allowed, other): (Vec<&Storage>, Vec<&Storage>) = all.values().partition(|storage| storage.allows("backup"));
    let names = |list: &[&Storage]| list.iter().map(|storage| storage.storage.as_str()).collect::<Vec<_>>().join(", ");
    let trap = why_not(&other);
    if allowed.is_empty() {
        return report.problem(
            "storage",
            format!("no visible storage takes backups{trap}"),
            "allow backups on a directory storage: `pvesm set STORAGE --content backup,…` on the host",
        );
    }
    report.ok("storage", format!("storages for backups: {}{trap}", names(&allowed)));
    for storage in allowed {
        one(storage, held, report);
    }
}

/// Formats ` (local-lvm cannot: …)`.
fn why_not(other: &[&Storage]) -> String {
    let disks = |storage: &&&Storage| storage.content.split(',').all(|one| matches!(one, "images" | "rootdir"));
    let (disks, rest): (Vec<&Storage>, Vec<&Storage>) = other.iter().partition(disks);
    let said = |list: &[&Storage], why: &str| {
        let names: Vec<&str> = list.iter().map(|storage| storage.storage.as_str()).collect();
        (!names.is_empty()).then(|| format!("{} cannot: {why}", names.join(", ")))
    };
    let parts: Vec<String> = said(&disks, "guest disks only").into_iter().chain(said(&rest, "`backup` is not a content type")).collect();
    if parts.is_empty() { String::new() } else { format!(" ({})", parts.join("; ")) }
}

/// Returns the storages of all nodes, each once. Offline nodes are reported.
fn everywhere(target: &Target<'_>, report: &mut Report) -> crate::fault::Result<BTreeMap<String, Storage>> {
    let client = target.session.client()?;
    let mut all = BTreeMap::new();
    for node in nodes::all(target.session)? {
        if !node.online() {
            report.problem("reach", format!("node {} is {}", node.node, node.status), "check that node");
            continue;
        }
        match client.get(&storage::list(&node.node)) {
            Ok(some) => all.extend(some.into_iter().map(|storage| (storage.storage.clone(), storage))),
            Err(fault) if fault.kind == Kind::NodeDown => report.problem("reach", fault.message.clone(), "check that node"),
            Err(fault) => return Err(fault),
        }
    }
    Ok(all)
}

fn one(storage: &Storage, held: &Permissions, report: &mut Report) {
    let name = &storage.storage;
    if storage.enabled && !storage.active {
        report.problem("storage", format!("{name} is not active: its disk or server is not available"), "mount it, or look at its server");
    }
    if let (Some(total), Some(free)) = (storage.total, storage.avail)
        && total > 0
        && free.saturating_mul(20) < total
    {
        report.problem("storage", format!("{name} is nearly full"), "`felhom backup prune --preview` shows what can be deleted");
    }
    let path = format!("/storage/{name}");
    let on = |privilege: &str, path: &str| holds(held, &Grant { path: path.to_owned(), privilege: privilege.to_owned() });
    if !on("Datastore.AllocateSpace", &path) {
        report.note(
            "storage",
            format!("cannot write backups to {name}: Datastore.AllocateSpace on {path} is missing"),
            "run `felhom role check --storage` for the command that grants it",
        );
    }
    if !on("Datastore.Allocate", &path) && !on("VM.Backup", "/vms") {
        report.note(
            "archives",
            format!("on {name} the host lists only backups of guests on which the token has VM.Backup"),
            format!("VM.Backup on /vms, or Datastore.Allocate on {path}, shows all"),
        );
    } else {
        report.ok("archives", format!("all backups on {name} are visible"));
    }
}
