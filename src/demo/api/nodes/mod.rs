//! `/nodes`, without guests and storages.

mod acme_certificate;
mod apt;
mod block_devices;
mod certificates;
mod directories;
mod disks;
mod hardware;
mod network;
mod power;
mod repositories;
mod rrd;
mod services;
mod status;
mod subscription;
mod system;
mod volume_groups;
mod zpools;

use super::{Req, Route};
use crate::demo::state::Node;

pub(super) const ROUTES: &[&[Route]] = &[
    acme_certificate::ROUTES,
    apt::ROUTES,
    certificates::ROUTES,
    directories::ROUTES,
    disks::ROUTES,
    hardware::ROUTES,
    network::ROUTES,
    power::ROUTES,
    repositories::ROUTES,
    rrd::ROUTES,
    services::ROUTES,
    status::ROUTES,
    subscription::ROUTES,
    system::ROUTES,
    volume_groups::ROUTES,
    zpools::ROUTES,
];

/// Returns the node of the path, which exists (checked by the pipeline).
pub(super) fn the_node<'a>(req: &'a Req<'_>) -> &'a Node {
    let name = req.params.get("node").filter(|n| *n != "localhost").unwrap_or(&req.state.local);
    &req.state.nodes[name]
}
