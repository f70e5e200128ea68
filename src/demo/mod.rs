//! The embedded host behind `felhom demo` and the tests.

pub mod schema;
