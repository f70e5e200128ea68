//! Storages: what is configured, and how each is on a node.

mod config;
mod oci;
mod status;

use super::Route;

pub(super) const ROUTES: &[&[Route]] = &[config::ROUTES, oci::ROUTES, status::ROUTES];
