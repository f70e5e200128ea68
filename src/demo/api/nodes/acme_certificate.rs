//! Certificates that a node orders from a certificate authority.

use serde_json::{Value, json};

use super::certificates::CUSTOM;
use super::the_node;
use crate::demo::api::{Answer, Refusal, Req, Route, cluster};
use crate::demo::state::{Map, map, sha1_hex};
use crate::demo::tasks::{Effect, TaskSpec};

pub(super) const ROUTES: &[Route] = &[
    ("POST", "/nodes/{node}/certificates/acme/certificate", order),
    ("PUT", "/nodes/{node}/certificates/acme/certificate", renew),
    ("DELETE", "/nodes/{node}/certificates/acme/certificate", revoke),
];

const DAY: i64 = 86_400;

fn current<'a>(req: &'a Req<'_>) -> Option<&'a Map> {
    req.state.sections.get(CUSTOM)?.get(&the_node(req).name)
}

/// Returns account and domains of the node's configuration, each domain with its plugin.
fn settings(req: &Req<'_>) -> Result<(String, Vec<(String, String)>), Refusal> {
    let config = &the_node(req).config;
    let text = |key: &str| config.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let part = |text: &str, key: &str| text.split(',').find_map(|part| part.strip_prefix(&format!("{key}=")).map(str::to_owned));
    let acme = text("acme");
    let plain = part(&acme, "domains").unwrap_or_default();
    let mut domains: Vec<(String, String)> =
        plain.split(';').filter(|d| !d.is_empty()).map(|d| (d.to_owned(), "standalone".to_owned())).collect();
    for key in (0..6).map(|number| format!("acmedomain{number}")) {
        let entry = text(&key);
        let domain = part(&entry, "domain").or_else(|| entry.split(',').next().filter(|first| !first.contains('=')).map(str::to_owned));
        if let Some(domain) = domain.filter(|domain| !domain.is_empty()) {
            domains.push((domain, part(&entry, "plugin").unwrap_or_else(|| "standalone".to_owned())));
        }
    }
    if domains.is_empty() {
        return Err(Refusal::new(400, "ACME domain list in node configuration is missing!"));
    }
    Ok((part(&acme, "account").unwrap_or_else(|| "default".to_owned()), domains))
}

/// Starts a task with an account; `Err` is the failed task.
fn with_account(req: &Req<'_>, task: &str, account: &str) -> Result<TaskSpec, TaskSpec> {
    let spec = TaskSpec::new(task, "");
    match cluster::account(req, account) {
        Some(_) => Ok(spec.log("Loading ACME account details").takes(0.5)),
        None => Err(spec.fail(format!("ACME account config file '{account}' does not exist."))),
    }
}

/// Orders and installs a certificate.
fn ordered(req: &Req<'_>, mut spec: TaskSpec, account: &str, domains: &[(String, String)]) -> Result<TaskSpec, TaskSpec> {
    let directory = cluster::account(req, account).and_then(|known| known["directory"].as_str()).unwrap_or_default();
    let host = directory.trim_end_matches("/directory");
    let number = 300_000_000_000_u64 + u64::from(req.state.next_pid);
    spec = spec.log("Placing ACME order").log(format!("Order URL: {host}/acme/order/{number}")).takes(1.0);
    for (domain, plugin) in domains {
        spec = spec.log("").log(format!("Getting authorization details from '{host}/acme/authz/{number}'"));
        spec = spec.log(format!("The validation for {domain} is pending!"));
        let known = plugin == "standalone" || req.state.section("/cluster/acme/plugins").any(|(id, _)| id == plugin);
        if !known {
            return Err(spec.fail(format!("plugin '{plugin}' for domain '{domain}' not found!")));
        }
        spec = spec
            .log("Triggering validation")
            .log("Sleeping for 5 seconds")
            .takes(5.0)
            .log(format!("Status is 'valid', domain '{domain}' OK!"));
    }
    let (node, now) = (the_node(req), req.now());
    let names: Vec<&str> = domains.iter().map(|(domain, _)| domain.as_str()).collect();
    let hash = sha1_hex(&format!("{number}")) + &sha1_hex(&names.join(","));
    let pairs: Vec<String> = (0..32).map(|at| hash[2 * at..2 * at + 2].to_uppercase()).collect();
    let certificate = map(json!({
        "filename": "pveproxy-ssl.pem", "fingerprint": pairs.join(":"), "subject": format!("/CN={}", names[0]),
        "issuer": "/C=US/O=Let's Encrypt/CN=R12", "san": names, "notbefore": now - 3600, "notafter": now + 90 * DAY, "pem": node.cert_pem,
        "public-key-type": "rsaEncryption", "public-key-bits": 4096,
    }));
    let spec = spec
        .log("")
        .log("All domains validated!")
        .log("")
        .log("Creating CSR")
        .log("Checking order status")
        .log("Order is ready, finalizing order")
        .takes(2.0)
        .log("valid!")
        .log("")
        .log("Downloading certificate")
        .log("Setting pveproxy certificate and key")
        .then(Effect::put_section(CUSTOM, node.name.clone(), certificate))
        .log("Restarting pveproxy");
    Ok(spec)
}

fn order(req: &mut Req<'_>) -> Answer {
    if current(req).is_some() && !req.params.flag("force") {
        return Err(Refusal::param("force", "Custom certificate exists but 'force' is not set."));
    }
    let (account, domains) = settings(req)?;
    let spec = with_account(req, "acmenewcert", &account).and_then(|spec| ordered(req, spec, &account, &domains));
    match spec {
        Ok(spec) => req.start(spec.ok()),
        Err(failed) => req.start(failed),
    }
}

fn renew(req: &mut Req<'_>) -> Answer {
    let Some(certificate) = current(req) else {
        return Err(Refusal::die("No current (custom) certificate found, please order a new certificate!"));
    };
    let left = certificate.get("notafter").and_then(Value::as_i64).unwrap_or(0) - req.now();
    if left > 30 * DAY && !req.params.flag("force") {
        return Err(Refusal::param("force", "Certificate does not expire within the next 30 days, and 'force' is not set."));
    }
    let (account, domains) = settings(req)?;
    let spec = with_account(req, "acmerenew", &account).and_then(|spec| ordered(req, spec, &account, &domains));
    match spec {
        Ok(spec) => req.start(spec.log("Revoking old certificate").ok()),
        Err(failed) => req.start(failed),
    }
}

fn revoke(req: &mut Req<'_>) -> Answer {
    let (account, _) = settings(req)?;
    let node = the_node(req).name.clone();
    match with_account(req, "acmerevoke", &account) {
        Ok(spec) => {
            let spec = spec.log("Revoking old certificate").takes(1.0).log("Deleting certificate files");
            let spec = spec.then(Effect::remove_section(CUSTOM, node));
            req.start(spec.log("Restarting pveproxy to revert to self-signed certificates").ok())
        }
        Err(failed) => req.start(failed),
    }
}
