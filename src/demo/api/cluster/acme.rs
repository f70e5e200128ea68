//! ACME accounts and what a certificate authority says about itself.

use serde_json::{Value, json};

use crate::demo::api::{Answer, Refusal, Req, Route};
use crate::demo::state::{Map, map};
use crate::demo::tasks::{Effect, TaskSpec};

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/cluster/acme/account", list),
    ("POST", "/cluster/acme/account", register),
    ("GET", "/cluster/acme/account/{name}", read),
    ("PUT", "/cluster/acme/account/{name}", update),
    ("DELETE", "/cluster/acme/account/{name}", deactivate),
    ("GET", "/cluster/acme/tos", terms),
    ("GET", "/cluster/acme/meta", meta),
    ("GET", "/cluster/acme/directories", directories),
    ("GET", "/cluster/acme/challenge-schema", challenges),
];

/// The section of the accounts.
const ACCOUNTS: &str = "acme-accounts";
const LIVE: &str = "https://acme-v02.api.letsencrypt.org/directory";
const STAGING: &str = "https://acme-staging-v02.api.letsencrypt.org/directory";
const TERMS: &str = "https://letsencrypt.org/documents/LE-SA-v1.6-August-18-2025.pdf";

/// Returns an account.
pub(in crate::demo::api) fn account<'a>(req: &'a Req<'_>, name: &str) -> Option<&'a Map> {
    req.state.sections.get(ACCOUNTS)?.get(name)
}

fn list(req: &mut Req<'_>) -> Answer {
    Ok(req.state.section(ACCOUNTS).map(|(name, _)| json!({ "name": name })).collect::<Value>().into())
}

fn no_account(name: &str) -> String {
    format!("ACME account config file '{name}' does not exist.")
}

/// Returns the error of a host without Internet access.
fn offline(directory: &str) -> Refusal {
    let place = directory.trim_start_matches("https://").split('/').next().unwrap_or_default();
    Refusal::die(format!("Error: GET to {directory}\nCan't connect to {place}:443 (not known)\n\nnot known at line\n"))
}

/// Whether the host reaches the Internet.
fn is_online(req: &Req<'_>) -> bool {
    req.state.sections.contains_key(crate::demo::state::INTERNET)
}

fn contacts(req: &Req<'_>) -> Vec<String> {
    req.params.list("contact").into_iter().map(|address| format!("mailto:{address}")).collect()
}

fn register(req: &mut Req<'_>) -> Answer {
    let name = req.params.get("name").unwrap_or("default").to_owned();
    let directory = req.params.get("directory").unwrap_or(LIVE).to_owned();
    if account(req, &name).is_some() {
        return Err(Refusal::param("name", format!("ACME account config file '{name}' already exists.")));
    }
    let spec =
        TaskSpec::new("acmeregister", "").log("Generating ACME account key..").takes(1.0).log("Registering ACME account..").takes(1.0);
    if !is_online(req) {
        let why = offline(&directory).message;
        return req.start(spec.fail(format!("Registration failed: {}", why.lines().next().unwrap_or_default())));
    }
    let host = directory.trim_end_matches("/directory");
    let location = format!("{host}/acme/acct/{}", 2_400_000_000_u64 + u64::from(req.state.next_pid));
    let mut entry = map(json!({
        "account": { "status": "valid", "contact": contacts(req), "createdAt": "2026-11-27T10:00:00Z" }, "directory": directory,
        "location": location,
    }));
    if let Some(terms) = req.params.get("tos_url") {
        entry.insert("tos".into(), terms.into());
    }
    let spec = spec.log(format!("Registration successful, account URL: '{location}'"));
    req.start(spec.then(Effect::put_section(ACCOUNTS, name, entry)).ok())
}

fn the_account(req: &Req<'_>) -> Result<(String, Map), Refusal> {
    let name = req.params.get("name").unwrap_or("default").to_owned();
    match account(req, &name) {
        Some(known) => Ok((name.clone(), known.clone())),
        None => Err(Refusal::param("name", no_account(&name))),
    }
}

fn read(req: &mut Req<'_>) -> Answer {
    Ok(Value::Object(the_account(req)?.1).into())
}

fn update(req: &mut Req<'_>) -> Answer {
    let (name, mut known) = the_account(req)?;
    let new = contacts(req);
    let task = if new.is_empty() { "acmerefresh" } else { "acmeupdate" };
    if !new.is_empty() {
        known["account"]["contact"] = json!(new);
    }
    req.start(TaskSpec::new(task, "").takes(1.0).then(Effect::put_section(ACCOUNTS, name, known)).ok())
}

fn deactivate(req: &mut Req<'_>) -> Answer {
    let (name, _) = the_account(req)?;
    let folder = "/etc/pve/priv/acme";
    let line = format!("Renaming account file from '{folder}/{name}' to '{folder}/_deactivated_{name}_0'");
    req.start(TaskSpec::new("acmedeactivate", "").takes(1.0).log(line).then(Effect::remove_section(ACCOUNTS, name)).ok())
}

fn terms(req: &mut Req<'_>) -> Answer {
    let directory = req.params.get("directory").unwrap_or(LIVE);
    if is_online(req) { Ok(json!(TERMS).into()) } else { Err(offline(directory)) }
}

fn meta(req: &mut Req<'_>) -> Answer {
    let directory = req.params.get("directory").unwrap_or(LIVE);
    if !is_online(req) {
        return Err(offline(directory));
    }
    Ok(json!({
        "termsOfService": TERMS, "website": "https://letsencrypt.org", "caaIdentities": ["letsencrypt.org"], "externalAccountRequired": 0,
    })
    .into())
}

fn directories(_: &mut Req<'_>) -> Answer {
    Ok(json!([{ "name": "Let's Encrypt V2", "url": LIVE }, { "name": "Let's Encrypt V2 Staging", "url": STAGING }]).into())
}

fn challenges(_: &mut Req<'_>) -> Answer {
    Ok(json!([{ "id": "standalone", "name": "standalone", "type": "standalone", "schema": {} }]).into())
}
