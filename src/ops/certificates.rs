//! A node's own certificate: what is there, and who is cut off when it changes.

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

/// The file of a certificate that somebody gave the node, in place of the cluster's own.
pub const CUSTOM: &str = "pveproxy-ssl.pem";

/// A certificate of a node.
#[derive(Debug, Clone, Serialize)]
pub struct Shown {
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
    /// The one that its API shows.
    pub served: bool,
}

/// The certificates of a node, the cluster's CA first.
pub fn of_node(session: &Session, node: &str) -> Result<Vec<Shown>> {
    let all = session.client()?.get(&nodes::certificates(node))?;
    let served = if all.iter().any(|one| one.filename == CUSTOM) { CUSTOM } else { "pve-ssl.pem" };
    all.iter().map(|one| shown(session, node, one, served)).collect()
}

fn shown(session: &Session, node: &str, one: &Certificate, served: &str) -> Result<Shown> {
    let cert = parse(one.pem.as_deref().unwrap_or_default()).map_err(|why| Fault::other(format!("{} of {node}: {why}", one.filename)))?;
    Ok(Shown {
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

/// The first certificate of a PEM text; the others came with it.
pub fn parse(pem: &str) -> std::result::Result<PeerCert, String> {
    let mut all = tls::certificates(pem.as_bytes())?.into_iter();
    let leaf = all.next().ok_or("there is no certificate in it")?;
    PeerCert::parse(&leaf, all.map(|der| der.to_vec()).collect())
}

/// A certificate that shall be the node's.
pub struct New {
    pub pem: String,
    pub cert: PeerCert,
    pub key: Option<Secret>,
    /// Where one was given before.
    pub replace: bool,
    pub restart: bool,
}

/// Giving the node a certificate, as a change.
pub fn give(context: &Context, node: &str, new: New) -> Item {
    let cert = &new.cert;
    let item = item("upload", node)
        .extra("fingerprint", cert.sha256.to_string())
        .extra("names", json!(cert.sans))
        .extra("not_after", units::rfc3339(cert.not_after))
        .fact("certificate", cert.sha256)
        .touches(format!("the certificate that {node} shows: {}, for {}", cert.subject, listed(&cert.sans)));
    if cert.days_left(units::now()) < 0 {
        return item.refused(Fault::usage(format!("the certificate ended on {}", units::rfc3339(cert.not_after))));
    }
    let item = felhom_itself(item, context, cert);
    let item = restarted(others(item, node), new.restart);
    let call = nodes::give_certificate(node, &new.pem, new.key).with_set("force", new.replace).with_set("restart", new.restart);
    item.step(Step::call("upload", call))
}

/// Taking the given one away again.
pub fn take(session: &Session, node: &str, restart: bool) -> Result<Item> {
    let item = item("delete", node);
    let Some(given) = of_node(session, node)?.into_iter().find(|one| one.file == CUSTOM) else { return Ok(item.unchanged()) };
    let item = item
        .fact("certificate", &given.fingerprint)
        .extra("fingerprint", given.fingerprint.as_str())
        .touches(format!("the certificate that {node} shows: the cluster's own again, in place of {}", given.subject));
    let item = restarted(others(item, node), restart);
    Ok(item.step(Step::call("delete", nodes::take_certificate(node).with_set("restart", restart))))
}

fn item(action: &'static str, node: &str) -> Item {
    Item::new(action, Target { node: Some(node.to_owned()), name: Some(format!("the certificate of {node}")), ..Target::default() })
        .risk(Risk::Disruptive)
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "no names at all".to_owned() } else { names.join(", ") }
}

/// What a raw call that changes it means.
pub fn weigh(node: &str, item: Item) -> Item {
    others(item.touches(format!("the certificate that {node} shows on port 8006")), node)
}

/// Who trusts the old one.
fn others(item: Item, node: &str) -> Item {
    item.caution("clients that pin the old one are cut off: other contexts, backup clients, monitors")
        .caution(format!("the way back, as root on {node}: `pvenode cert delete 1`"))
}

fn restarted(item: Item, restart: bool) -> Item {
    if restart {
        item.caution("the API restarts at once: open consoles and requests end")
    } else {
        item.caution("it is used after the API restarts: --restart does that now")
    }
}

/// Whether this very context would still trust the node.
fn felhom_itself(item: Item, context: &Context, cert: &PeerCert) -> Item {
    if context.transport != Transport::Https || context.insecure {
        return item;
    }
    let way = format!("`felhom context trust {}` afterwards", context.name);
    let mut item = item;
    for endpoint in context.endpoints.iter().filter(|endpoint| endpoint.fingerprint.is_some_and(|pinned| pinned != cert.sha256)) {
        item = item.caution(format!("felhom itself is cut off where {} is this node: its old certificate is pinned; {way}", endpoint.url));
    }
    let by_ca = context.endpoints.iter().any(|endpoint| endpoint.fingerprint.is_none());
    if let Some(ca) = context.ca_file.as_ref().filter(|_| by_ca).and_then(|file| std::fs::read(file).ok())
        && !tls::chains_to(&cert.leaf_der, &ca)
    {
        item = item.caution(format!("felhom itself is cut off: the new certificate is not from the CA that this context trusts; {way}"));
    }
    let names: Vec<&str> = context.endpoints.iter().map(|e| e.server_name.as_deref().unwrap_or(&e.url.host)).collect();
    if !names.is_empty() && by_ca && !names.iter().any(|name| tls::covers(&cert.leaf_der, name)) {
        item = item.caution(format!("it is for none of the names by which this context reaches the host: {}", names.join(", ")));
    }
    item
}

/// Is it there? Where the API is gone with the old one, that cannot be seen from here.
pub fn verify(session: &Session, node: &str, wanted: Option<&PeerCert>) -> Result<Map<String, Json>> {
    let now = match of_node(session, node) {
        Ok(all) => all.into_iter().find(|one| one.file == CUSTOM),
        Err(fault) if matches!(fault.kind, Kind::Untrusted | Kind::Unreachable) => {
            session
                .person
                .warn(&format!("{node} took it, and is not trusted from here any more: `felhom context trust {}`", session.context));
            return Ok(Map::new());
        }
        Err(fault) => return Err(fault),
    };
    match (wanted, now) {
        (Some(wanted), Some(now)) if now.fingerprint == wanted.sha256.to_string() => Ok(Map::new()),
        (None, None) => Ok(Map::new()),
        (_, now) => {
            let has = now.map_or_else(|| "its own".to_owned(), |now| now.fingerprint);
            Err(Fault::other(format!("the host took the call, but {node} has {has} now")))
        }
    }
}
