//! Creating and destroying OSDs.

use serde_json::{Value, json};

use super::osd::{osds, the_osd};
use super::{OSD, is_running, node, number, ready, section, text};
use crate::demo::api::nodes::the_node;
use crate::demo::api::{Answer, Refusal, Req, Route};
use crate::demo::state::{Map, map};
use crate::demo::tasks::{Effect, TaskSpec};

pub(super) const ROUTES: &[Route] = &[("POST", "/nodes/{node}/ceph/osd", create), ("DELETE", "/nodes/{node}/ceph/osd/{osdid}", destroy)];

/// A disk of the node that no one uses; LVM on it is allowed for a shared database device.
fn free_disk(req: &Req<'_>, path: &str, kind: &str) -> Result<Map, Refusal> {
    let disk = the_node(req).disks.iter().find(|disk| text(disk, "devpath") == path);
    let Some(disk) = disk else {
        let of = if kind == "dev" { String::new() } else { format!(" for type {kind}") };
        return Err(Refusal::die(format!("unable to get device info for '{path}'{of}")));
    };
    match (kind, text(disk, "used")) {
        (_, "") => Ok(disk.clone()),
        ("dev", _) => Err(Refusal::die(format!("device '{path}' is already in use"))),
        (_, "LVM") => Ok(disk.clone()),
        _ => Err(Refusal::die(format!("device '{path}' is already in use and has no LVM on it"))),
    }
}

fn create(req: &mut Req<'_>) -> Answer {
    ready(req)?;
    let path = req.params.text("dev").to_owned();
    let disk = free_disk(req, &path, "dev")?;
    let count = req.params.int("osds-per-device").unwrap_or(1).max(1);
    let mut osd = map(json!({
        "node": node(req), "device": path, "size": disk["size"].as_i64().unwrap_or(0) / count, "percent": 1, "in": 1, "running": true,
        "class": req.params.get("crush-device-class").unwrap_or(if text(&disk, "type") == "hdd" { "hdd" } else { "ssd" }),
    }));
    if req.params.flag("encrypted") {
        osd.insert("encrypted".into(), 1.into());
    }
    let name = path.trim_start_matches("/dev/").to_owned();
    let mut spec = TaskSpec::new("cephcreateosd", name).log(format!("create OSD on {path} (bluestore)"));
    for (key, kind) in [("db_dev", "db"), ("wal_dev", "wal")] {
        let Some(device) = req.params.get(key).map(str::to_owned) else { continue };
        if device == path {
            return Err(Refusal::param(key, format!("cannot chose '{device}' for more than one type.")));
        }
        free_disk(req, &device, key)?;
        spec = spec.log(format!("creating block.{kind} on '{device}'"));
        osd.insert(kind.to_owned(), device.into());
    }
    spec = spec.log(format!("wiping block device {path}")).takes(2.0);
    let taken: Vec<i64> = osds(req.state).into_iter().map(|(id, _)| id).collect();
    let ids: Vec<i64> = (0..).filter(|id| !taken.contains(id)).take(usize::try_from(count).unwrap_or(1)).collect();
    for id in &ids {
        spec =
            spec.log("Running command: /usr/bin/ceph-authtool --gen-print-key").then(Effect::put_section(OSD, id.to_string(), osd.clone()));
    }
    let values = map(json!({ "used": "LVM", "osdid": ids[0], "osdid-list": ids, "gpt": 0 }));
    let spec = spec.then(Effect::SetDisk { node: node(req), device: path.clone(), values });
    req.start(spec.log(format!("--> ceph-volume lvm create successful for: {path}")).takes(1.0).ok())
}

fn destroy(req: &mut Req<'_>) -> Answer {
    ready(req)?;
    let (id, node) = (req.params.text("osdid").to_owned(), node(req));
    if section(req.state, OSD, &id).is_some_and(|osd| text(osd, "node") != node) {
        let place = "/usr/share/perl5/PVE/API2/Ceph/OSD.pm line 1008.";
        return Err(Refusal::die(format!("OSD osd.{id} does not belong to node {node}! at {place}")));
    }
    let osd = the_osd(req)?;
    if number(osd, "in") == 1 {
        return Err(Refusal::die("osd is in use (in == 1)"));
    }
    if is_running(osd) {
        return Err(Refusal::die("osd is still running (up == 1)"));
    }
    let device = text(osd, "device").to_owned();
    let spec = TaskSpec::new("cephdestroyosd", format!("osd.{id}"))
        .log(format!("destroy OSD osd.{id}"))
        .log(format!("Remove osd.{id} from the CRUSH map"))
        .log(format!("Remove the osd.{id} authentication key."))
        .log(format!("Remove OSD osd.{id}"))
        .log(format!("Remove osd.{id} mclock max capacity iops settings from config"))
        .takes(1.0)
        .then(Effect::remove_section(OSD, id));
    let used: Value = if req.params.flag("cleanup") { "".into() } else { "LVM".into() };
    let values = map(json!({ "used": used, "osdid": -1, "osdid-list": null }));
    req.start(spec.then(Effect::SetDisk { node, device, values }).ok())
}
