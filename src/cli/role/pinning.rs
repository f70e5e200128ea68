//! What is pinned of a host, once the administrator's login (or root on the node) has proved it.

use super::subject::Via;
use crate::api::{cluster, nodes};
use crate::config::{Context, Endpoint, Transport};
use crate::fault::{Fault, Kind, Result};
use crate::interrupt::Interrupt;
use crate::ops::context::{cluster_ca, peer_certificate, under_ca};
use crate::ops::role::keeper::Keeper;
use crate::transport::Client;
use crate::transport::tls;

/// How the host is trusted from now on.
pub(super) struct Pinning {
    /// For this run: until the CA is on disk the leaf stands for it.
    pub(super) now: Context,
    /// As the configuration shall have it.
    pub(super) later: Context,
    /// A CA to be kept beside the configuration.
    pub(super) ca_pem: Option<String>,
    pub(super) word: &'static str,
}

/// What a host's certificate is pinned by, once the administrator's login has proved the host.
pub(super) fn pin(client: &Client, context: Context, given: Option<String>, via: Via, interrupt: &Interrupt) -> Result<Pinning> {
    let settled = |context: Context, word| Pinning { now: context.clone(), later: context, ca_pem: None, word };
    let Some(first) = context.endpoints.first().cloned() else {
        return Err(Fault::config(format!("the context '{}' names no endpoint", context.name)));
    };
    if let Some(pem) = given {
        let later = Context { ca_file: None, ..context.clone() };
        return Ok(Pinning { now: context, later, ca_pem: Some(pem), word: "ca" });
    }
    let leaf = context.endpoints.iter().any(|endpoint| endpoint.fingerprint.is_some());
    match () {
        () if context.insecure => return Ok(settled(context, "insecure")),
        () if context.ca_file.is_some() && !leaf => return Ok(settled(context, "ca")),
        () if context.system_roots && !leaf => return Ok(settled(context, "system")),
        () => {}
    }
    let mut now = context.clone();
    let ca = cluster_ca(client)?;
    if via != Via::Https && context.trust(&first)?.is_none() {
        // Root on the node vouches for what the API shows.
        let cert = peer_certificate(&first, interrupt)?;
        if !vouched(client, &cert, ca.as_deref())? {
            let message = format!("{} shows a certificate that the node does not have: {}", first.url.authority(), cert.sha256);
            return Err(Fault::new(Kind::Untrusted, message).with_hint("check the address, and that no proxy is in between"));
        }
        now.endpoints[0].fingerprint = Some(cert.sha256);
    }
    match ca.and_then(|pem| Some((under_ca(&now.endpoints, &pem, |endpoint| peer_certificate(endpoint, interrupt))?, pem))) {
        Some((endpoints, pem)) => {
            let later = Context { endpoints, ca_file: None, ..now.clone() };
            Ok(Pinning { now, later, ca_pem: Some(pem), word: "ca" })
        }
        None => Ok(settled(now, "fingerprint")),
    }
}

/// The context with an endpoint: a context that has only ssh gets the address of the node behind it, and goes over https from now on.
pub(super) fn located(client: &Client, context: Context) -> Result<Context> {
    if !context.endpoints.is_empty() {
        return Ok(context);
    }
    let address = client.get(&cluster::status())?.into_iter().find(|member| member.local).and_then(|member| member.ip);
    let url = address.as_deref().and_then(|ip| if ip.contains(':') { format!("[{ip}]").parse() } else { ip.parse() }.ok());
    let url = url.ok_or_else(|| {
        Fault::new(Kind::Host, "the node does not say its address").with_hint("name it: `felhom role bootstrap --host HOST --via ssh`")
    })?;
    Ok(Context { transport: Transport::Https, endpoints: vec![Endpoint::new(url)], ..context })
}

/// The node has this certificate, or its cluster's CA made it.
fn vouched(client: &Client, cert: &tls::PeerCert, ca: Option<&str>) -> Result<bool> {
    if ca.is_some_and(|pem| tls::chains_to(&cert.leaf_der, pem.as_bytes())) {
        return Ok(true);
    }
    for node in client.get(&nodes::list())?.into_iter().filter(nodes::Node::online) {
        let listed = client.get(&nodes::certificates(&node.node))?;
        let has = |pem: &String| tls::certificates(pem.as_bytes()).is_ok_and(|all| all.iter().any(|der| der.as_ref() == cert.leaf_der));
        if listed.iter().filter_map(|c| c.pem.as_ref()).any(has) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A CA that is pinned already needs no second pin.
pub(super) fn pinned_already(keeper: &Keeper, pem: &str) -> Option<std::path::PathBuf> {
    let file = keeper.written()?.ca_file?;
    let there = tls::certificates(&std::fs::read(&file).ok()?).ok()?;
    (tls::certificates(pem.as_bytes()).ok()? == there).then_some(file)
}
