//! Trust for anything that opens TLS: a pinned leaf, a pinned CA, the system's roots on request, or nothing at all on request.

mod cert;
mod client;
mod fingerprint;
mod probe;
mod roots;
mod seen;
mod trust;

pub use cert::{PeerCert, chains_to, covers, to_pem};
pub use client::client_config;
pub use fingerprint::Fingerprint;
pub use probe::{probe, prove};
pub use seen::Seen;
pub(crate) use seen::day;
pub use trust::{Trust, certificates};

/// Can this stand in a certificate: a host name or an address?
pub fn is_host(text: &str) -> bool {
    rustls::pki_types::ServerName::try_from(text).is_ok()
}

#[cfg(all(test, feature = "demo"))]
mod tests;
