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
    .keyed()
    .example("felhom pool show production")
    .create()
    .example("felhom pool create web --comment 'web servers'")
    .set()
    .keyed()
    .without(MEMBERS)
    .example("felhom pool set lab --comment 'test guests'")
    .delete()
    .keyed()
    .example("felhom pool delete lab --confirm lab")
    .put("add", Safe)
    .without(&["delete", "comment"])
    .about("Add guests and storages to a pool")
    .example("felhom pool add lab --vms 110,202\nfelhom pool add lab --storage nas")
    .put("remove", Disruptive)
    .without(&["comment", "allow-move"])
    .fixed(&[("delete", "1")])
    .about("Remove guests and storages from a pool")
    .example("felhom pool remove production --vms 101 --yes");
