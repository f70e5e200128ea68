//! `/nodes`: one host, apart from its guests and storages.

mod apt;
mod certificates;
mod disks;
mod hardware;
mod network;
mod power;
mod rrd;
mod services;
mod status;
mod system;

use super::{Req, Route};
use crate::demo::state::Node;

pub(super) const ROUTES: &[&[Route]] = &[
    apt::ROUTES,
    certificates::ROUTES,
    disks::ROUTES,
    hardware::ROUTES,
    network::ROUTES,
    power::ROUTES,
    rrd::ROUTES,
    services::ROUTES,
    status::ROUTES,
    system::ROUTES,
];

/// The node of the path: the pipeline has made sure that it exists.
pub(super) fn the_node<'a>(req: &'a Req<'_>) -> &'a Node {
    let name = req.params.get("node").filter(|n| *n != "localhost").unwrap_or(&req.state.local);
    &req.state.nodes[name]
}
