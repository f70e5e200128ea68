//! Storage configuration, status and OCI images.

mod config;
mod file_restore;
mod oci;
mod status;

use super::Route;

pub(super) const ROUTES: &[&[Route]] = &[config::ROUTES, file_restore::ROUTES, oci::ROUTES, status::ROUTES];
