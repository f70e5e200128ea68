//! `felhom guest restore` against the demo host.

mod binds;
mod identity;
mod overwrite;
mod picker;
mod refused;
