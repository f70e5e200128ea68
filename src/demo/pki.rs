//! The demo host's CA and the server certificate that it signed.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::fault::{Fault, Kind, Result};

/// CA and certificate. They are kept in the state directory, so pinned fingerprints remain valid.
#[derive(Debug, Clone)]
pub struct Pki {
    pub ca_pem: String,
    pub cert_pem: String,
    key_pem: String,
}

impl Pki {
    /// Creates certificates for loopback.
    pub fn generate(node: &str) -> Result<Self> {
        Self::make(node).map_err(|e| Fault::new(Kind::Other, format!("making the demo's certificates failed: {e}")))
    }

    fn make(node: &str) -> std::result::Result<Self, rcgen::Error> {
        let ca_key = KeyPair::generate()?;
        let mut ca = CertificateParams::new(Vec::new())?;
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        ca.distinguished_name.push(DnType::CommonName, "felhom demo certificate authority");
        let ca_cert = ca.self_signed(&ca_key)?;

        let key = KeyPair::generate()?;
        let names = ["127.0.0.1", "::1", "localhost"].map(str::to_owned).into_iter().chain([node.to_owned()]).collect::<Vec<_>>();
        let mut leaf = CertificateParams::new(names)?;
        leaf.distinguished_name.push(DnType::CommonName, node);
        let issuer = Issuer::new(ca, ca_key);
        let cert = leaf.signed_by(&key, &issuer)?;
        Ok(Self { ca_pem: ca_cert.pem(), cert_pem: cert.pem(), key_pem: key.serialize_pem() })
    }

    /// Reads the certificates of a state directory, or creates them.
    pub fn open(dir: &Path, node: &str) -> Result<Self> {
        let read = |name: &str| fs::read_to_string(dir.join(name)).ok();
        if let (Some(ca_pem), Some(cert_pem), Some(key_pem)) = (read("ca.pem"), read("cert.pem"), read("key.pem")) {
            return Ok(Self { ca_pem, cert_pem, key_pem });
        }
        let made = Self::generate(node)?;
        for (name, text, mode) in [("ca.pem", &made.ca_pem, 0o644), ("cert.pem", &made.cert_pem, 0o644), ("key.pem", &made.key_pem, 0o600)]
        {
            let path = dir.join(name);
            fs::File::options()
                .create(true)
                .truncate(true)
                .write(true)
                .mode(mode)
                .open(&path)
                .and_then(|mut f| f.write_all(text.as_bytes()))
                .map_err(|e| Fault::io(format!("cannot write {}", path.display()), &e))?;
        }
        Ok(made)
    }

    /// Returns the SHA-256 fingerprint of the server certificate, as Proxmox shows it.
    pub fn fingerprint(&self) -> Result<String> {
        fingerprint(&self.cert_pem)
    }

    pub fn ca_fingerprint(&self) -> Result<String> {
        fingerprint(&self.ca_pem)
    }

    fn leaf(&self) -> Result<CertificateDer<'static>> {
        certificate(&self.cert_pem)
    }

    pub fn server_config(&self) -> Result<Arc<ServerConfig>> {
        let key = PrivateKeyDer::from_pem_slice(self.key_pem.as_bytes()).map_err(|e| broken(&e))?;
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|e| broken(&e))?
            .with_no_client_auth()
            .with_single_cert(vec![self.leaf()?], key)
            .map_err(|e| broken(&e))?;
        Ok(Arc::new(config))
    }
}

fn certificate(pem: &str) -> Result<CertificateDer<'static>> {
    CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|e| broken(&e))
}

fn fingerprint(pem: &str) -> Result<String> {
    let hash = ring::digest::digest(&ring::digest::SHA256, certificate(pem)?.as_ref());
    Ok(hash.as_ref().iter().map(|b| format!("{b:02X}")).collect::<Vec<_>>().join(":"))
}

fn broken(error: &dyn std::fmt::Display) -> Fault {
    Fault::new(Kind::Config, format!("the demo's certificates cannot be used: {error}")).with_hint("`felhom demo reset` makes fresh ones")
}
