//! File systems on disks, mounted below `/mnt/pve` by a unit of their own.

use serde_json::{Value, json};

use super::block_devices::{clean_disks, clean_storages, new_storage, size, unused_disk, use_disk};
use super::the_node;
use crate::demo::api::{Answer, Refusal, Req, Route};
use crate::demo::mounts::Mount;
use crate::demo::tasks::{Effect, TaskSpec};

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/nodes/{node}/disks/directory", list),
    ("POST", "/nodes/{node}/disks/directory", create),
    ("DELETE", "/nodes/{node}/disks/directory/{name}", remove),
];

fn unit(name: &str) -> String {
    format!("/etc/systemd/system/mnt-pve-{name}.mount")
}

fn list(req: &mut Req<'_>) -> Answer {
    let own = the_node(req).mounts.iter().filter_map(|(place, mount)| Some((place.strip_prefix("/mnt/pve/")?, place, mount)));
    let rows = own.map(|(name, place, mount)| {
        json!({ "unitfile": unit(name), "path": place, "device": mount.device, "type": mount.fstype, "options": "defaults" })
    });
    Ok(rows.collect::<Value>().into())
}

fn create(req: &mut Req<'_>) -> Answer {
    let (name, device, node) = (req.params.text("name").to_owned(), req.params.text("device").to_owned(), the_node(req).name.clone());
    let fstype = req.params.get("filesystem").unwrap_or("ext4").to_owned();
    let bytes = size(unused_disk(req, &device)?);
    let place = format!("/mnt/pve/{name}");
    let config = json!({ "type": "dir", "path": place, "is_mountpoint": 1, "content": "rootdir,images,iso,backup,vztmpl,snippets" });
    let storage = new_storage(req, &name, config, bytes)?;
    if let Some(mount) = the_node(req).mounts.get(&place) {
        return Err(Refusal::die(format!("the path for '{name}' is already mounted: {place} ({})", mount.device)));
    }
    let mount = Mount { device: format!("{device}1"), fstype: fstype.clone() };
    let spec = TaskSpec::new("dircreate", name)
        .log(format!("# /sbin/sgdisk -n1 -t1:8300 {device}"))
        .log("The operation has completed successfully.")
        .takes(0.5)
        .log(format!("# /sbin/mkfs -t {fstype} {device}1"))
        .takes(2.0)
        .log(format!("# /sbin/blkid {device}1 -o export"))
        .then(use_disk(&node, &device, &fstype))
        .then(Effect::Mount { node, place, mount });
    req.start(storage.into_iter().fold(spec, TaskSpec::then).ok())
}

fn remove(req: &mut Req<'_>) -> Answer {
    let (node, name) = (the_node(req).name.clone(), req.params.text("name").to_owned());
    let place = format!("/mnt/pve/{name}");
    let storages = clean_storages(req, |storage| storage.kind() == "dir" && storage.text("path") == Some(&place))?;
    let spec = TaskSpec::new("dirremove", name.clone());
    let Some(mount) = the_node(req).mounts.get(&place) else {
        return req.start(spec.fail(format!("can't open '{}' - No such file or directory", unit(&name))));
    };
    let disk = mount.device.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned();
    let spec = storages.into_iter().fold(spec.takes(0.8).then(Effect::Unmount { node, place }), TaskSpec::then);
    let spec = clean_disks(req, spec, &[disk]);
    req.start(spec.ok())
}
