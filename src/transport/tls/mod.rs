//! Trust for anything that opens TLS: a pinned leaf, a pinned CA, the system's roots on request, or nothing at all on request.

mod fingerprint;
mod trust;

pub use fingerprint::Fingerprint;
pub use trust::{Trust, certificates};
