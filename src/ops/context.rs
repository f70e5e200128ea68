//! Checking a context's login, and choosing which certificate or CA to trust.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::api::{cluster, nodes};
use crate::config::first_contact::Pin;
use crate::config::{Context, Endpoint, Env};
use crate::fault::{Fault, Kind, Result};
use crate::interrupt::{Interrupt, Signal};
use crate::transport::Client;
use crate::transport::tls::{self, PeerCert};

/// Time limit for a TLS handshake.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(5);

/// The result of a successful login.
#[derive(Debug, Clone, Serialize)]
pub struct LoginInfo {
    pub version: String,
    /// The user or token, as the host reports it.
    pub who: String,
    /// The number of different privileges on any path.
    pub privileges: usize,
    /// Duration of the first call, including the connection.
    pub latency_ms: u64,
}

/// Logs in and reads the version and the permissions.
pub fn check_login(client: &Client) -> Result<LoginInfo> {
    let begun = Instant::now();
    let version = client.get_once(&cluster::version())?.version;
    let latency_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    let held = client.get(&cluster::permissions())?;
    let names: BTreeSet<&String> = held.values().flat_map(|privileges| privileges.keys()).collect();
    Ok(LoginInfo { version, who: client.who().to_owned(), privileges: names.len(), latency_ms })
}

/// Reads the certificate of an endpoint without checking trust.
pub fn peer_certificate(endpoint: &Endpoint, interrupt: &Interrupt) -> Result<PeerCert> {
    let endpoint = endpoint.clone();
    handshake(interrupt, move || tls::probe(&endpoint.url.host, endpoint.url.port, endpoint.server_name.as_deref(), HANDSHAKE_LIMIT))
}

/// Runs a handshake that a signal or the deadline can end, also during name resolution.
fn handshake(interrupt: &Interrupt, work: impl FnOnce() -> Result<PeerCert> + Send + 'static) -> Result<PeerCert> {
    interrupt.during(work).unwrap_or_else(|signal| {
        let kind = if signal == Signal::Deadline { Kind::Unreachable } else { signal.into() };
        Err(Fault::new(kind, "interrupted before the host sent its certificate"))
    })
}

/// Reads the certificate of an endpoint and checks it against the context's trust.
pub fn verified_certificate(context: &Context, endpoint: &Endpoint, env: &Env, interrupt: &Interrupt) -> Result<PeerCert> {
    let Some(trust) = context.trust(endpoint)? else {
        let sha256 = peer_certificate(endpoint, interrupt)?.sha256;
        let message = format!("the certificate of {} is not trusted yet: its fingerprint is {sha256}", endpoint.url.authority());
        return Err(Fault::new(Kind::Untrusted, message).with_hint(format!("pin it with `felhom context trust {}`", context.name)));
    };
    let (url, env) = (endpoint.url.clone(), env.clone());
    handshake(interrupt, move || tls::prove(&url.host, url.port, &trust, &env, HANDSHAKE_LIMIT))
}

/// Reads the cluster's CA from any node of a trusted host.
pub fn cluster_ca(client: &Client) -> Result<Option<String>> {
    for node in client.get(&nodes::list())?.into_iter().filter(nodes::Node::online) {
        match client.get_once(&nodes::certificates(&node.node)) {
            Ok(found) => return Ok(found.into_iter().find(|c| c.filename == nodes::CLUSTER_CA).and_then(|c| c.pem)),
            Err(fault) if fault.kind == Kind::NodeDown => {}
            Err(fault) => return Err(fault),
        }
    }
    Ok(None)
}

/// Converts endpoints to trust by the cluster's CA. Returns `None` if a certificate is not from this CA. The certificate of an
/// unreachable endpoint is checked when it is used.
pub fn under_ca(endpoints: &[Endpoint], ca_pem: &str, look: impl Fn(&Endpoint) -> Result<PeerCert>) -> Option<Vec<Endpoint>> {
    let mut settled = Vec::new();
    for endpoint in endpoints {
        let mut endpoint = Endpoint { fingerprint: None, ..endpoint.clone() };
        if let Ok(cert) = look(&endpoint) {
            let Pin::Ca(_) = Pin::choose(&cert, Some(ca_pem)) else { return None };
            let asked = endpoint.server_name.as_ref().unwrap_or(&endpoint.url.host);
            if !tls::covers(&cert.leaf_der, asked) {
                // The certificate is for another name: the host is reached through a tunnel or another address.
                endpoint.server_name = Some(own_name(&cert)?);
            }
        }
        settled.push(endpoint);
    }
    Some(settled)
}

/// Returns a name in the certificate that belongs to this node only.
fn own_name(cert: &PeerCert) -> Option<String> {
    let is_address = |name: &str| name.parse::<IpAddr>().is_ok();
    let mut names = cert.sans.iter().filter(|name| *name != "localhost" && !name.starts_with('*') && tls::covers(&cert.leaf_der, name));
    let dns = names.clone().find(|name| !is_address(name));
    dns.or_else(|| names.find(|name| name.parse::<IpAddr>().is_ok_and(|address| !address.is_loopback()))).cloned()
}

#[cfg(all(test, feature = "demo"))]
mod tests {
    use super::*;
    use crate::demo::pki::Pki;

    fn cert(pki: &Pki) -> PeerCert {
        let leaf = tls::certificates(pki.cert_pem.as_bytes()).expect("a certificate").remove(0);
        PeerCert::parse(&leaf, Vec::new()).expect("it parses")
    }

    fn endpoint(url: &str) -> Endpoint {
        Endpoint::new(url.parse().expect("a url"))
    }

    #[test]
    fn a_ca_replaces_pinned_certificates() {
        let pki = Pki::generate("pve7").expect("certificates");
        let mut pinned = endpoint("127.0.0.1");
        pinned.fingerprint = Some(cert(&pki).sha256);
        let settled = under_ca(&[pinned, endpoint("tunnel.example")], &pki.ca_pem, |_| Ok(cert(&pki))).expect("its own CA");
        assert_eq!((settled[0].fingerprint, settled[0].server_name.as_deref()), (None, None));
        assert_eq!(settled[1].server_name.as_deref(), Some("pve7"), "the name in the certificate");
    }

    #[test]
    fn a_certificate_from_another_ca_keeps_the_pins() {
        let (ours, theirs) = (Pki::generate("pve1").expect("certificates"), Pki::generate("pve2").expect("certificates"));
        let look = |e: &Endpoint| if e.url.host == "pve1" { Ok(cert(&ours)) } else { Ok(cert(&theirs)) };
        assert_eq!(under_ca(&[endpoint("pve1"), endpoint("pve2")], &ours.ca_pem, look), None);
        let dead = |e: &Endpoint| if e.url.host == "pve1" { Ok(cert(&ours)) } else { Err(Fault::new(Kind::Unreachable, "down")) };
        assert_eq!(under_ca(&[endpoint("pve1"), endpoint("pve2")], &ours.ca_pem, dead).map(|all| all.len()), Some(2));
    }
}
