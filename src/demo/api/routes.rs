//! The routing table.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::{Answer, Req, access, ceph, cluster, firewall, guest, index, nodes, pools, storage, tasks, version};

pub type Handler = fn(&mut Req<'_>) -> Answer;

/// A method, its path template and its handler: `("GET", "/nodes/{node}/status", handler)`.
pub type Route = (&'static str, &'static str, Handler);

/// Routes by area and file.
const AREAS: &[&[&[Route]]] = &[
    &[version::ROUTES, index::ROUTES, pools::ROUTES, tasks::ROUTES],
    access::ROUTES,
    ceph::ROUTES,
    cluster::ROUTES,
    firewall::ROUTES,
    guest::ROUTES,
    nodes::ROUTES,
    storage::ROUTES,
];

/// Returns all routes.
pub(super) fn all() -> impl Iterator<Item = &'static Route> {
    AREAS.iter().copied().flatten().copied().flatten()
}

/// Returns the handler of a method.
pub fn handler(method: &str, template: &str) -> Option<Handler> {
    static TABLE: OnceLock<HashMap<(&str, &str), Handler>> = OnceLock::new();
    let table = TABLE.get_or_init(|| all().map(|(method, template, handler)| ((*method, *template), *handler)).collect());
    table.get(&(method, template)).copied()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::api::schema;

    /// Methods without an answer, with the reason.
    const UNANSWERED: &[(&str, &str, &str)] = &[
        ("GET", "/nodes/{node}/lxc/{vmid}/mtunnelwebsocket", "a websocket between clusters"),
        ("GET", "/nodes/{node}/qemu/{vmid}/mtunnelwebsocket", "a websocket between clusters"),
        ("GET", "/nodes/{node}/storage/{storage}/file-restore/download", "a file, not JSON"),
    ];

    #[test]
    fn every_method_of_the_schema_is_answered_but_for_a_closed_list() {
        let open: Vec<(&str, &str)> =
            schema::methods().map(|m| (m.verb, m.template)).filter(|(verb, at)| handler(verb, at).is_none()).collect();
        let known: Vec<(&str, &str)> = UNANSWERED.iter().map(|(verb, template, _)| (*verb, *template)).collect();
        let (open, known) = (BTreeSet::from_iter(open), BTreeSet::from_iter(known));
        assert_eq!(open, known);
    }

    #[test]
    fn every_route_is_in_the_schema_and_only_once() {
        let known: BTreeSet<(&str, &str)> = schema::methods().map(|m| (m.verb, m.template)).collect();
        let unknown: Vec<_> = all().map(|(method, template, _)| (*method, *template)).filter(|route| !known.contains(route)).collect();
        assert_eq!(unknown, []);
        let mut seen = BTreeSet::new();
        let twice: Vec<_> = all().map(|(method, template, _)| (method, template)).filter(|route| !seen.insert(*route)).collect();
        assert!(twice.is_empty(), "{twice:?}");
    }
}
