//! What a server's certificate is held against.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::Fingerprint;

/// What makes a server the right one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// Exactly this leaf, whatever it says about names and dates.
    Pinned(Fingerprint),
    /// Any valid certificate of this CA: every node of the cluster, and every renewal.
    Ca { pem: Vec<u8>, server_name: Option<String> },
    /// Any valid certificate of a CA that this machine trusts.
    System { server_name: Option<String> },
    /// Anything: only for a context that says so in words.
    Insecure,
}

/// The certificates in a PEM text; an error when there is none.
pub fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let found = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>().map_err(|e| format!("not a PEM certificate: {e}"))?;
    if found.is_empty() { Err("holds no PEM certificate (-----BEGIN CERTIFICATE-----)".to_owned()) } else { Ok(found) }
}
