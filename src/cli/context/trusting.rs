//! Trust by options or by comparing fingerprints.

use std::path::PathBuf;

use clap::Args;

use crate::cli::Ctx;
use crate::cli::first_contact::accept;
use crate::config::context::INSECURE;
use crate::config::first_contact::FirstContact;
use crate::config::{Context, Endpoint};
use crate::fault::{Fault, Kind, Result};
use crate::interrupt::Interrupt;
use crate::ops::context::{peer_certificate, under_ca};
use crate::transport::Client;
use crate::transport::tls::{self, Fingerprint};
use crate::units;

/// Options for trust without a question.
#[derive(Debug, Clone, Args)]
pub struct TrustFlags {
    /// SHA-256 fingerprint, once per endpoint
    #[arg(long, help_heading = "Trust", value_name = "FP", conflicts_with_all = ["ca_file", "system_roots", "insecure"])]
    pub fingerprint: Vec<Fingerprint>,
    /// CA certificate of the cluster
    ///
    /// CA certificate of the cluster, a copy of its /etc/pve/pve-root-ca.pem
    #[arg(long, help_heading = "Trust", value_name = "PEM", conflicts_with_all = ["system_roots", "insecure"])]
    pub ca_file: Option<PathBuf>,
    /// Trust this machine's CA store
    #[arg(long, help_heading = "Trust", conflicts_with = "insecure")]
    pub system_roots: bool,
    /// Skip verification; TEXT is 'I understand'
    #[arg(long, help_heading = "Trust", value_name = "TEXT", value_parser = understood)]
    pub insecure: Option<bool>,
    /// Pin only the certificate, not the cluster's CA
    #[arg(long, help_heading = "Trust", conflicts_with_all = ["ca_file", "system_roots", "insecure"])]
    pub leaf: bool,
    /// Write the context without contacting the host
    #[arg(long, help_heading = "Trust")]
    pub offline: bool,
}

fn understood(words: &str) -> std::result::Result<bool, String> {
    if words == INSECURE { Ok(true) } else { Err(format!("say it in these words: '{INSECURE}'")) }
}

/// Trust to write besides the context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pinned {
    /// Nothing else.
    InPlace,
    /// A CA to store next to the configuration.
    Ca(String),
}

impl TrustFlags {
    /// Whether the options are sufficient.
    pub fn settles(&self) -> bool {
        !self.fingerprint.is_empty() || self.ca_file.is_some() || self.system_roots || self.insecure.is_some()
    }

    /// Applies the options to the context without requests or questions.
    pub fn apply(&self, context: &mut Context) -> Result<Pinned> {
        if !self.settles() {
            return Ok(Pinned::InPlace);
        }
        (context.ca_file, context.system_roots, context.insecure) = (None, self.system_roots, self.insecure.is_some());
        for endpoint in &mut context.endpoints {
            endpoint.fingerprint = None;
        }
        if self.fingerprint.len() > context.endpoints.len() {
            return Err(Fault::usage(format!("{} fingerprints for {} endpoints", self.fingerprint.len(), context.endpoints.len())));
        }
        for (endpoint, fingerprint) in context.endpoints.iter_mut().zip(&self.fingerprint) {
            endpoint.fingerprint = Some(*fingerprint);
        }
        let Some(file) = &self.ca_file else { return Ok(Pinned::InPlace) };
        let fault = |why: &dyn std::fmt::Display| Fault::usage(format!("--ca-file {}: {why}", file.display()));
        let pem = std::fs::read_to_string(file).map_err(|e| fault(&e))?;
        tls::certificates(pem.as_bytes()).map_err(|why| fault(&why))?;
        // For this run; a copy will be written.
        context.ca_file = Some(std::path::absolute(file).map_err(|e| fault(&e))?);
        Ok(Pinned::Ca(pem))
    }
}

/// Asks for each endpoint that is not trusted yet.
pub fn meet(ctx: &Ctx, context: &mut Context, only_first: bool) -> Result<()> {
    let count = if only_first { 1 } else { context.endpoints.len() };
    for at in 0..count.min(context.endpoints.len()) {
        let endpoint = &context.endpoints[at];
        if context.trust(endpoint)?.is_none() {
            let cert = peer_certificate(endpoint, &ctx.around.interrupt)?;
            accept(endpoint, &cert, &ctx.out)?;
            context.endpoints[at].fingerprint = Some(cert.sha256);
        }
    }
    Ok(())
}

/// Compares the given fingerprint or CA with the host's certificate.
pub fn compare(context: &Context, endpoint: &Endpoint, interrupt: &Interrupt) -> Result<()> {
    let cert = peer_certificate(endpoint, interrupt)?;
    if let Some(fingerprint) = endpoint.fingerprint {
        if fingerprint == cert.sha256 {
            return Ok(());
        }
        return Err(FirstContact::new(endpoint, &cert, units::now()).refusal());
    }
    let Some(file) = &context.ca_file else { return Ok(()) };
    let pem = std::fs::read(file).map_err(|e| Fault::config(format!("cannot read {}: {e}", file.display())))?;
    if !tls::chains_to(&cert.leaf_der, &pem) {
        let authority = endpoint.url.authority();
        let message = format!("the certificate of {authority} is not of that CA: its fingerprint is {}", cert.sha256);
        return Err(Fault::new(Kind::Untrusted, message).with_hint("use the cluster's CA: /etc/pve/pve-root-ca.pem on any of its nodes"));
    }
    let asked = endpoint.server_name.as_ref().unwrap_or(&endpoint.url.host);
    if !tls::covers(&cert.leaf_der, asked) {
        let message = format!("the certificate of {} is for {}, not for {asked}", endpoint.url.authority(), cert.sans.join(", "));
        return Err(Fault::new(Kind::Untrusted, message).with_hint("use one of those as --server-name, or as the endpoint"));
    }
    Ok(())
}

/// Pins the cluster's CA instead of the certificates if it issued all of them. The host is already trusted.
pub fn widen(client: &Client, context: &mut Context, interrupt: &Interrupt) -> Result<Pinned> {
    let Some(pem) = crate::ops::context::cluster_ca(client)? else { return Ok(Pinned::InPlace) };
    match under_ca(&context.endpoints, &pem, |endpoint| peer_certificate(endpoint, interrupt)) {
        Some(endpoints) => {
            context.endpoints = endpoints;
            Ok(Pinned::Ca(pem))
        }
        None => Ok(Pinned::InPlace),
    }
}
