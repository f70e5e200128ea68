//! rustls configurations.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use super::seen::{Refusal, Seen};
use super::{Fingerprint, Trust, certificates, roots};
use crate::config::Env;
use crate::fault::{Fault, Result};

/// Returns the configuration, and the record of its handshakes. The system's roots are read only for [`Trust::System`].
pub fn client_config(trust: &Trust, env: &Env) -> Result<(ClientConfig, Seen)> {
    let provider = Arc::new(ring::default_provider());
    let rule = match trust {
        Trust::Pinned(fingerprint) => Rule::Leaf(*fingerprint),
        Trust::Insecure => Rule::Nothing,
        Trust::Ca { pem, server_name } => {
            let cas = certificates(pem).map_err(|why| Fault::config(format!("the pinned CA: {why}")))?;
            let mut roots = RootCertStore::empty();
            for ca in &cas {
                roots.add(ca.clone()).map_err(|e| Fault::config(format!("the pinned CA cannot be used: {e}")))?;
            }
            Rule::authority(roots, server_name.as_deref(), cas.iter().map(|ca| Fingerprint::of(ca)).collect(), &provider)?
        }
        Trust::System { server_name } => Rule::authority(roots::load(env)?, server_name.as_deref(), Vec::new(), &provider)?,
    };
    let seen = Seen::default();
    Ok((build(rule, seen.clone(), provider)?, seen))
}

/// Accepts any certificate for which the server has the key: for reading a certificate, never for a request.
pub(super) fn looking_config() -> Result<(ClientConfig, Seen)> {
    let seen = Seen::default();
    Ok((build(Rule::Look, seen.clone(), Arc::new(ring::default_provider()))?, seen))
}

fn build(rule: Rule, seen: Seen, provider: Arc<CryptoProvider>) -> Result<ClientConfig> {
    let verifier = Verifier { rule, seen, algorithms: provider.signature_verification_algorithms };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| Fault::other(format!("cannot set up TLS: {e}")))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(config)
}

#[derive(Debug)]
enum Rule {
    Leaf(Fingerprint),
    Authority { inner: Arc<WebPkiServerVerifier>, name: Option<ServerName<'static>>, cas: Vec<Fingerprint> },
    Look,
    Nothing,
}

impl Rule {
    fn authority(roots: RootCertStore, name: Option<&str>, cas: Vec<Fingerprint>, provider: &Arc<CryptoProvider>) -> Result<Self> {
        let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
            .build()
            .map_err(|e| Fault::config(format!("the trusted CA cannot be used: {e}")))?;
        let name = name
            .map(|name| {
                ServerName::try_from(name.to_owned()).map_err(|_| Fault::config(format!("server_name `{name}` is not a host name")))
            })
            .transpose()?;
        Ok(Self::Authority { inner, name, cas })
    }
}

/// The smallest RSA key whose signatures are accepted.
const LEAST_RSA: usize = 2048;

#[derive(Debug)]
struct Verifier {
    rule: Rule,
    seen: Seen,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Verifier {
    fn proof(&self, result: Result<HandshakeSignatureValid, Error>) -> Result<HandshakeSignatureValid, Error> {
        if matches!(self.rule, Rule::Nothing) {
            return Ok(HandshakeSignatureValid::assertion());
        }
        result.inspect_err(|_| self.seen.refused(Refusal::NoProof))
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.seen.came(end_entity, intermediates.iter().map(|der| der.to_vec()).collect());
        if let Some(bits) = super::cert::rsa_bits(end_entity).filter(|bits| *bits < LEAST_RSA) {
            self.seen.refused(Refusal::WeakKey { bits });
            return Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure));
        }
        match &self.rule {
            Rule::Leaf(trusted) if Fingerprint::of(end_entity) != *trusted => {
                self.seen.refused(Refusal::OtherLeaf { trusted: *trusted });
                Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
            }
            Rule::Authority { inner, name, cas } => {
                let asked = name.as_ref().unwrap_or(server_name);
                inner.verify_server_cert(end_entity, intermediates, asked, ocsp_response, now).inspect_err(|error| {
                    let asked = asked.to_str().into_owned();
                    self.seen.refused(Refusal::Rules { error: error.clone(), asked, cas: cas.clone() });
                })
            }
            Rule::Leaf(_) | Rule::Look | Rule::Nothing => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.proof(verify_tls12_signature(message, cert, dss, &self.algorithms))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.proof(verify_tls13_signature(message, cert, dss, &self.algorithms))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
