//! Trust in a server's certificate.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::Fingerprint;

/// The certificates to accept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// Exactly this leaf, regardless of names and dates.
    Pinned(Fingerprint),
    /// Any valid certificate of this CA: all nodes of the cluster, also after renewals.
    Ca { pem: Vec<u8>, server_name: Option<String> },
    /// Any valid certificate of a CA trusted by this machine.
    System { server_name: Option<String> },
    /// Any certificate, if the context says so explicitly.
    Insecure,
}

/// Parses the certificates in a PEM text; an error if there are none.
pub fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let found = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>().map_err(|e| format!("not a PEM certificate: {e}"))?;
    if found.is_empty() { Err("holds no PEM certificate (-----BEGIN CERTIFICATE-----)".to_owned()) } else { Ok(found) }
}
