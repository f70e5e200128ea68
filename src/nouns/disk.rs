//! Disks of a node, and what is created on them: directories, LVM, ZFS.

use super::{Noun, noun};
use crate::api::Method::Put;
use crate::api::Risk::{Disruptive, Irreversible};

pub static DISK: Noun = noun("node disk", "disk", "disks", "/nodes/{node}/disks")
    .key("disk")
    .other_list("list", &["devpath=DISK", "type", "size:bytes", "model:flex", "serial", "used", "health:state", "wearout:wide"])
    .example("felhom node disk list --node pve1")
    .post("init", Disruptive)
    .at("/nodes/{node}/disks/initgpt")
    .task("diskinit")
    .about("Create an empty GPT on a disk")
    .example("felhom node disk init /dev/sdf --node pve1 --yes")
    .post("wipe", Irreversible)
    .by(Put)
    .at("/nodes/{node}/disks/wipedisk")
    .task("wipedisk")
    .about("Delete all data on a disk or partition")
    .example("felhom node disk wipe /dev/sdf --node pve1 --confirm /dev/sdf");

pub static DIRECTORY: Noun = noun("node directory", "mounted directory", "mounted directories", "/nodes/{node}/disks/directory")
    .key("name")
    .list(&["path", "device:flex", "type", "options:wide", "unitfile:wide"])
    .example("felhom node directory list --node pve1")
    .create()
    .task("dircreate")
    .risk(Disruptive)
    .about("Create a file system on a disk and mount it")
    .example("felhom node directory create spare --device /dev/sdc --filesystem xfs --node pve1 --yes")
    .delete()
    .task("dirremove")
    .about("Unmount a directory below /mnt/pve")
    .example("felhom node directory delete spare --node pve1 --confirm spare");

pub static LVM: Noun = noun("node lvm", "LVM volume group", "LVM volume groups", "/nodes/{node}/disks/lvm")
    .key("name")
    .list(&["name", "size:bytes", "free:bytes", "lvcount=VOLUMES"])
    .rows(&["children"])
    .example("felhom node lvm list --node pve1")
    .create()
    .task("lvmcreate")
    .risk(Disruptive)
    .example("felhom node lvm create vmdata --device /dev/sdc --node pve2 --yes")
    .delete()
    .task("lvmremove")
    .example("felhom node lvm delete vmdata --node pve2 --confirm vmdata");

pub static LVMTHIN: Noun = noun("node lvmthin", "LVM thin pool", "LVM thin pools", "/nodes/{node}/disks/lvmthin")
    .key("name")
    .list(&["lv", "vg", "lv_size=SIZE:bytes", "used:bytes", "metadata_size:bytes,wide", "metadata_used:bytes,wide"])
    .example("felhom node lvmthin list --node pve1")
    .create()
    .task("lvmthincreate")
    .risk(Disruptive)
    .example("felhom node lvmthin create thin1 --device /dev/sdc --node pve3 --yes")
    .delete()
    .task("lvmthinremove")
    .example("felhom node lvmthin delete thin1 --volume-group thin1 --node pve3 --confirm thin1");

pub static ZFS: Noun = noun("node zfs", "ZFS pool", "ZFS pools", "/nodes/{node}/disks/zfs")
    .key("name")
    .list(&["name", "health:state", "size:bytes", "alloc:bytes", "free:bytes", "frag", "dedup:wide"])
    .example("felhom node zfs list --node pve1")
    .show(&["state:state", "status", "action", "scan", "errors"])
    .example("felhom node zfs show tank --node pve1")
    .create()
    .task("zfscreate")
    .risk(Disruptive)
    .example("felhom node zfs create bulk --raidlevel mirror --devices /dev/sdd,/dev/sde --node pve1 --yes")
    .delete()
    .task("zfsremove")
    .example("felhom node zfs delete bulk --node pve1 --confirm bulk");
