//! Where backups can go, and which archives stay unseen.

use std::collections::BTreeMap;

use super::{Patient, Report};
use crate::api::storage::{self, Storage};
use crate::fault::Kind;
use crate::guard::plan::{Held, holds};
use crate::ops::nodes;
use crate::routes::Grant;

pub fn look(patient: &Patient<'_>, held: &Held, report: &mut Report) {
    let all = match everywhere(patient, report) {
        Ok(all) => all,
        Err(fault) => return report.fault("storage", &fault),
    };
    if all.is_empty() {
        return report.problem(
            "storage",
            "no storage is visible: the token has Datastore.Audit or Datastore.AllocateSpace on none",
            format!("`{} role check` shows what it lacks", patient.about.program),
        );
    }
    let (takes, other): (Vec<&Storage>, Vec<&Storage>) = all.values().partition(|storage| storage.takes("backup"));
    let names = |list: &[&Storage]| list.iter().map(|storage| storage.storage.as_str()).collect::<Vec<_>>().join(", ");
    let trap = why_not(&other);
    if takes.is_empty() {
        return report.problem(
            "storage",
            format!("no visible storage takes backups{trap}"),
            "allow backups on a directory storage: `pvesm set STORAGE --content backup,…` on the host",
        );
    }
    report.ok("storage", format!("takes backups: {}{trap}", names(&takes)));
    for storage in takes {
        one(storage, held, report);
    }
}

/// ` (local-lvm cannot: …)`
fn why_not(other: &[&Storage]) -> String {
    let disks = |storage: &&&Storage| storage.content.split(',').all(|one| matches!(one, "images" | "rootdir"));
    let (disks, rest): (Vec<&Storage>, Vec<&Storage>) = other.iter().partition(disks);
    let said = |list: &[&Storage], why: &str| {
        let names: Vec<&str> = list.iter().map(|storage| storage.storage.as_str()).collect();
        (!names.is_empty()).then(|| format!("{} cannot: {why}", names.join(", ")))
    };
    let parts: Vec<String> = said(&disks, "guests' disks only").into_iter().chain(said(&rest, "`backup` is not in its content")).collect();
    if parts.is_empty() { String::new() } else { format!(" ({})", parts.join("; ")) }
}

/// The storages of every node, each once; a node that is down is said.
fn everywhere(patient: &Patient<'_>, report: &mut Report) -> crate::fault::Result<BTreeMap<String, Storage>> {
    let client = patient.session.client()?;
    let mut all = BTreeMap::new();
    for node in nodes::all(patient.session)? {
        if !node.online() {
            report.problem("reach", format!("the node {} is {}", node.node, node.status), "look at that node");
            continue;
        }
        match client.get(&storage::list(&node.node)) {
            Ok(some) => all.extend(some.into_iter().map(|storage| (storage.storage.clone(), storage))),
            Err(fault) if fault.kind == Kind::NodeDown => report.problem("reach", fault.message.clone(), "look at that node"),
            Err(fault) => return Err(fault),
        }
    }
    Ok(all)
}

fn one(storage: &Storage, held: &Held, report: &mut Report) {
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
            format!("no backup can be written to {name}: Datastore.AllocateSpace on {path} is missing"),
            "`felhom role check --storage` names the command that grants it",
        );
    }
    if !on("Datastore.Allocate", &path) && !on("VM.Backup", "/vms") {
        report.note(
            "archives",
            format!("on {name} the host lists only backups of guests on which the token has VM.Backup"),
            format!("VM.Backup on /vms, or Datastore.Allocate on {path}, shows all"),
        );
    } else {
        report.ok("archives", format!("all archives on {name} can be seen"));
    }
}
