//! What a context is proved with, and what of a host is pinned once it has proved itself.

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

/// How long a host may take to show its certificate.
const LOOK: Duration = Duration::from_secs(5);

/// What a host says of itself and of who asks.
#[derive(Debug, Clone, Serialize)]
pub struct Proof {
    pub version: String,
    /// Who the host sees.
    pub who: String,
    /// How many different privileges are held, on whatever path.
    pub privileges: usize,
    /// How long the answer to the first call took, connection included.
    pub latency_ms: u64,
}

/// Asks as the token.
pub fn prove(client: &Client) -> Result<Proof> {
    let begun = Instant::now();
    let version = client.get_once(&cluster::version())?.version;
    let latency_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    let held = client.get(&cluster::permissions())?;
    let names: BTreeSet<&String> = held.values().flat_map(|privileges| privileges.keys()).collect();
    Ok(Proof { version, who: client.who().to_owned(), privileges: names.len(), latency_ms })
}

/// The certificate that an endpoint shows, trusted or not.
pub fn look(endpoint: &Endpoint, interrupt: &Interrupt) -> Result<PeerCert> {
    let endpoint = endpoint.clone();
    handshake(interrupt, move || tls::probe(&endpoint.url.host, endpoint.url.port, endpoint.server_name.as_deref(), LOOK))
}

/// A name that does not resolve and a handshake that stalls end with a signal or the time limit too.
fn handshake(interrupt: &Interrupt, work: impl FnOnce() -> Result<PeerCert> + Send + 'static) -> Result<PeerCert> {
    interrupt.during(work).unwrap_or_else(|signal| {
        let kind = if signal == Signal::Deadline { Kind::Unreachable } else { signal.into() };
        Err(Fault::new(kind, "stopped before the host showed its certificate"))
    })
}

/// The certificate that an endpoint shows, checked against what the context trusts.
pub fn proved(context: &Context, endpoint: &Endpoint, env: &Env, interrupt: &Interrupt) -> Result<PeerCert> {
    let Some(trust) = context.trust(endpoint)? else {
        let sha256 = look(endpoint, interrupt)?.sha256;
        let message = format!("the certificate of {} is not trusted yet: its fingerprint is {sha256}", endpoint.url.authority());
        return Err(Fault::new(Kind::Untrusted, message).with_hint(format!("pin it with `felhom context trust {}`", context.name)));
    };
    let (url, env) = (endpoint.url.clone(), env.clone());
    handshake(interrupt, move || tls::prove(&url.host, url.port, &trust, &env, LOOK))
}

/// The cluster's own CA, as a host that is trusted already gives it. Any node has it.
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

/// The endpoints as they stand under a cluster's CA; `None` where one of them shows a certificate that this CA did not make.
/// One that cannot be reached now is taken along: its certificate is checked when it answers.
pub fn under_ca(endpoints: &[Endpoint], ca_pem: &str, look: impl Fn(&Endpoint) -> Result<PeerCert>) -> Option<Vec<Endpoint>> {
    let mut settled = Vec::new();
    for endpoint in endpoints {
        let mut endpoint = Endpoint { fingerprint: None, ..endpoint.clone() };
        if let Ok(cert) = look(&endpoint) {
            let Pin::Ca(_) = Pin::choose(&cert, Some(ca_pem)) else { return None };
            let asked = endpoint.server_name.as_ref().unwrap_or(&endpoint.url.host);
            if !tls::covers(&cert.leaf_der, asked) {
                // Reached under a name that the certificate does not know: through a tunnel, or by another address.
                endpoint.server_name = Some(own_name(&cert)?);
            }
        }
        settled.push(endpoint);
    }
    Some(settled)
}

/// A name in the certificate that is the node's own, and no other node's.
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
    fn a_ca_takes_the_place_of_the_leaves() {
        let pki = Pki::generate("pve7").expect("certificates");
        let mut pinned = endpoint("127.0.0.1");
        pinned.fingerprint = Some(cert(&pki).sha256);
        let settled = under_ca(&[pinned, endpoint("tunnel.example")], &pki.ca_pem, |_| Ok(cert(&pki))).expect("its own CA");
        assert_eq!((settled[0].fingerprint, settled[0].server_name.as_deref()), (None, None));
        assert_eq!(settled[1].server_name.as_deref(), Some("pve7"), "the name that the certificate is for");
    }

    #[test]
    fn one_certificate_from_elsewhere_keeps_the_leaves() {
        let (ours, theirs) = (Pki::generate("pve1").expect("certificates"), Pki::generate("pve2").expect("certificates"));
        let look = |e: &Endpoint| if e.url.host == "pve1" { Ok(cert(&ours)) } else { Ok(cert(&theirs)) };
        assert_eq!(under_ca(&[endpoint("pve1"), endpoint("pve2")], &ours.ca_pem, look), None);
        let dead = |e: &Endpoint| if e.url.host == "pve1" { Ok(cert(&ours)) } else { Err(Fault::new(Kind::Unreachable, "down")) };
        assert_eq!(under_ca(&[endpoint("pve1"), endpoint("pve2")], &ours.ca_pem, dead).map(|all| all.len()), Some(2));
    }
}
