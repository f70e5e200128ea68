//! The CAs trusted by this machine, from the CA bundle of its distribution.

use std::path::{Path, PathBuf};

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::config::Env;
use crate::fault::{Fault, Result};

/// Debian and derivatives, Fedora, SUSE, Alpine, BSDs and macOS.
const BUNDLES: &[&str] = &[
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Reads `SSL_CERT_FILE` or the first existing bundle. Unusable certificates are skipped.
pub(super) fn load(env: &Env) -> Result<RootCertStore> {
    let named = env.os("SSL_CERT_FILE").map(PathBuf::from);
    let file = match named {
        Some(file) => file,
        None => BUNDLES.iter().map(Path::new).find(|file| file.is_file()).map(Path::to_owned).ok_or_else(|| {
            Fault::config("this machine has no CA bundle in any of the usual places")
                .with_hint("install ca-certificates, name one in SSL_CERT_FILE, or pin the host's own CA: `felhom context trust`")
        })?,
    };
    let pem = std::fs::read(&file).map_err(|e| Fault::config(format!("cannot read the CA bundle {}: {e}", file.display())))?;
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(CertificateDer::pem_slice_iter(&pem).filter_map(std::result::Result::ok));
    if roots.is_empty() {
        return Err(Fault::config(format!("the CA bundle {} contains no usable certificate", file.display())));
    }
    Ok(roots)
}
