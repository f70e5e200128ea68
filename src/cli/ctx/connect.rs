//! Clients for a context: over HTTPS, or through pvesh.

use std::sync::Arc;

use crate::cli::first_contact;
use crate::config::env::FROM_ENV;
use crate::config::secrets::{Account, Vault};
use crate::config::{Context, Endpoint, Transport as Via};
use crate::fault::{Fault, Result};
use crate::guard::redact;
use crate::transport::Client;
use crate::transport::https::{Https, Login};
use crate::ui::Out;

use super::surroundings::Surroundings;

pub(super) fn within_reach(around: &Surroundings, endpoints: &[Endpoint]) -> Result<()> {
    let local = |endpoint: &&Endpoint| {
        endpoint.url.host == "localhost" || endpoint.url.host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
    };
    match endpoints.iter().find(|endpoint| !local(endpoint)) {
        Some(real) if around.fixed.is_some() => {
            Err(Fault::refused(format!("the demo contacts no real host: {}", real.url.authority()))
                .with_hint("run the command without `demo`"))
        }
        _ => Ok(()),
    }
}

/// Creates the client of a context: reads its secret and sets up trust.
pub(super) fn connect(context: &Context, around: &Surroundings, out: &Arc<Out>, verb: &str) -> Result<Client> {
    if context.transport != Via::Https {
        return through_pvesh(context, around, out, verb);
    }
    if context.insecure {
        out.warn(format!("the context '{}' is insecure: nobody knows who answers", context.name));
    }
    within_reach(around, &context.endpoints)?;
    let context = first_contact::settle(context, around, out)?;
    let Some(token_id) = &context.token_id else {
        return Err(Fault::config(format!("the context '{}' has no token_id", context.name))
            .with_hint("create one with `felhom role bootstrap`, or name one with `felhom context edit`"));
    };
    let Some(source) = &context.secret else {
        return Err(Fault::config(format!("the context '{}' does not say where its secret is", context.name)).with_hint(format!(
            "set it with `felhom context edit {}`: secret = \"keyring\", \"file:PATH\", \"env:VAR\", \"credential:NAME\" or a command",
            context.name
        )));
    };
    let vault = Vault::new(&around.env, &around.paths, &around.interrupt);
    let secret = vault.read(source, &Account::new(&context.name, token_id)).map_err(|fault| lost_secret(fault, context.name.as_str()))?;
    let https = https(&context, around, out, Login::Token { id: token_id.clone(), secret })?;
    Ok(Client::new(Box::new(https), verb.to_owned(), around.interrupt.clone()))
}

/// Adds a hint to the error of a secret that cannot be read.
pub(in crate::cli) fn lost_secret(fault: Fault, context: &str) -> Fault {
    let named = if context == FROM_ENV { String::new() } else { format!(" -c {context}") };
    let renew = format!("put it back, or `felhom role bootstrap{named}` makes a new one");
    Fault { hint: fault.hint.clone().or(Some(renew)), ..fault }
}

/// Creates the HTTPS transport, logged under `-vv`.
pub(in crate::cli) fn https(context: &Context, around: &Surroundings, out: &Arc<Out>, login: Login) -> Result<Https> {
    let log = Arc::clone(out);
    Https::new(context, &around.env, around.interrupt.clone(), login, Box::new(move |line| log.debug(2, redact::text(line))))
}

/// Creates a client for root@pam through pvesh: over ssh, or on this machine.
#[cfg(feature = "exec")]
fn through_pvesh(context: &Context, around: &Surroundings, out: &Arc<Out>, verb: &str) -> Result<Client> {
    use crate::transport::pvesh::{Door, Pvesh};
    let door = match (&context.transport, &context.ssh) {
        (Via::Ssh, Some(ssh)) => Door::Ssh { host: ssh.host.clone() },
        (Via::Ssh, None) => {
            return Err(Fault::config(format!("the context '{}' has transport = \"ssh\" and no [contexts.{0}.ssh] host", context.name))
                .with_hint(format!("add it with `felhom context edit {}`: host = \"root@HOST\"", context.name)));
        }
        _ => Door::Local,
    };
    let log = Arc::clone(out);
    let pvesh = Pvesh::new(door, Box::new(move |line| log.debug(2, redact::text(line))));
    Ok(Client::new(Box::new(pvesh), verb.to_owned(), around.interrupt.clone()))
}

#[cfg(not(feature = "exec"))]
fn through_pvesh(context: &Context, _: &Surroundings, _: &Arc<Out>, _: &str) -> Result<Client> {
    Err(Fault::config(format!("the context '{}' needs ssh or pvesh, and this build starts no processes", context.name)))
}
