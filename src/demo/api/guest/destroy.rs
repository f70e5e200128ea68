//! Destroying guests and converting them to templates.

use super::disks::{self, Source};
use super::{check_lock, check_skiplock, kind, locked, the_guest};
use crate::demo::api::{Answer, Refusal, Reply, Req, Route};
use crate::demo::state::{GuestKind, Map, Power};
use crate::demo::tasks::{Effect, TaskSpec};

pub(super) const ROUTES: &[Route] = &[
    ("DELETE", "/nodes/{node}/lxc/{vmid}", destroy),
    ("DELETE", "/nodes/{node}/qemu/{vmid}", destroy),
    ("POST", "/nodes/{node}/lxc/{vmid}/template", template_lxc),
    ("POST", "/nodes/{node}/qemu/{vmid}/template", template_qemu),
];

fn destroy(req: &mut Req<'_>) -> Answer {
    let skiplock = check_skiplock(req)?;
    let guest = the_guest(req)?;
    let (vmid, label) = (guest.vmid, guest.kind.label());
    let purge = req.params.flag("purge");
    if guest.flag("protection") {
        return Err(Refusal::die(format!("can't remove {label} {vmid} - protection mode enabled")));
    }
    if guest.kind == GuestKind::Lxc {
        check_lock(&guest)?;
    }
    let managed = req.state.ha_of(vmid).is_some();
    if managed && !purge {
        return Err(Refusal::die(format!("unable to remove {label} {vmid} - used in HA resources and purge parameter not set.")));
    }
    let marker = format!("{vmid}-");
    let replicated = req.state.section("replication").any(|(id, _)| id.starts_with(&marker));
    if !purge && replicated {
        return Err(Refusal::die(format!("There is a replication job for guest {vmid} - please remove that first.")));
    }
    let spec = TaskSpec::new(if guest.kind == GuestKind::Lxc { "vzdestroy" } else { "qmdestroy" }, vmid);
    let mut spec = spec;
    match guest.kind {
        GuestKind::Lxc if guest.power.is_on() && !req.params.flag("force") => {
            return Err(Refusal::die(format!("unable to destroy CT {vmid} - container is running")));
        }
        GuestKind::Qemu if guest.power.is_on() => {
            return Err(Refusal::die(format!("VM {vmid} is running - destroy failed")));
        }
        _ => {}
    }
    if let Some(words) = locked(&guest).filter(|_| !skiplock && guest.lock() != Some("suspended")) {
        return req.start(spec.takes(0.2).fail(words));
    }
    if let Some(other) = linked(req, vmid) {
        let words = format!("base volume '{other}' is still in use by linked clones");
        return req.start(spec.takes(0.3).fail(words));
    }
    if guest.power.is_on() {
        spec = spec.log(format!("forced to stop CT {vmid} before destroying!")).takes(0.8);
        spec = spec.then(Effect::SetPower { vmid, power: Power::Stopped });
    }
    for disk in disks::disks(guest.kind, &guest.config) {
        let thin = disk.storage().and_then(|id| req.state.storages.get(id)).is_some_and(|storage| storage.kind() == "lvmthin");
        if thin && disk.source() == Source::Volume {
            spec = spec.log(format!("  Logical volume \"{}\" successfully removed.", disk.volume().rsplit(':').next().unwrap_or("")));
        }
    }
    spec = spec.takes(0.6);
    if purge {
        spec = spec.log(format!("purging {label} {vmid} from related configurations.."));
        if managed {
            spec = spec.log(format!("NOTE: removed {label} {vmid} from HA resource configuration."));
        }
    }
    req.start(spec.then(Effect::RemoveGuest { vmid, purge }).ok())
}

/// Returns a volume of the template that a linked clone uses.
fn linked(req: &Req<'_>, vmid: u32) -> Option<String> {
    let marker = format!("{vmid}/base-{vmid}-disk");
    let others = req.state.guests.values().filter(|guest| guest.vmid != vmid);
    others
        .flat_map(|guest| guest.config.values())
        .filter_map(|value| value.as_str())
        .find(|text| text.contains(&marker))
        .map(|text| text.split(',').next().unwrap_or(text).rsplit_once('/').map_or(text, |(base, _)| base).to_owned())
}

/// Returns the configuration of a guest with base volumes.
fn as_template(config: &Map, kind: GuestKind) -> (Map, Vec<(String, String)>) {
    let (mut change, mut renamed) = (Map::new(), Vec::new());
    change.insert("template".to_owned(), 1.into());
    for mut disk in disks::disks(kind, config) {
        if disk.source() != Source::Volume {
            continue;
        }
        let old = disk.volume().to_owned();
        let new = old.replace("vm-", "base-").replace("subvol-", "basevol-");
        disk.set_volume(&new);
        change.insert(disk.key.clone(), disk.text().into());
        renamed.push((old, new));
    }
    (change, renamed)
}

fn check_template(req: &Req<'_>) -> Result<(), Refusal> {
    let guest = the_guest(req)?;
    check_lock(&guest)?;
    if !guest.snapshots.is_empty() {
        let words = if guest.kind == GuestKind::Lxc {
            "unable to create template, because CT contains snapshots"
        } else {
            "unable to create template, because VM contains snapshots"
        };
        return Err(Refusal::die(words));
    }
    if guest.is_template() && !req.params.has("disk") {
        return Err(Refusal::die("you can't convert a template to a template"));
    }
    if guest.power.is_on() {
        let words = if guest.kind == GuestKind::Lxc {
            "you can't convert a CT to template if the CT is running"
        } else {
            "you can't convert a VM to template if VM is running"
        };
        return Err(Refusal::die(words));
    }
    Ok(())
}

fn make_template(req: &mut Req<'_>, name: &str) -> Answer {
    check_template(req)?;
    let guest = the_guest(req)?;
    let (change, renamed) = as_template(&guest.config, guest.kind);
    let mut spec = TaskSpec::new(name, guest.vmid).takes(0.5);
    for (old, new) in renamed {
        if let Some(mut volume) = req.state.volume(&old).cloned() {
            volume.volid = new;
            spec = spec.then(Effect::RemoveVolume { volid: old }).then(Effect::AddVolume(Box::new(volume)));
        }
    }
    req.start(spec.then(Effect::SetConfig { vmid: guest.vmid, config: change }).ok())
}

fn template_lxc(req: &mut Req<'_>) -> Answer {
    make_template(req, "vztemplate")?;
    // The host does not return the UPID of a container's conversion.
    Ok(Reply::null())
}

fn template_qemu(req: &mut Req<'_>) -> Answer {
    if let Some(disk) = req.params.get("disk")
        && !disks::is_disk(kind(req), disk)
    {
        return Err(Refusal::param("disk", format!("'{disk}' is not a drive")));
    }
    make_template(req, "qmtemplate")
}
