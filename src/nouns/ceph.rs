//! Ceph: the cluster, its services, disks, pools and file systems.

use super::{Anywhere, Noun, Scope, noun};
use crate::api::Method::Put;
use crate::api::Risk::{Disruptive, Safe};

/// The cluster's answer is that of the node that answers.
const SCOPES: &[Scope] = &[Scope { flag: "cluster", path: "/cluster/ceph" }, Scope { flag: "node", path: "/nodes/{node}/ceph" }];

pub static CEPH: Noun = noun("ceph", "Ceph", "Ceph", "{scope}")
    .scopes_or_first(SCOPES)
    .other_show(
        "status",
        &[
            "health.status=Health:state",
            "health.checks=Checks:list",
            "fsid=FSID",
            "quorum_names=Monitors in quorum:list",
            "mgrmap.active_name=Active manager",
            "osdmap.num_osds=OSDs",
            "osdmap.num_up_osds=OSDs up",
            "osdmap.num_in_osds=OSDs in",
            "pgmap.num_pools=Pools",
            "pgmap.num_pgs=Placement groups",
            "pgmap.bytes_used=Used:bytes",
            "pgmap.bytes_avail=Available:bytes",
            "pgmap.bytes_total=Total:bytes",
            "quorum:hidden",
            "quorum_age=Quorum for:seconds",
            "election_epoch:hidden",
            "monmap:hidden",
            "fsmap:hidden",
            "servicemap:hidden",
            "progress_events:hidden",
        ],
    )
    .about("Show the status of the Ceph cluster")
    .example("felhom ceph status\nfelhom ceph status --node pve2 -o json")
    .post("restart-bulk", Disruptive)
    .task("srvrestart")
    .about("Restart Ceph daemons of a type one after another")
    .example("felhom ceph restart-bulk --service-type mon --yes\nfelhom ceph restart-bulk --service-type osd --node pve1 --yes");

pub static CLUSTER: Noun = noun("ceph", "Ceph", "Ceph", "/cluster/ceph")
    .other_show("metadata", &["node", "mon", "mgr", "mds", "osd"])
    .about("Show versions and hosts of all Ceph daemons")
    .example("felhom ceph metadata")
    .other_list("versions", &["name=NODE", "version.str=VERSION", "buildcommit:wide"])
    .at("/cluster/ceph/metadata")
    .fixed(&[("scope", "versions")])
    .rows(&["node"])
    .about("List the Ceph version installed on each node")
    .example("felhom ceph versions");

pub static NODE: Noun = noun("ceph", "Ceph", "Ceph", "/nodes/{node}/ceph")
    .anywhere(Anywhere::Reads)
    .text("log")
    .about("Print the log of the Ceph cluster")
    .example("felhom ceph log --limit 20")
    .other_list("releases", &["release", "version", "available:flag", "is-default=DEFAULT:flag", "unsupported:flag"])
    .about("List Ceph releases and which can be installed")
    .example("felhom ceph releases --node pve1")
    .other_show("safety", &["safe:flag", "status"])
    .at("/nodes/{node}/ceph/cmd-safety")
    .args(&["service", "id", "action"])
    .about("Check whether a Ceph daemon can be stopped or destroyed")
    .example("felhom ceph safety osd 0 stop")
    .post("init", Safe)
    .about("Create the initial Ceph configuration")
    .example("felhom ceph init --node pve1 --network 192.0.2.0/24")
    .post("start", Safe)
    .task("srvstart")
    .about("Start Ceph services of a node")
    .example("felhom ceph start --node pve1 --service osd.0")
    .post("stop", Disruptive)
    .task("srvstop")
    .about("Stop Ceph services of a node")
    .example("felhom ceph stop --node pve1 --service osd.0 --yes")
    .post("restart", Disruptive)
    .task("srvrestart")
    .about("Restart Ceph services of a node")
    .example("felhom ceph restart --node pve1 --service osd.0 --yes");

pub static CONFIG: Noun = noun("ceph config", "Ceph configuration", "Ceph configuration", "/nodes/{node}/ceph/cfg")
    .anywhere(Anywhere::Reads)
    .text("show")
    .at("/nodes/{node}/ceph/cfg/raw")
    .about("Print the Ceph configuration file")
    .example("felhom ceph config show")
    .other_list("list", &["section", "mask", "name", "value:flex", "level:wide", "can_update_at_runtime=RUNTIME:flag,wide"])
    .at("/nodes/{node}/ceph/cfg/db")
    .about("List settings of the Ceph configuration database")
    .example("felhom ceph config list")
    .other_show("get", &[])
    .at("/nodes/{node}/ceph/cfg/value")
    .args(&["config-keys"])
    .about("Show settings of the Ceph configuration")
    .example("felhom ceph config get osd:osd_memory_target");

pub static CRUSH: Noun = noun("ceph crush", "CRUSH map", "CRUSH maps", "/nodes/{node}/ceph")
    .anywhere(Anywhere::Reads)
    .text("show")
    .at("/nodes/{node}/ceph/crush")
    .about("Print the CRUSH map")
    .example("felhom ceph crush show")
    .other_list("rules", &["name"])
    .about("List CRUSH rules")
    .example("felhom ceph crush rules");

pub static FLAG: Noun = noun("ceph flag", "Ceph flag", "Ceph flags", "/cluster/ceph/flags")
    .key("flag")
    .list(&["name", "value=SET:flag", "description:flex"])
    .example("felhom ceph flag list")
    .show(&["value:flag"])
    .about("Show whether a Ceph flag is set")
    .example("felhom ceph flag show noout")
    .post("set", Disruptive)
    .by(Put)
    .on_object()
    .fixed(&[("value", "1")])
    .about("Set a Ceph flag")
    .example("felhom ceph flag set noout --yes")
    .post("unset", Safe)
    .by(Put)
    .on_object()
    .fixed(&[("value", "0")])
    .about("Unset a Ceph flag")
    .example("felhom ceph flag unset noout")
    .set()
    .named("update")
    .on_collection()
    .task("cephsetflags")
    .risk(Disruptive)
    .about("Set and unset several Ceph flags")
    .example("felhom ceph flag update --noout --no-noscrub --yes");

pub static MON: Noun = noun("ceph mon", "Ceph monitor", "Ceph monitors", "/nodes/{node}/ceph/mon")
    .key("monid")
    .anywhere(Anywhere::Reads)
    .list(&["name", "host", "addr", "state:state", "quorum:flag", "rank:wide", "ceph_version_short=VERSION"])
    .example("felhom ceph mon list")
    .create()
    .on_object()
    .task("cephcreatemon")
    .example("felhom ceph mon create spare --mon-address 192.0.2.21 --node pve1")
    .delete()
    .task("cephdestroymon")
    .example("felhom ceph mon delete spare --node pve1 --confirm spare");

pub static MGR: Noun = noun("ceph mgr", "Ceph manager", "Ceph managers", "/nodes/{node}/ceph/mgr")
    .key("id")
    .anywhere(Anywhere::Reads)
    .list(&["name", "host", "addr", "state:state", "ceph_version_short=VERSION"])
    .example("felhom ceph mgr list")
    .create()
    .on_object()
    .task("cephcreatemgr")
    .example("felhom ceph mgr create spare --node pve1")
    .delete()
    .task("cephdestroymgr")
    .example("felhom ceph mgr delete spare --node pve1 --confirm spare");

pub static MDS: Noun = noun("ceph mds", "Ceph metadata server", "Ceph metadata servers", "/nodes/{node}/ceph/mds")
    .key("name")
    .anywhere(Anywhere::Reads)
    .list(&["name", "host", "addr", "state:state", "fs_name=FILE SYSTEM", "rank:wide", "ceph_version_short=VERSION"])
    .example("felhom ceph mds list")
    .create()
    .on_object()
    .task("cephcreatemds")
    .example("felhom ceph mds create spare --node pve1")
    .delete()
    .task("cephdestroymds")
    .example("felhom ceph mds delete spare --node pve1 --confirm spare");

pub static OSD: Noun = noun("ceph osd", "OSD", "OSDs", "/nodes/{node}/ceph/osd")
    .key("osdid")
    .anywhere(Anywhere::Reads)
    .list(&["id", "host", "status:state", "in:flag", "device_class=CLASS", "total_space=SIZE:bytes", "percent_used=USED %", "pgs"])
    .rows(&["root", "children*"])
    .example("felhom ceph osd list")
    .show(&[
        "osd.id=OSD",
        "osd.hostname=Host",
        "osd.version=Version",
        "osd.osd_objectstore=Type",
        "osd.osd_data=Data",
        "osd.mem_usage=Memory:bytes",
        "osd.encrypted=Encrypted:flag",
        "osd.pid=PID",
        "devices",
    ])
    .below("metadata")
    .example("felhom ceph osd show 0 --node pve1")
    .other_show("volume", &["lv_name", "lv_path", "lv_size:bytes", "vg_name", "creation_time"])
    .below("lv-info")
    .about("Show the LVM volume of an OSD")
    .example("felhom ceph osd volume 0 --node pve1")
    .post("create", Disruptive)
    .on_collection()
    .args(&["dev"])
    .task("cephcreateosd")
    .about("Create an OSD on a disk")
    .example("felhom ceph osd create /dev/sdc --node pve1 --yes")
    .action("in", Safe)
    .about("Mark an OSD in: data moves to it")
    .example("felhom ceph osd in 0 --node pve1")
    .action("out", Disruptive)
    .about("Mark an OSD out: its data moves to others")
    .example("felhom ceph osd out 0 --node pve1 --yes")
    .action("scrub", Safe)
    .about("Start a scrub of an OSD")
    .example("felhom ceph osd scrub 0 --node pve1 --deep")
    .delete()
    .task("cephdestroyosd")
    .example("felhom ceph osd delete 0 --node pve1 --confirm 0");

pub static POOL: Noun = noun("ceph pool", "Ceph pool", "Ceph pools", "/nodes/{node}/ceph/pool")
    .key("name")
    .anywhere(Anywhere::All)
    .list(&[
        "pool_name=NAME",
        "type",
        "size",
        "min_size",
        "pg_num=PGS",
        "pg_autoscale_mode=AUTOSCALE",
        "crush_rule_name=RULE",
        "percent_used=USED:share",
        "bytes_used:bytes",
    ])
    .example("felhom ceph pool list")
    .show(&["application", "size", "min_size", "pg_num", "pg_num_min", "pg_autoscale_mode", "crush_rule", "target_size"])
    .below("status")
    .example("felhom ceph pool show vms")
    .create()
    .task("cephcreatepool")
    .example("felhom ceph pool create data --pg-num 32 --add-storages")
    .set()
    .task("cephsetpool")
    .example("felhom ceph pool set data --pg-autoscale-mode on")
    .delete()
    .task("cephdestroypool")
    .example("felhom ceph pool delete data --remove-storages --confirm data");

pub static FS: Noun = noun("ceph fs", "CephFS", "CephFS file systems", "/nodes/{node}/ceph/fs")
    .key("name")
    .anywhere(Anywhere::All)
    .list(&["name", "metadata_pool", "data_pools:list"])
    .example("felhom ceph fs list")
    .create()
    .on_object()
    .task("cephfscreate")
    .example("felhom ceph fs create files --pg-num 32")
    .delete()
    .task("cephdestroyfs")
    .example("felhom ceph fs delete files --remove-pools --remove-storages --confirm files");
