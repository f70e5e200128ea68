//! How a call travels.

pub mod tls;
