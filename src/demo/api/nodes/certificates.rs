//! Certificates of nodes: the cluster's and custom ones.

use serde_json::{Value, json};

use super::the_node;
use crate::demo::api::{Answer, Refusal, Reply, Req, Route};
use crate::transport::tls::{self, PeerCert};

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/nodes/{node}/certificates/info", info),
    ("POST", "/nodes/{node}/certificates/custom", upload),
    ("DELETE", "/nodes/{node}/certificates/custom", delete),
];

/// The section of custom certificates, by node.
pub(super) const CUSTOM: &str = "custom-certificates";

fn info(req: &mut Req<'_>) -> Answer {
    let node = the_node(req);
    let authority = "/CN=felhom demo certificate authority";
    let root = json!({
        "filename": "pve-root-ca.pem", "fingerprint": node.ca_fingerprint, "subject": authority, "issuer": authority, "san": [],
        "pem": node.ca_pem, "notbefore": 157_766_400, "notafter": 67_090_204_800_i64, "public-key-type": "id-ecPublicKey",
        "public-key-bits": 256,
    });
    let own = json!({
        "filename": "pve-ssl.pem", "pem": node.cert_pem, "fingerprint": node.fingerprint, "subject": format!("/CN={}", node.name),
        "issuer": "/CN=felhom demo certificate authority", "san": ["127.0.0.1", "0000:0000:0000:0000:0000:0000:0000:0001", "localhost", node.ip, node.name],
        "notbefore": 157_766_400, "notafter": 67_090_204_800_i64, "public-key-type": "id-ecPublicKey", "public-key-bits": 256,
    });
    let given = req.state.sections.get(CUSTOM).and_then(|given| given.get(&node.name)).map(|given| Value::Object(given.clone()));
    Ok([root, own].into_iter().chain(given).collect::<Value>().into())
}

fn upload(req: &mut Req<'_>) -> Answer {
    let (node, pem) = (the_node(req).name.clone(), req.params.text("certificates").to_owned());
    let there = req.state.section(CUSTOM).any(|(name, _)| *name == node);
    if !req.params.has("key") && !there {
        return Err(Refusal::param("key", "Attempted to upload custom certificate without (existing) key."));
    }
    if there && !req.params.flag("force") {
        return Err(Refusal::die("Custom certificate file exists but force flag is not set."));
    }
    let leaf = tls::certificates(pem.as_bytes()).ok().and_then(|all| all.into_iter().next());
    let Some(cert) = leaf.and_then(|leaf| PeerCert::parse(&leaf, Vec::new()).ok()) else {
        return Err(Refusal::param("certificates", "invalid format - value does not look like a PEM certificate chain"));
    };
    let told = json!({
        "filename": "pveproxy-ssl.pem", "fingerprint": cert.sha256.to_string(), "subject": format!("/{}", cert.subject),
        "issuer": format!("/{}", cert.issuer), "san": cert.sans, "notbefore": cert.not_before, "notafter": cert.not_after, "pem": pem,
    });
    if let Value::Object(given) = &told {
        req.state.section_mut(CUSTOM).insert(node, given.clone());
    }
    Ok(told.into())
}

fn delete(req: &mut Req<'_>) -> Answer {
    let node = the_node(req).name.clone();
    req.state.section_mut(CUSTOM).remove(&node);
    Ok(Reply::null())
}
