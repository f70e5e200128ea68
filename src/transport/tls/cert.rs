//! Contents of certificates.

use std::fmt::Write as _;
use std::net::IpAddr;

use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{Fingerprint, certificates};

/// A server's leaf certificate and its chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerCert {
    pub subject: String,
    pub issuer: String,
    /// Names and addresses.
    pub sans: Vec<String>,
    /// Unix seconds.
    pub not_before: i64,
    /// Unix seconds.
    pub not_after: i64,
    pub sha256: Fingerprint,
    pub leaf_der: Vec<u8>,
    /// The other certificates the server sent.
    pub chain_der: Vec<Vec<u8>>,
}

impl PeerCert {
    /// Parses a leaf. Control characters in its texts are removed.
    pub fn parse(leaf: &[u8], chain: Vec<Vec<u8>>) -> Result<Self, String> {
        let (_, cert) = X509Certificate::from_der(leaf).map_err(|e| format!("not a certificate: {e}"))?;
        let names = cert.subject_alternative_name().ok().flatten();
        Ok(Self {
            subject: plain(&cert.subject().to_string()),
            issuer: plain(&cert.issuer().to_string()),
            sans: names.into_iter().flat_map(|names| &names.value.general_names).filter_map(san).collect(),
            not_before: cert.validity().not_before.timestamp(),
            not_after: cert.validity().not_after.timestamp(),
            sha256: Fingerprint::of(leaf),
            leaf_der: leaf.to_owned(),
            chain_der: chain,
        })
    }

    /// Returns the days until it expires; negative afterwards.
    pub fn days_left(&self, now: i64) -> i64 {
        (self.not_after - now).div_euclid(86_400)
    }

    /// Returns the leaf as PEM.
    pub fn pem(&self) -> String {
        to_pem(&self.leaf_der)
    }
}

/// Returns a certificate as PEM.
pub fn to_pem(der: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut body = String::new();
    for (i, three) in der.chunks(3).enumerate() {
        let bits = three.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for place in 0..4 {
            let letter = ALPHABET[(bits >> (18 - 6 * place)) as usize & 63];
            body.push(if place > three.len() { '=' } else { char::from(letter) });
        }
        if i % 16 == 15 {
            body.push('\n');
        }
    }
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", body.trim_end())
}

fn san(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some(plain(name)),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => <[u8; 4]>::try_from(*bytes).ok().map(|octets| IpAddr::from(octets).to_string()),
            16 => <[u8; 16]>::try_from(*bytes).ok().map(|octets| IpAddr::from(octets).to_string()),
            _ => None,
        },
        _ => None,
    }
}

fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars().take(512) {
        if c.is_control() {
            let _ = write!(out, "{}", c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

/// Returns the number of bits of an RSA key; `None` for other keys.
pub fn rsa_bits(leaf_der: &[u8]) -> Option<usize> {
    use x509_parser::public_key::PublicKey;
    let (_, cert) = X509Certificate::from_der(leaf_der).ok()?;
    match cert.public_key().parsed().ok()? {
        PublicKey::RSA(key) => Some(key.key_size()),
        _ => None,
    }
}

/// Whether a leaf is valid for this name or address.
pub fn covers(leaf_der: &[u8], name: &str) -> bool {
    let leaf = CertificateDer::from(leaf_der);
    let (Ok(parsed), Ok(name)) = (ParsedCertificate::try_from(&leaf), ServerName::try_from(name)) else { return false };
    rustls::client::verify_server_name(&parsed, &name).is_ok()
}

/// Whether this CA issued the leaf and it is valid now. Names are not checked.
pub fn chains_to(leaf_der: &[u8], ca_pem: &[u8]) -> bool {
    let Ok(cas) = certificates(ca_pem) else { return false };
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(cas);
    let leaf = CertificateDer::from(leaf_der);
    let Ok(parsed) = ParsedCertificate::try_from(&leaf) else { return false };
    let algorithms = rustls::crypto::ring::default_provider().signature_verification_algorithms.all;
    rustls::client::verify_server_cert_signed_by_trust_anchor(&parsed, &roots, &[], UnixTime::now(), algorithms).is_ok()
}
