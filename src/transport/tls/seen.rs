//! Records handshakes, to distinguish an untrusted certificate from a connection failure.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::{CertificateError, Error};

use super::{Fingerprint, PeerCert};
use crate::fault::{Fault, Kind};

/// Shared with the verifier of a client configuration: the last certificate, and why it was refused.
#[derive(Debug, Clone, Default)]
pub struct Seen(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    leaf: Option<Vec<u8>>,
    chain: Vec<Vec<u8>>,
    refused: Option<Refusal>,
}

/// Why a certificate was refused.
#[derive(Debug, Clone)]
pub(super) enum Refusal {
    /// Another leaf is pinned.
    OtherLeaf { trusted: Fingerprint },
    /// Validation against a CA failed. Contains the fingerprints of the pinned CA; none for the system's roots.
    Rules { error: Error, asked: String, cas: Vec<Fingerprint> },
    /// The server failed to prove that it has the certificate's key.
    NoProof,
    /// The RSA key is too short to be secure.
    WeakKey { bits: usize },
}

impl Seen {
    pub(super) fn came(&self, leaf: &[u8], chain: Vec<Vec<u8>>) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *state = State { leaf: Some(leaf.to_owned()), chain, refused: None };
    }

    pub(super) fn refused(&self, why: Refusal) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).refused = Some(why);
    }

    /// Returns the last certificate, trusted or not.
    pub fn peer(&self) -> Option<PeerCert> {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        PeerCert::parse(state.leaf.as_ref()?, state.chain.clone()).ok()
    }

    /// Returns a fault with both fingerprints if the last handshake failed because of the certificate; otherwise `None`.
    pub fn fault(&self, authority: &str) -> Option<Fault> {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (leaf, refusal) = (state.leaf.as_ref()?, state.refused.as_ref()?);
        Some(refusal.fault(authority, Fingerprint::of(leaf), PeerCert::parse(leaf, Vec::new()).ok().as_ref()))
    }
}

impl Refusal {
    fn fault(&self, authority: &str, seen: Fingerprint, cert: Option<&PeerCert>) -> Fault {
        let subject = |why: String| Fault::new(Kind::Untrusted, format!("the certificate of {authority} {why}"));
        let date = |pick: fn(&PeerCert) -> i64| cert.map_or_else(|| "an unknown day".to_owned(), |cert| day(pick(cert)));
        match self {
            Self::OtherLeaf { trusted } => {
                subject(format!("is not the trusted one: its fingerprint is {seen}, trusted is {trusted}")).with_hint(CHANGED)
            }
            Self::WeakKey { bits } => subject(format!("has an RSA key of {bits} bits, which is too weak: its fingerprint is {seen}"))
                .with_hint("create a certificate with at least 2048 bits on the host: `pvecm updatecerts --force`"),
            Self::NoProof => subject(format!("is not backed by its key: whoever answers cannot sign with it (fingerprint {seen})")),
            Self::Rules { error: Error::InvalidCertificate(error), asked, cas } => match error {
                CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                    let issuer = cert.map_or_else(String::new, |cert| format!(", made by {}", cert.issuer));
                    let trusted = list(cas);
                    subject(if cas.is_empty() {
                        format!("was made by no CA that this machine trusts: its fingerprint is {seen}{issuer}")
                    } else {
                        format!("is not of the trusted CA: its fingerprint is {seen}{issuer}; the trusted CA's is {trusted}")
                    })
                    .with_hint(CHANGED)
                }
                CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                    subject(format!("ended on {}: its fingerprint is {seen}{}", date(|cert| cert.not_after), trusted_ca(cas))).with_hint(
                        "renew it on the host (`pvecm updatecerts --force`, or its ACME order), and look at this machine's clock",
                    )
                }
                CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                    subject(format!("begins on {}: its fingerprint is {seen}{}", date(|cert| cert.not_before), trusted_ca(cas)))
                        .with_hint("compare the clocks of the host and of this machine")
                }
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                    let names = cert.map_or_else(String::new, |cert| cert.sans.join(", "));
                    subject(format!("is for {names}, not for {asked}: its fingerprint is {seen}{}", trusted_ca(cas)))
                        .with_hint("use one of those names in the URL or as the endpoint's `server_name`, if it is the right host")
                }
                other => subject(format!("is not acceptable ({other}): its fingerprint is {seen}{}", trusted_ca(cas))),
            },
            Self::Rules { error, cas, .. } => subject(format!("is not acceptable ({error}): its fingerprint is {seen}{}", trusted_ca(cas))),
        }
    }
}

const CHANGED: &str = "if nobody renewed it, somebody may be in between; compare with `openssl x509 -noout -fingerprint -sha256 -in /etc/pve/local/pve-ssl.pem` on the host (pveproxy-ssl.pem where there is one), then `felhom context trust` pins the new one, or --fingerprint names it where it was given";

fn list(fingerprints: &[Fingerprint]) -> String {
    fingerprints.iter().map(Fingerprint::to_string).collect::<Vec<_>>().join(" or ")
}

fn trusted_ca(cas: &[Fingerprint]) -> String {
    if cas.is_empty() { String::new() } else { format!("; the trusted CA's is {}", list(cas)) }
}

/// Returns the date in UTC.
pub(crate) fn day(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map_or_else(|_| seconds.to_string(), |time| time.strftime("%Y-%m-%d").to_string())
}
