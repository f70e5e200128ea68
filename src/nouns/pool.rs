//! Resource pools.

use super::{Noun, noun};
use crate::api::Risk::{Disruptive, Safe};

const MEMBERS: &[&str] = &["vms", "storage", "allow-move", "delete"];

pub static POOL: Noun = noun("pool", "pool", "resource pools", "/pools")
    .key("poolid")
    .list(&["poolid", "comment:flex"])
    .without(&["poolid", "type"])
    .example("felhom pool list")
    .show(&["poolid", "comment", "members"])
    .on_collection()
    .example("felhom pool show production")
    .create()
    .example("felhom pool create web --comment 'web servers'")
    .set()
    .on_collection()
    .without(MEMBERS)
    .example("felhom pool set lab --comment 'for experiments'")
    .delete()
    .on_collection()
    .example("felhom pool delete web --confirm web")
    .put("add", Safe)
    .without(&["delete", "comment"])
    .about("Add guests and storages to a pool")
    .example("felhom pool add web --vms 110,202\nfelhom pool add web --storage nas")
    .put("remove", Disruptive)
    .without(&["comment", "allow-move"])
    .fixed(&[("delete", "1")])
    .about("Remove guests and storages from a pool")
    .example("felhom pool remove web --vms 110,202 --yes");
