//! Guests: calls without a decision of their own.

use super::{Noun, noun};
use crate::api::Method::Put;
use crate::api::Risk::{Disruptive, Irreversible, Safe};

pub static GUEST: Noun = noun("guest", "guest", "guests", "/nodes/{node}/{guest}")
    .post("reset", Disruptive)
    .at("/nodes/{node}/{guest}/status/reset")
    .task("qmreset")
    .without(&["skiplock"])
    .about("Reset a VM, as its reset button does")
    .example("felhom guest reset 201 --yes")
    .post("template", Irreversible)
    .task("qmtemplate")
    .about("Convert a guest to a template, which cannot run again")
    .example("felhom guest template 202 --confirm 202")
    .other_list("metrics", &["time:time", "cpu:share", "mem:bytes", "netin:bytes", "netout:bytes", "diskread:bytes", "diskwrite:bytes"])
    .below("rrddata")
    .about("List measurements of a guest over time")
    .example("felhom guest metrics 101 --timeframe hour")
    .post("sendkey", Safe)
    .by(Put)
    .args(&["key"])
    .without(&["skiplock"])
    .about("Send a key to a VM")
    .example("felhom guest sendkey 201 ctrl-alt-delete")
    .post("monitor", Disruptive)
    .args(&["command"])
    .about("Run a command of the QEMU monitor of a VM")
    .example("felhom guest monitor 201 'info status' --yes");

pub static SNAPSHOT: Noun = noun("snapshot", "snapshot", "snapshots", "/nodes/{node}/{guest}/snapshot")
    .key("snapname")
    .post("set", Safe)
    .by(Put)
    .below("config")
    .about("Set the description of a snapshot")
    .example("felhom snapshot set 101 before-update --description 'before the update'");

pub static BACKUP: Noun = noun("backup", "backup", "backups", "/nodes/{node}/vzdump")
    .other_show("defaults", &["storage", "mode", "compress", "prune-backups", "bwlimit", "ionice", "notes-template"])
    .about("Show a node's defaults for backups")
    .example("felhom backup defaults --node pve1");

pub static BACKUP_JOB: Noun = noun("backup job", "backup job", "backup jobs", "/cluster/backup")
    .key("id")
    .other_list("uncovered", &["vmid", "name", "type"])
    .at("/cluster/backup-info/not-backed-up")
    .about("List guests that no backup job includes")
    .example("felhom backup job uncovered")
    .other_list("volumes", &["parent-id=GUEST", "parent-name=NAME:flex", "id=VOLUME", "included:flag", "reason:flex"])
    .at("/cluster/backup/{id}/included_volumes")
    .rows(&["children", "children"])
    .about("List the volumes that a backup job includes")
    .example("felhom backup job volumes nightly");

pub static BACKUP_FILE: Noun = noun("backup file", "file in a backup", "files in a backup", "/nodes/{node}/storage/{storage}/file-restore")
    .key("filepath")
    .other_list("list", &["text=NAME", "type", "size:bytes", "mtime=MODIFIED:time", "leaf=FILE:flag,wide"])
    .args(&["volume", "filepath"])
    .about("List the files in a backup on a backup server")
    .example("felhom backup file list pbs pbs:backup/ct/101/2026-11-20T12:01:44Z /root.pxar.didx/etc --node pve1");
