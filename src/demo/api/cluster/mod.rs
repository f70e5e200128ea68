//! `/cluster`: what is the same on every node.

mod backup;
mod bulk;
mod config;
mod ha;
mod ha_status;
mod lists;
mod log;
mod notifications;
mod options;
mod resources;
mod schedule;
mod sdn;
mod sdn_ipam;
mod section_kinds;
mod sections;
mod status;

use super::Route;

pub(super) use resources::{guest_row, node_row, storage_row};

pub(super) const ROUTES: &[&[Route]] = &[
    backup::ROUTES,
    bulk::ROUTES,
    config::ROUTES,
    ha::ROUTES,
    ha_status::ROUTES,
    lists::ROUTES,
    log::ROUTES,
    notifications::ROUTES,
    options::ROUTES,
    resources::ROUTES,
    sdn::ROUTES,
    sdn_ipam::ROUTES,
    sections::ROUTES,
    status::ROUTES,
];
