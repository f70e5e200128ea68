//! Trust of TLS connections: a pinned leaf, a pinned CA, the system's roots, or none on request.

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

/// Whether a text can be a host name or address in a certificate.
pub fn is_host(text: &str) -> bool {
    rustls::pki_types::ServerName::try_from(text).is_ok()
}

#[cfg(all(test, feature = "demo"))]
mod tests;
