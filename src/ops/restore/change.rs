//! The change of a restore.

use serde_json::{Value as Json, json};

use crate::api::{Call, GuestKind, Place, lenient};
use crate::guard::{Change, Item, Step, Target};
use crate::ops::guests::split_tags;
use crate::ops::restore::decide::Decision;
use crate::ops::restore::read::{Known, Request};
use crate::path;
use crate::routes::Risk;
use crate::units;

/// Returns the restore call. It never contains `features`: a token can restore the backup's features only if the call omits them.
pub fn call(known: &Known, request: &Request, decision: &Decision) -> Call<Json> {
    let call = Call::post(path!["nodes", known.node, known.kind]).with("vmid", known.vmid);
    let call = match known.kind {
        GuestKind::Lxc => call.with("ostemplate", &known.archive.archive).with("restore", true),
        GuestKind::Qemu => call.with("archive", &known.archive.archive),
    };
    let name = if known.kind == GuestKind::Lxc { "hostname" } else { "name" };
    let mut call = call
        .with_some("storage", decision.layout.storage.as_ref())
        .with_set("unique", decision.fresh)
        .with_set("force", known.existing.is_some())
        .with_some("pool", request.pool.as_ref())
        .with_some(name, decision.hostname.as_ref())
        .with_some("tags", tags(known))
        .with_some("bwlimit", request.bwlimit);
    for (key, value) in &decision.layout.restated {
        call = call.with(key.clone(), value);
    }
    call
}

/// Returns the backup's tags with the managed tag, if it is missing.
fn tags(known: &Known) -> Option<String> {
    let managed = known.managed.as_ref()?;
    let mut tags = split_tags(known.archived.values.get("tags").and_then(lenient::text).as_deref());
    if tags.contains(managed) {
        return None;
    }
    tags.push(managed.clone());
    Some(tags.join(";"))
}

/// Returns the location of the restored guest.
pub fn place(known: &Known) -> Place {
    Place { node: known.node.clone(), kind: known.kind, vmid: known.vmid }
}

/// Describes the restore in one line: `restore local:backup/… (3d old, 737 MiB) as 150 on pve1`.
pub fn summary(known: &Known) -> String {
    let size = known.archive.size_bytes.map_or_else(String::new, |size| format!(", {}", units::bytes(size)));
    format!("restore {} ({} old{size}) as {} on {}", known.archive.archive, units::seconds(known.archive.age()), known.vmid, known.node)
}

pub fn change(known: &Known, request: &Request, decision: &Decision, plan_alone: bool) -> Change {
    let value = |key: &str| known.archived.values.get(key).and_then(lenient::text);
    let name = decision.hostname.clone().or_else(|| known.identity.name.clone());
    let target = Target { node: Some(known.node.clone()), vmid: Some(known.vmid), name: name.clone(), kind: Some(known.kind.word()) };
    let stores: Vec<&str> = decision.layout.needs.keys().map(String::as_str).collect();
    let mut item = Item::new("restore", target)
        .touches(format!("{} {} on {}: {}", known.kind.short(), known.vmid, stores.join(", "), decision.because))
        .fact("vmid", if known.existing.is_some() { "taken" } else { "free" })
        .fact("archive", known.archive.state())
        .word(known.vmid)
        .extra("archive", known.archive.archive.as_str())
        .extra("source_vmid", known.archive.vmid)
        .extra("storage", stores.join(","))
        .extra("identity", if decision.fresh { "fresh" } else { "kept" })
        .extra("macs", json!(known.identity.macs))
        .extra("hostname", name)
        .extra("features", value("features"))
        .extra("unprivileged", value("unprivileged").as_deref() == Some("1"))
        .extra("started", false)
        .extra("not_in_archive", json!(decision.not_in_archive))
        .extra("by_root", json!(decision.by_root))
        .extra("root_level", json!(decision.root_level))
        .extra("warnings", json!(decision.warnings));
    for what in &decision.not_in_archive {
        item = item.caution(format!("not in the backup: {what}"));
    }
    for what in &decision.warnings {
        item = item.caution(what);
    }
    for what in &decision.shared {
        item = item.caution(format!("shared with another guest: {what}")).risk(Risk::Disruptive);
    }
    if let Some(existing) = &known.existing {
        let age = units::seconds(known.archive.age());
        item = item.fact("status", &existing.status).fact("snapshots", known.snapshots.join(","));
        item = item.risk(Risk::Irreversible).loses(format!("the disks of {}; changes of the last {age} are lost", existing.label()));
        if !known.snapshots.is_empty() {
            item = item.loses(format!("snapshots: {}", known.snapshots.join(", ")));
        }
    }
    item = item.step(Step::call("restore", call(known, request, decision)));
    if request.start && !plan_alone {
        item = item.touches("it is started afterwards, unless its MAC or IP address is in use");
    }
    if request.start && plan_alone {
        // The real start is a separate change, after another check for running guests.
        item = item.step(Step::call("start", place(known).power("start")));
    }
    Change::one(summary(known), item)
}
