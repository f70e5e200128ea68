//! `GET /nodes/{node}/certificates/info`.

use serde_json::{Value, json};

use crate::demo::api::{Answer, Req, Route};
use crate::transport::tls::{Fingerprint, PeerCert, certificates};

pub(super) const ROUTES: &[Route] = &[("GET", "/nodes/{node}/certificates/info", info)];

/// Every node shows the cluster's authority and the certificate that it serves; the demo's nodes share one.
fn info(req: &mut Req<'_>) -> Answer {
    let shown = req.state.certificates.iter().filter_map(|(name, pem)| one(name, pem));
    Ok(Value::Array(shown.collect()).into())
}

fn one(name: &str, pem: &str) -> Option<Value> {
    let der = certificates(pem.as_bytes()).ok()?.into_iter().next()?;
    let cert = PeerCert::parse(&der, Vec::new()).ok()?;
    Some(json!({
        "filename": name, "pem": pem, "fingerprint": Fingerprint::of(&der).to_string(),
        "subject": slashed(&cert.subject), "issuer": slashed(&cert.issuer), "san": cert.sans,
        "notbefore": cert.not_before, "notafter": cert.not_after,
        "public-key-type": "id-ecPublicKey", "public-key-bits": 256,
    }))
}

/// `/CN=pve1`, as openssl's older form has it.
fn slashed(name: &str) -> String {
    name.split(", ").map(|part| format!("/{part}")).collect()
}
