//! Jobs that synchronize realms.

use super::{Kind, PLAIN, text};
use crate::demo::api::section::Options;
use crate::demo::api::{Refusal, Req};
use crate::demo::state::Map;

pub(super) const KINDS: &[Kind] = &[Kind {
    path: "/cluster/jobs/realm-sync",
    only_type: "realm-sync",
    options: Options("realm-sync: schedule! scope! realm!= enabled comment enable-new remove-vanished"),
    taken: "Job '{}' already exists",
    missing: "No such job '{}'",
    missing_status: 400,
    gone: Some("400 Parameter verification failed.\nid: No such job '{}'"),
    show: |row, id, listed| {
        row.entry("enabled").or_insert_with(|| 1.into());
        if listed {
            row.insert("id".into(), id.into());
        } else {
            row.shift_remove("id");
        }
        row.shift_remove("digest");
    },
    on_change: realm_sync,
    ..PLAIN
}];

fn realm_sync(req: &Req<'_>, _: &str, config: &Map) -> Result<(), Refusal> {
    let realm = text(config, "realm");
    match req.state.access.realms.get(realm).map(|realm| text(realm, "type")) {
        None => Err(Refusal::param("realm", format!("No such realm '{realm}'"))),
        Some("ldap" | "ad") => Ok(()),
        Some(_) => Err(Refusal::param("realm", "Only LDAP/AD realms can be synced.")),
    }
}
