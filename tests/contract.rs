//! What this program sends, held against the API schema of Proxmox VE 9.2. That the schema in this repository says what the
//! published one says is tested beside it; that no test sends anything else is seen when its host is dropped.

use std::collections::BTreeSet;

use felhom::api::schema;
use felhom::routes::{Privs, ROWS, Row, either};
use serde_json::Value;

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

/// A path without the names of its placeholders, which differ there and here: `{snapname}`, `{name}`.
fn bare(template: &str) -> String {
    let parts = template.split('/').map(|part| if part.starts_with('{') { "{}" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

#[test]
fn every_row_of_the_routing_table_is_a_call_of_the_host() {
    let known: BTreeSet<(String, String)> = schema::methods().map(|m| (m.verb.to_owned(), bare(m.template))).collect();
    let wrong: Vec<String> =
        ROWS.iter().filter(|row| !known.contains(&(row.method.word().to_owned(), bare(row.template)))).map(Row::key).collect();
    assert!(wrong.is_empty(), "no such call: {wrong:?}");
}

/// Of each group one: `VM.Audit /vms/{}`.
type Groups = Vec<Vec<String>>;

fn one(privilege: &str, path: &str) -> String {
    format!("{privilege} {}", bare(path))
}

/// What the schema says that is asked, of tokens. `None`: root@pam alone.
fn published(row: &Row) -> Option<Groups> {
    let same = |m: &&schema::Method| m.verb == row.method.word() && bare(m.template) == bare(row.template);
    let permissions = schema::methods().find(same)?.permissions.as_ref()?;
    match &permissions.check {
        _ if permissions.user.is_some() => Some(Vec::new()),
        Some(check) => Some(expression(check)),
        None => None,
    }
}

fn expression(parts: &Value) -> Groups {
    let parts = parts.as_array().unwrap();
    let text = |at: usize| parts[at].as_str().unwrap();
    let words = |at: usize| parts[at].as_array().unwrap().iter().map(|word| word.as_str().unwrap());
    match text(0) {
        "and" => parts[1..].iter().flat_map(expression).collect(),
        // Nobody's token is that user: what is for oneself is for no token.
        "or" => either(parts[1..].iter().filter(|part| part[1] != "self").map(expression)),
        // As far as it depends on no parameter.
        "perm" if parts[3..].chunks(2).any(|pair| pair[0] == "require_param") => Vec::new(),
        "perm" => {
            let any = parts[3..].chunks(2).any(|pair| pair[0] == "any");
            assert!(parts[3..].chunks(2).all(|pair| pair[0] == "any"), "this test does not know {parts:?}");
            let wanted: Vec<String> = words(2).map(|privilege| one(privilege, text(1))).collect();
            if any { vec![wanted] } else { wanted.into_iter().map(|one| vec![one]).collect() }
        }
        "userid-group" => vec![words(1).map(|privilege| one(privilege, "/access/groups")).collect()],
        "userid-param" => vec![vec![one(text(1), "/access/realm/{realm}")]],
        // Or what allocates there: that hands out no more than one has.
        "perm-modify" => vec![vec![one("Permissions.Modify", text(1))]],
        other => panic!("this test does not know '{other}'"),
    }
}

/// What the table says, as far as it depends on no parameter.
fn ours(privs: &Privs) -> Groups {
    match privs {
        Privs::Need(privilege, path) => vec![vec![one(privilege, path)]],
        Privs::All(list) => list.iter().flat_map(ours).collect(),
        Privs::Any(list) => either(list.iter().map(ours)),
        Privs::None | Privs::Root | Privs::When(..) | Privs::WhenIs(..) | Privs::WhenDrive(..) | Privs::Without(..) => Vec::new(),
    }
}

const BULK: &str = "its description: VM.PowerMgmt on /, or on each guest that is named";

const DISK_SPACE: &str = "in the code: Datastore.AllocateSpace on the storage of the disk, or on the target's";

/// Where the schema leaves it to the code: what the code asks for besides, and who says so. The rest of a row waits for a
/// parameter, and is proved on the demo host (`tests/role/exact`).
const BESIDES: &[(&str, &str)] = &[
    ("POST /nodes/{node}/lxc", "its description: VM.Allocate on the guest or its pool; SDN.Use is asked for in the task (facts, 6)"),
    ("POST /nodes/{node}/qemu", "its description: VM.Allocate on the guest or its pool, SDN.Use on any bridge"),
    ("POST /nodes/{node}/lxc/{vmid}/clone", "its description: Datastore.AllocateSpace on any used storage, SDN.Use on any bridge"),
    ("POST /nodes/{node}/qemu/{vmid}/clone", "its description: Datastore.AllocateSpace on any used storage, SDN.Use on any bridge"),
    ("PUT /nodes/{node}/lxc/{vmid}/resize", DISK_SPACE),
    ("PUT /nodes/{node}/qemu/{vmid}/resize", DISK_SPACE),
    ("POST /nodes/{node}/lxc/{vmid}/move_volume", DISK_SPACE),
    ("POST /nodes/{node}/qemu/{vmid}/move_disk", DISK_SPACE),
    ("POST /nodes/{node}/startall", BULK),
    ("POST /nodes/{node}/stopall", BULK),
    ("POST /cluster/bulk-action/guest/start", BULK),
    ("POST /cluster/bulk-action/guest/shutdown", BULK),
    ("POST /nodes/{node}/vzdump", "its description: VM.Backup, which the task asks for (facts, 5 iii)"),
    (
        "GET /nodes/{node}/vzdump/extractconfig",
        "its description: VM.Backup and Datastore.AllocateSpace; or the whole storage (Storage.pm:641)",
    ),
    ("GET /nodes/{node}/vzdump/defaults", "its description: one of the two"),
    ("POST /cluster/backup", "Datastore.Allocate on the job's storage, in the code"),
    ("PUT /cluster/backup/{id}", "Datastore.Allocate on the job's storage, in the code"),
    ("GET /nodes/{node}/storage/{storage}/content/{volume}", "its description: read access for the volume (Storage.pm:641)"),
    ("PUT /nodes/{node}/storage/{storage}/content/{volume}", "its description: read access for the volume (Storage.pm:641)"),
    ("DELETE /nodes/{node}/storage/{storage}/content/{volume}", "its description: for archives Datastore.AllocateSpace and VM.Backup"),
];

#[test]
fn the_table_asks_for_what_the_schema_asks_for() {
    let sorted = |mut groups: Groups| {
        groups.iter_mut().for_each(|any| any.sort());
        groups.sort();
        groups.dedup();
        groups
    };
    let mut wrong = Vec::new();
    for row in ROWS {
        let key = row.key();
        let Some(theirs) = published(row) else {
            wrong.push(format!("{key} is for root@pam alone"));
            continue;
        };
        let (ours, theirs) = (sorted(ours(&row.privs)), sorted(theirs));
        let reason = BESIDES.iter().find(|(name, _)| *name == key);
        match reason {
            None if ours != theirs => wrong.push(format!("{key}: the table says {ours:?}, the schema {theirs:?}")),
            Some(_) if ours == theirs => wrong.push(format!("{key}: stands in BESIDES, and does not differ")),
            // The code asks for more, never for less.
            Some(_) if theirs.iter().any(|group| !ours.contains(group)) => wrong.push(format!("{key}: {theirs:?} is left out of {ours:?}")),
            _ => {}
        }
    }
    let gone = BESIDES.iter().filter(|(key, _)| !ROWS.iter().any(|row| row.key() == *key));
    wrong.extend(gone.map(|(key, _)| format!("{key}: stands in BESIDES, and is no row")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Parameters of a guest's configuration call that are no settings, or that no token may send.
const NO_SETTINGS: &[&str] = &[
    "node",
    "vmid",
    "digest",
    "delete",
    "revert",
    "force",
    "skiplock", // the call's own
    "dev[n]",
    "hookscript",
    "unprivileged", // of containers
    "affinity",
    "amd-sev",
    "arch",
    "args",
    "hostpci[n]",
    "hugepages",
    "intel-tdx",
    "ivshmem",
    "keephugepages",
    "lock",
    "numa[n]",
    "parallel[n]",
    "spice_enhancements",
    "virtiofs[n]",
    "vmgenid",
];

#[test]
fn every_setting_of_a_guest_is_in_the_table() {
    fn options(privs: &Privs, found: &mut BTreeSet<String>) {
        match privs {
            Privs::All(list) | Privs::Any(list) => list.iter().for_each(|one| options(one, found)),
            Privs::When(option, _) | Privs::WhenIs(option, ..) | Privs::WhenDrive(option, ..) => {
                found.insert(option.strip_suffix('N').map_or_else(|| (*option).to_owned(), |stem| format!("{stem}[n]")));
            }
            Privs::None | Privs::Root | Privs::Need(..) | Privs::Without(..) => {}
        }
    }
    for template in ["/nodes/{node}/lxc/{vmid}/config", "/nodes/{node}/qemu/{vmid}/config"] {
        let mut known = BTreeSet::new();
        options(&ROWS.iter().find(|row| row.template == template && row.method.word() == "PUT").unwrap().privs, &mut known);
        let method = schema::methods().find(|m| m.verb == "PUT" && m.template == template).unwrap();
        let names: BTreeSet<String> = method.parameters.properties.as_ref().unwrap().keys().cloned().collect();
        let missing: Vec<&String> = names.iter().filter(|name| !known.contains(*name) && !NO_SETTINGS.contains(&name.as_str())).collect();
        let gone: Vec<&String> = known.difference(&names).collect();
        assert!(missing.is_empty() && gone.is_empty(), "{template}: not in the table {missing:?}, not in the schema {gone:?}");
    }
}
