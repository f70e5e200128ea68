//! The first time that a host is spoken to: its certificate is shown, and pinned where the person says so.

use crate::config::env::FROM_ENV;
use crate::config::first_contact::FirstContact;
use crate::config::{Context, Editor, Endpoint};
use crate::fault::{Fault, Kind, Result};
use crate::interrupt::Interrupt;
use crate::ops::context::peer_certificate;
use crate::transport::tls::PeerCert;
use crate::ui::{Out, clean, prompt, units};

use super::Surroundings;

/// The context with every endpoint trusted. On a terminal an unknown certificate is shown and asked about, and what was accepted
/// is pinned; elsewhere it is a fault that shows the fingerprint.
pub fn settle(context: &Context, around: &Surroundings, out: &Out) -> Result<Context> {
    let mut settled = Context { endpoints: Vec::new(), ..context.clone() };
    let mut unreachable = None;
    for endpoint in &context.endpoints {
        if context.trust(endpoint)?.is_some() {
            settled.endpoints.push(endpoint.clone());
            continue;
        }
        match introduce(endpoint, &around.interrupt, out) {
            Ok(cert) => {
                let endpoint = Endpoint { fingerprint: Some(cert.sha256), ..endpoint.clone() };
                keep(&context.name, &endpoint, around, out);
                settled.endpoints.push(endpoint);
            }
            // Another one may answer.
            Err(fault) if fault.kind == Kind::Unreachable => unreachable = unreachable.or(Some(fault)),
            Err(fault) if fault.kind == Kind::Untrusted => {
                let hint = if context.name == FROM_ENV {
                    "compare it with what the host itself shows, then set FELHOM_FINGERPRINT, or FELHOM_CA_FILE to the cluster's CA; --yes never accepts a certificate".to_owned()
                } else {
                    format!("`felhom context trust {}` shows it and pins it; --yes never accepts a certificate", context.name)
                };
                return Err(fault.with_hint(hint));
            }
            Err(fault) => return Err(fault),
        }
    }
    match unreachable {
        Some(fault) if settled.endpoints.is_empty() => Err(fault),
        _ => Ok(settled),
    }
}

/// Shows who answers and asks whether that is the right host. Without a terminal: the refusal of exit code 9.
pub fn introduce(endpoint: &Endpoint, interrupt: &Interrupt, out: &Out) -> Result<PeerCert> {
    let cert = peer_certificate(endpoint, interrupt)?;
    accept(endpoint, &cert, out)?;
    Ok(cert)
}

/// As [`introduce`], of a certificate that was looked at already.
pub fn accept(endpoint: &Endpoint, cert: &PeerCert, out: &Out) -> Result<()> {
    let contact = FirstContact::new(endpoint, cert, units::now());
    if !prompt::present() {
        return Err(contact.refusal());
    }
    // Also with --quiet: nobody may be asked about what they do not see.
    // What stands in a certificate keeps to its line: nobody knows yet who made it.
    let lines = contact.lines().iter().map(|line| clean::short(line, 300)).collect::<Vec<_>>().join("\n");
    if out.options().quiet {
        out.warn(lines);
    } else {
        out.note(lines);
    }
    if prompt::confirm("Is this the right host?", false)? {
        return Ok(());
    }
    Err(Fault::refused(format!("the certificate of {} was not accepted: nothing was sent", contact.endpoint)))
}

/// Pins what was accepted, where the context stands in the configuration.
fn keep(name: &str, endpoint: &Endpoint, around: &Surroundings, out: &Out) {
    if around.fixed.is_some() {
        return;
    }
    let Some(fingerprint) = endpoint.fingerprint else { return };
    let write = || -> Result<bool> {
        let mut editor = Editor::open(&around.paths, &around.interrupt)?;
        let config = editor.config()?;
        if !config.contexts.get(name).is_some_and(|known| known.endpoints.iter().any(|one| one.url == endpoint.url)) {
            return Ok(false);
        }
        editor.pin_leaf(name, &endpoint.url, fingerprint)?;
        editor.save()
    };
    match write() {
        Ok(true) => out.note(format!("pinned in the context {name}; `felhom context trust {name}` pins the cluster's CA instead")),
        Ok(false) => {}
        Err(fault) => out.warn(format!("trusted for this run only: {fault}")),
    }
}
