//! What this program sends, held against the API schema of Proxmox VE 9.2. That the schema in this repository says what the
//! published one says is tested beside it; that no test sends anything else is seen when its host is dropped.

use std::collections::BTreeSet;

use felhom::demo::schema;
use felhom::routes::ROWS;

use crate::support::{Host, check};

#[test]
fn a_request_that_a_real_host_would_refuse_is_seen() {
    let host = Host::demo();
    for wrong in ["GET /nodes/pve1/nosuch", "GET /cluster/resources", "GET /nodes/pve1/tasks"] {
        host.forgive(wrong);
    }
    host.run(["api", "get", "/nodes/pve1/nosuch"]).fails(1);
    host.run(["api", "get", "/cluster/resources", "type=nosuch"]).fails(1);
    host.run(["api", "get", "/nodes/pve1/tasks", "limit=many"]).fails(1);
    host.run(["api", "get", "/version"]).ok();
    let wrong = check(&host.requests(), &[]);
    assert_eq!(wrong.len(), 3, "{wrong:?}");
    assert!(wrong[0].contains("no such method: GET /nodes/pve1/nosuch"), "{wrong:?}");
    assert!(wrong[1].contains("type: value 'nosuch'"), "{wrong:?}");
}

#[test]
fn every_row_of_the_routing_table_is_a_call_of_the_host() {
    // Placeholders have other names there and here: `{snapname}`, `{name}`.
    let bare = |template: &str| -> String {
        let parts = template.split('/').map(|part| if part.starts_with('{') { "{}" } else { part });
        parts.collect::<Vec<_>>().join("/")
    };
    let known: BTreeSet<(String, String)> = schema::methods().map(|m| (m.verb.to_owned(), bare(m.template))).collect();
    let wrong: Vec<String> = ROWS
        .iter()
        .filter(|row| !known.contains(&(row.method.word().to_owned(), bare(row.template))))
        .map(felhom::routes::Row::key)
        .collect();
    assert!(wrong.is_empty(), "no such call: {wrong:?}");
}
