//! What several test files use.

pub mod host;
pub mod http;
