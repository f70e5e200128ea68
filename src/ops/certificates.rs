//! A node's certificate, and the clients that lose their connection when it changes.

use serde::Serialize;
use serde_json::{Map, Value as Json, json};

use crate::api::nodes::{self, Certificate};
use crate::config::{Context, Transport};
use crate::fault::{Fault, Kind, Result};
use crate::guard::{Item, Step, Target};
use crate::routes::Risk;
use crate::secret::Secret;
use crate::session::Session;
use crate::transport::tls::{self, PeerCert};
use crate::units;

/// File name of a custom certificate, which replaces the cluster's own.
pub const CUSTOM: &str = "pveproxy-ssl.pem";

/// A certificate of a node.
#[derive(Debug, Clone, Serialize)]
pub struct CertificateRow {
    pub context: String,
    pub node: String,
    pub file: String,
    pub subject: String,
    pub issuer: String,
    pub names: Vec<String>,
    /// RFC 3339.
    pub not_after: String,
    pub days_left: i64,
    pub fingerprint: String,
    /// Whether the API uses it.
    pub served: bool,
}

/// Returns the certificates of a node, the cluster's CA first.
pub fn of_node(session: &Session, node: &str) -> Result<Vec<CertificateRow>> {
    let all = session.client()?.get(&nodes::certificates(node))?;
    let served = if all.iter().any(|one| one.filename == CUSTOM) { CUSTOM } else { "pve-ssl.pem" };
    all.iter().map(|one| shown(session, node, one, served)).collect()
}

fn shown(session: &Session, node: &str, one: &Certificate, served: &str) -> Result<CertificateRow> {
    let cert = parse(one.pem.as_deref().unwrap_or_default()).map_err(|why| Fault::other(format!("{} of {node}: {why}", one.filename)))?;
    Ok(CertificateRow {
        context: session.context.clone(),
        node: node.to_owned(),
        file: one.filename.clone(),
        days_left: cert.days_left(units::now()),
        not_after: units::rfc3339(cert.not_after),
        fingerprint: cert.sha256.to_string(),
        subject: cert.subject,
        issuer: cert.issuer,
        names: cert.sans,
        served: one.filename == served,
    })
}

/// Parses the first certificate of a PEM file, with the others as its chain.
pub fn parse(pem: &str) -> std::result::Result<PeerCert, String> {
    let mut all = tls::certificates(pem.as_bytes())?.into_iter();
    let leaf = all.next().ok_or("no certificate in the PEM file")?;
    PeerCert::parse(&leaf, all.map(|der| der.to_vec()).collect())
}

/// A certificate to upload.
pub struct New {
    pub pem: String,
    pub cert: PeerCert,
    pub key: Option<Secret>,
    /// Replaces an existing custom certificate.
    pub replace: bool,
    pub restart: bool,
}

/// Prepares the upload of a certificate.
pub fn upload(context: &Context, node: &str, new: New) -> Item {
    let cert = &new.cert;
    let item = item("upload", node)
        .extra("fingerprint", cert.sha256.to_string())
        .extra("names", json!(cert.sans))
        .extra("not_after", units::rfc3339(cert.not_after))
        .fact("certificate", cert.sha256)
        .touches(format!("the certificate of {node}: {}, for {}", cert.subject, listed(&cert.sans)));
    if cert.days_left(units::now()) < 0 {
        return item.refused(Fault::usage(format!("the certificate expired on {}", units::rfc3339(cert.not_after))));
    }
    let item = own_trust(item, context, cert);
    let item = restart_note(pinned_clients(item, node), new.restart);
    let call = nodes::upload_certificate(node, &new.pem, new.key).with_set("force", new.replace).with_set("restart", new.restart);
    item.step(Step::call("upload", call))
}

/// Prepares the deletion of a custom certificate.
pub fn delete(session: &Session, node: &str, restart: bool) -> Result<Item> {
    let item = item("delete", node);
    let Some(given) = of_node(session, node)?.into_iter().find(|one| one.file == CUSTOM) else { return Ok(item.unchanged()) };
    let item = item
        .fact("certificate", &given.fingerprint)
        .extra("fingerprint", given.fingerprint.as_str())
        .touches(format!("the certificate of {node}: back to the cluster's own, instead of {}", given.subject));
    let item = restart_note(pinned_clients(item, node), restart);
    Ok(item.step(Step::call("delete", nodes::delete_certificate(node).with_set("restart", restart))))
}

fn item(action: &'static str, node: &str) -> Item {
    Item::new(action, Target { node: Some(node.to_owned()), name: Some(format!("the certificate of {node}")), ..Target::default() })
        .risk(Risk::Disruptive)
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "no names".to_owned() } else { names.join(", ") }
}

/// Adds the impact of a raw call that changes the certificate.
pub fn assess(node: &str, item: Item) -> Item {
    pinned_clients(item.touches(format!("the certificate of {node} on port 8006")), node)
}

/// Who trusts the old one.
fn pinned_clients(item: Item, node: &str) -> Item {
    item.caution("clients that pin the old one are cut off: other contexts, backup clients, monitors")
        .caution(format!("the way back, as root on {node}: `pvenode cert delete 1`"))
}

fn restart_note(item: Item, restart: bool) -> Item {
    if restart {
        item.caution("the API restarts at once: open consoles and requests end")
    } else {
        item.caution("it is used after the API restarts: --restart does that now")
    }
}

/// Warns if this context would no longer trust the node.
fn own_trust(item: Item, context: &Context, cert: &PeerCert) -> Item {
    if context.transport != Transport::Https || context.insecure {
        return item;
    }
    let way = format!("run `felhom context trust {}` afterwards", context.name);
    let mut item = item;
    for endpoint in context.endpoints.iter().filter(|endpoint| endpoint.fingerprint.is_some_and(|pinned| pinned != cert.sha256)) {
        item = item.caution(format!("felhom loses access if {} is this node, whose old certificate is pinned: {way}", endpoint.url));
    }
    let by_ca = context.endpoints.iter().any(|endpoint| endpoint.fingerprint.is_none());
    if let Some(ca) = context.ca_file.as_ref().filter(|_| by_ca).and_then(|file| std::fs::read(file).ok())
        && !tls::chains_to(&cert.leaf_der, &ca)
    {
        item = item.caution(format!("felhom loses access: the new certificate is not from the CA that this context trusts; {way}"));
    }
    let names: Vec<&str> = context.endpoints.iter().map(|e| e.server_name.as_deref().unwrap_or(&e.url.host)).collect();
    if !names.is_empty() && by_ca && !names.iter().any(|name| tls::covers(&cert.leaf_der, name)) {
        item = item.caution(format!("the certificate does not match any host name of this context: {}", names.join(", ")));
    }
    item
}

/// Checks the result. If the node is no longer trusted, that is only a warning.
pub fn verify(session: &Session, node: &str, wanted: Option<&PeerCert>) -> Result<Map<String, Json>> {
    let now = match of_node(session, node) {
        Ok(all) => all.into_iter().find(|one| one.file == CUSTOM),
        Err(fault) if matches!(fault.kind, Kind::Untrusted | Kind::Unreachable) => {
            session
                .person
                .warn(&format!("{node} accepted the certificate and is no longer trusted: run `felhom context trust {}`", session.context));
            return Ok(Map::new());
        }
        Err(fault) => return Err(fault),
    };
    match (wanted, now) {
        (Some(wanted), Some(now)) if now.fingerprint == wanted.sha256.to_string() => Ok(Map::new()),
        (None, None) => Ok(Map::new()),
        (_, now) => {
            let has = now.map_or_else(|| "its default certificate".to_owned(), |now| now.fingerprint);
            Err(Fault::other(format!("the host accepted the call, but the certificate of {node} is now {has}")))
        }
    }
}
