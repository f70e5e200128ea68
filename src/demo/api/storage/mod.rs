//! Storage configuration, status and OCI images.

mod config;
mod oci;
mod status;

use super::Route;

pub(super) const ROUTES: &[&[Route]] = &[config::ROUTES, oci::ROUTES, status::ROUTES];
