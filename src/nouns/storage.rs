//! Storage definitions, and what can be found for them on the network.

use super::{Noun, noun};
use crate::api::Risk::{Irreversible, Safe};

pub static STORAGE: Noun = noun("storage", "storage", "storages", "/storage")
    .key("storage")
    .show(&["type", "content:list", "path", "server", "export", "share", "pool", "nodes:list", "shared:flag", "disable:flag"])
    .example("felhom storage show local")
    .create()
    .example("felhom storage create scratch --type dir --path /srv/scratch --content iso,vztmpl")
    .set()
    .example("felhom storage set scratch --content iso,vztmpl,snippets")
    .delete()
    .named("remove")
    .risk(Irreversible)
    .about("Remove a storage definition; its data stays")
    .example("felhom storage remove scratch --confirm scratch")
    .other_show("status", &["type", "active:flag", "enabled:flag", "used:bytes", "avail:bytes", "total:bytes", "content:list"])
    .at("/nodes/{node}/storage/{storage}/status")
    .about("Show the usage of a storage on a node")
    .example("felhom storage status local --node pve1");

pub static SCAN: Noun = noun("storage scan", "storage server", "storage servers", "/nodes/{node}/scan")
    .other_list("nfs", &["path", "options:flex"])
    .about("List NFS exports of a server")
    .args(&["server"])
    .example("felhom storage scan nfs 192.0.2.5 --node pve1")
    .other_list("cifs", &["share", "description:flex"])
    .about("List SMB/CIFS shares of a server")
    .args(&["server"])
    .example("felhom storage scan cifs 192.0.2.5 --node pve1")
    .other_list("iscsi", &["target", "portal"])
    .about("List iSCSI targets of a portal")
    .args(&["portal"])
    .example("felhom storage scan iscsi 192.0.2.5 --node pve1")
    .other_list("lvm", &["vg"])
    .about("List LVM volume groups of a node")
    .example("felhom storage scan lvm --node pve1")
    .other_list("lvmthin", &["lv"])
    .about("List LVM thin pools of a volume group")
    .args(&["vg"])
    .example("felhom storage scan lvmthin pve --node pve1");

pub static TEMPLATE: Noun = noun("template", "container template", "container templates", "/nodes/{node}/aplinfo")
    .key("template")
    .list(&["template", "version", "section", "os:wide", "headline:flex"])
    .example("felhom template list --node pve1")
    .post("download", Safe)
    .on_collection()
    .task("download")
    .args(&["template"])
    .about("Download a container template to a storage")
    .example("felhom template download debian-13-standard_13.1-2_amd64.tar.zst --storage local --node pve1");
