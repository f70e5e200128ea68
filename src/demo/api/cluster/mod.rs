//! `/cluster`.

mod acme;
mod backup;
mod bulk;
mod config;
mod fabric_status;
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

/// The section of the custom CPU models.
pub(super) const CPU_MODELS: &str = "cpu-models";

pub(super) use acme::account;
pub(super) use resources::{guest_row, node_row, storage_row};

pub(super) const ROUTES: &[&[Route]] = &[
    acme::ROUTES,
    backup::ROUTES,
    bulk::ROUTES,
    config::ROUTES,
    fabric_status::ROUTES,
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
